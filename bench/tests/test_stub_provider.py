"""The stub against the real SDKs: if they can't tell it from the provider, our tests mean something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from bench.stub_provider import DEFAULT_TOKENS, StubProvider, embedding_of, reply_tokens

MESSAGES: Any = [{"role": "user", "content": "How many days of leave?"}]


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    with StubProvider() as running:
        yield running


@pytest.fixture
def openai_client(stub: StubProvider) -> openai.OpenAI:
    return openai.OpenAI(api_key="key", base_url=stub.openai_url, max_retries=0)


@pytest.fixture
def anthropic_client(stub: StubProvider) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="key", base_url=stub.anthropic_url, max_retries=0)


def test_default_reply_has_sixty_tokens_and_cites() -> None:
    tokens = reply_tokens("", 0)
    assert len(tokens) == DEFAULT_TOKENS
    assert "[1]" in "".join(tokens)
    assert "[2]" in "".join(tokens)


def test_openai_stream(stub: StubProvider, openai_client: openai.OpenAI) -> None:
    stub.control(cached_tokens=2)
    stream = openai_client.chat.completions.create(
        model="m",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    usage = chunks[-1].usage
    assert text == "".join(reply_tokens("", 0))
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (6, DEFAULT_TOKENS)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 2
    assert chunks[-2].choices[0].finish_reason == "stop"
    row = stub.counts()["endpoints"]["/v1/chat/completions"]["m"]
    assert row == {
        "requests": 1,
        "answered": 1,
        "input_tokens": 6,
        "output_tokens": DEFAULT_TOKENS,
        "streamed_tokens": DEFAULT_TOKENS,
    }


def test_openai_whole(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(model="m@tokens=3", messages=MESSAGES)
    assert reply.choices[0].message.content == "".join(reply_tokens("", 3))
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 3


def test_anthropic_stream(stub: StubProvider, anthropic_client: anthropic.Anthropic) -> None:
    stub.control(text="Yes [1].", cached_tokens=4)
    with anthropic_client.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream:
        message = stream.get_final_message()
    assert message.content[0].type == "text"
    assert message.content[0].text == "Yes [1]."
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 2
    assert message.usage.cache_read_input_tokens == 4
    assert message.usage.output_tokens == len(reply_tokens("Yes [1].", 0))


def test_anthropic_whole(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model="m@tokens=5", max_tokens=9, messages=MESSAGES)
    assert message.usage.output_tokens == 5


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_openai_errors(openai_client: openai.OpenAI, status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        openai_client.chat.completions.create(model=f"m@status={status}", messages=MESSAGES)


def test_anthropic_overload(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.InternalServerError) as caught:
        anthropic_client.messages.create(model="m@status=529", max_tokens=9, messages=MESSAGES)
    assert caught.value.type == "overloaded_error"


def test_faults_stop_after_the_first_ones(stub: StubProvider, openai_client: openai.OpenAI) -> None:
    stub.control(status=500, fail_first=1)
    with pytest.raises(openai.InternalServerError):
        openai_client.chat.completions.create(model="m", messages=MESSAGES)
    assert openai_client.chat.completions.create(model="m", messages=MESSAGES).choices


def test_control_reset_and_counts_over_http(stub: StubProvider) -> None:
    assert httpx.post(f"{stub.url}/control", json={"token-delay": 0.5, "silent": "true"}).json()["token_delay"] == 0.5
    assert stub.stub.behaviour.silent
    assert httpx.post(f"{stub.url}/control", json={"nonsense": 1}).status_code == 400
    httpx.post(f"{stub.url}/reset")
    assert httpx.get(f"{stub.url}/control").json()["token_delay"] == 0
    assert httpx.get(f"{stub.url}/counts").json()["total"] == {}
    assert httpx.get(f"{stub.url}/nowhere").status_code == 404


def test_headers_hold_for_one_request(stub: StubProvider) -> None:
    body = {"model": "m", "messages": MESSAGES}
    url = f"{stub.openai_url}/chat/completions"
    assert httpx.post(url, json=body, headers={"X-Stub-Status": "429"}).status_code == 429
    assert httpx.post(url, json=body).status_code == 200


def test_embeddings_in_both_encodings(openai_client: openai.OpenAI) -> None:
    as_base64 = openai_client.embeddings.create(model="e", input=["annual leave", "lunch"])
    as_floats = openai_client.embeddings.create(model="e", input="annual leave", encoding_format="float", dimensions=64)
    first = as_base64.data[0].embedding
    assert len(first) == 1536
    assert math.isclose(math.hypot(*first), 1, abs_tol=1e-5)
    assert len(as_floats.data[0].embedding) == 64
    assert as_base64.usage.prompt_tokens == 5


def test_embeddings_of_like_texts_are_closer() -> None:
    question, near, far = (
        embedding_of(text, 256, 0.3)
        for text in ("days of annual leave", "annual leave is 25 days", "the coffee machine")
    )
    assert float(question @ near) > float(question @ far) + 0.1
    assert float(question @ far) > 0.2


def test_models_are_listed(openai_client: openai.OpenAI) -> None:
    assert "gpt-4o-mini" in [model.id for model in openai_client.models.list()]
