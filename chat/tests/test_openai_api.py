"""The OpenAI-compatible addresses, by OpenAI's own client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import UsageEvent
from chat.models import Conversation
from chat.openai_api.completions import footnotes
from chat.openai_api.errors import InvalidRequest
from chat.openai_api.parsing import parse_chat, parse_embeddings, without_footnotes
from chat.tests.conftest import Ready
from chat.tests.web import streamed, web
from knowledge.errors import ProviderUnavailable
from knowledge.models import AnswerPolicy
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.types import Role, Turn
from tenants.context import in_public, in_tenant
from tenants.models import Organisation
from vena_platform.asgi import application

QUESTION: Any = [{"role": "user", "content": "How many days of leave do I get?"}]
Body = dict[str, Any]


def sdk(organisation: Organisation, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=f"http://{organisation.slug}.localhost:8000/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application)),
    )


async def test_a_whole_answer(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    user, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].")
    earlier: Any = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi [1].\n\nSources:\n[1] leave: http://acme.localhost:8000/documents/x/"},
    ]
    async with sdk(live_acme, key) as client:
        answer = await client.chat.completions.create(model="vena", messages=[*earlier, *QUESTION], temperature=0.3)
    text, extra = answer.choices[0].message.content or "", answer.model_extra or {}
    assert text.startswith("You get 25 days [1].\n\nSources:\n[1] leave: http://acme.localhost:8000/documents/")
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", "vena", "stop")
    assert [(one["n"], one["title"]) for one in extra["citations"]] == [(1, "leave")]
    assert extra["citations"][0]["url"].startswith("http://acme.localhost:8000/documents/")
    assert answer.usage
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert [turn.text for turn in scripted.prompts[0].turns[:-1]] == ["Hello", "Hi."]
    kept = await in_tenant(live_acme.schema_name, lambda: Conversation.objects.select_related("member").get())
    assert (kept.title, kept.member.email, kept.archived_at is not None) == (QUESTION[0]["content"], user.email, True)


async def test_a_streamed_answer(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].", "You get 25 days [1].")
    async with sdk(live_acme, key) as client:
        stream = await client.chat.completions.create(
            model="vena",
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"footnotes": False},
        )
        chunks = [chunk async for chunk in stream]
        plain = await client.chat.completions.create(model="vena", messages=QUESTION, stream=True)
        noted = [chunk async for chunk in plain]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "You get 25 days [1]."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-3:-1]] == [None, "stop"]
    assert [one["n"] for one in (chunks[-2].model_extra or {})["citations"]] == [1]
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens > 0
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert len({chunk.id for chunk in chunks}) == 1
    assert "\n\nSources:\n[1] leave: " in "".join(chunk.choices[0].delta.content or "" for chunk in noted)


async def test_chunks_come_while_the_answer_is_written(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days [1].", at=2)
    body = {"model": "vena", "messages": QUESTION, "stream": True}
    async with streamed(live_acme, key, "/v1/chat/completions", body) as events:
        first, second = await events.raw(), await events.raw()
        assert b'"role":"assistant"' in first
        assert b'"content":"You' in second
        resume.set()
        while (event := await events.raw()) != b"data: [DONE]":
            assert event


async def test_failures_have_openais_shape(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    scripted.fail(ProviderUnavailable())
    scripted.fail(ProviderUnavailable(), text="You get a lot", after=2)
    async with sdk(live_acme, key) as client:
        ask = client.chat.completions.create
        with pytest.raises(openai.InternalServerError) as unavailable:
            await ask(model="vena", messages=QUESTION)
        with pytest.raises(openai.APIError) as broken:
            async for _ in await ask(model="vena", messages=QUESTION, stream=True):
                pass
        with pytest.raises(openai.NotFoundError) as unknown:
            await ask(model="gpt-9", messages=QUESTION)
        with pytest.raises(openai.BadRequestError) as unkept:
            await ask(model="vena", messages=QUESTION, n=2)
        with pytest.raises(openai.NotFoundError):
            await client.files.list()
    async with sdk(live_acme, "vena_wrong_key") as client:
        with pytest.raises(openai.AuthenticationError) as stranger:
            await client.models.list()
    assert (unavailable.value.status_code, unavailable.value.code) == (503, "provider_unavailable")
    assert (broken.value.code, broken.value.type) == ("provider_unavailable", "server_error")
    assert (unknown.value.code, unkept.value.param) == ("model_not_found", "n")
    assert (stranger.value.code, stranger.value.type) == ("invalid_api_key", "authentication_error")


async def test_too_many_requests_have_it_too(live_acme: Organisation, ready: Ready, settings: Any) -> None:
    settings.VENA_API_REQUESTS_PER_MINUTE = 0
    _, key = await ready(live_acme)
    async with sdk(live_acme, key) as client:
        with pytest.raises(openai.RateLimitError) as refused:
            await client.models.list()
    assert refused.value.code == "throttled"
    assert int(refused.value.response.headers["retry-after"]) > 0


async def test_models(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    policy = {"primary_provider": "scripted", "primary_model": "one", "backup_provider": "scripted"}
    await in_tenant(live_acme.schema_name, lambda: AnswerPolicy.objects.create(**policy, backup_model="two"))
    async with sdk(live_acme, key) as client:
        names = [model.id async for model in client.models.list()]
        assert names == ["vena", "scripted/one", "scripted/two", "all-MiniLM-L6-v2"]
        assert (await client.models.retrieve("scripted/two")).id == "scripted/two"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("three")
        answer = await client.chat.completions.create(model="two", messages=QUESTION)
    assert answer.model == "two"


async def test_embeddings(live_acme: Organisation, ready: Ready) -> None:
    user, key = await ready(live_acme)
    texts = ["annual leave", "days off", "the price of fish"]
    async with sdk(live_acme, key) as client:
        packed = await client.embeddings.create(model="vena", input=texts)  # the client asks for base64
        plain = await client.embeddings.create(model="all-MiniLM-L6-v2", input=texts[0], encoding_format="float")
        with pytest.raises(openai.BadRequestError) as refused:
            await client.embeddings.create(model="vena", input=texts, dimensions=12)
    first, second, third = (row.embedding for row in packed.data)
    assert len(first) == 384
    assert first == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert dot(first, second) > dot(first, third)
    assert (packed.usage.prompt_tokens > 0, refused.value.param) == (True, "dimensions")
    events = await in_public(lambda: list(UsageEvent.objects.filter(kind="embedding").order_by("-pk")[:2]))
    assert [event.input_tokens for event in events] == [plain.usage.prompt_tokens, packed.usage.prompt_tokens]
    assert {event.member_label for event in events} == {user.email}


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_another_organisations_key_opens_nothing(
    live_acme: Organisation, live_globex: Organisation, ready: Ready
) -> None:
    _, key = await ready(live_acme)
    async with web(live_globex, key) as client:
        for method, path in (("GET", "models"), ("POST", "chat/completions"), ("POST", "embeddings")):
            refused = await client.request(method, f"/v1/{path}", json={} if method == "POST" else None)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    async with web(live_acme) as client:  # no key at all, and no session either
        assert (await client.get("/v1/models")).json()["error"]["code"] == "not_authenticated"
    assert await in_tenant(live_globex.schema_name, Conversation.objects.count) == 0


async def test_a_key_asks_once(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    async with sdk(live_acme, key) as client:
        ask = client.chat.completions.create(model="vena", messages=QUESTION, extra_headers={"Idempotency-Key": "one"})
        first = await ask
        second = await client.chat.completions.create(
            model="vena", messages=QUESTION, extra_headers={"Idempotency-Key": "one"}
        )
    assert first.id == second.id
    assert first.choices[0].message.content == second.choices[0].message.content
    await asyncio.sleep(0)
    assert len(scripted.prompts) == 1


# -- bodies -------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "robot"])}, optional={"content": ANYTHING}
)
FIELDS = st.fixed_dictionaries(
    {"model": ANYTHING, "messages": st.lists(MESSAGE | ANYTHING, max_size=4) | ANYTHING},
    optional=dict.fromkeys(("n", "stream", "stream_options", "tools", "response_format", "footnotes"), ANYTHING),
)


@settings(max_examples=40)
@given(FIELDS | ANYTHING)
def test_any_chat_body_is_read_or_refused(body: Any) -> None:
    try:
        read = parse_chat(body)
    except InvalidRequest as refused:
        assert refused.param
        return
    assert read.question
    assert "\x00" not in read.question
    assert len(read.history) <= 6


@settings(max_examples=30)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("model", "input", "encoding_format", "dimensions"), ANYTHING)))
def test_any_embedding_body_is_read_or_refused(body: Body) -> None:
    try:
        assert parse_embeddings(body, 384).texts
    except InvalidRequest as refused:
        assert refused.param


@pytest.mark.parametrize(
    ("more", "param"),
    [
        pytest.param({"tools": [{"type": "function"}]}, "tools", id="tools"),
        pytest.param({"n": 2}, "n", id="choices"),
        pytest.param({"response_format": {"type": "json_object"}}, "response_format", id="json"),
        pytest.param({"stream": "yes"}, "stream", id="stream"),
        pytest.param({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages", id="no-question"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0]", id="picture"),
    ],
)
def test_what_is_not_kept_is_refused(more: Body, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_chat({"model": "vena", "messages": QUESTION, **more})
    assert refused.value.param == param


def test_text_parts_are_one_text() -> None:
    content = [{"type": "text", "text": "How many"}, {"type": "text", "text": "days?"}]
    assert (
        parse_chat({"model": "vena", "messages": [{"role": "user", "content": content}]}).question == "How many\ndays?"
    )


def test_history_keeps_the_newest_within_its_budget() -> None:
    long = [{"role": "user", "content": "x" * 5900}, {"role": "assistant", "content": "y" * 200}]
    read = parse_chat({"model": "vena", "messages": [*long, *QUESTION]})
    shortened, last = read.history
    assert last == Turn(Role.ASSISTANT, "y" * 200)
    assert shortened.text.endswith("x…")


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(1, 99), st.none() | st.integers(1, 9)), max_size=4))
def test_our_footnotes_can_be_taken_off_again(title: str, cited: list[tuple[int, int | None]]) -> None:
    sources = [{"n": n, "title": title, "page": page, "url": "/documents/x/"} for n, page in cited]
    assert without_footnotes("It is so [1]." + footnotes(sources, "http://acme.example")) == "It is so [1]."
