"""The Anthropic provider over loopback against the stub: real client, real wire format."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from bench.stub_provider import DEFAULT_TOKENS, StubProvider, reply_tokens
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.anthropic import AnthropicChatModel, thinking_of
from knowledge.providers.streams import estimate_usage
from knowledge.types import ModelUsage, Prompt, Role, Turn

PROMPT = Prompt("Answer.", (Turn(Role.USER, "How many days of leave?"),), "How many days of leave?", ())
TEXT = "".join(reply_tokens("", 0))


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    with StubProvider() as running:
        yield running


async def read(
    model: AnthropicChatModel, prompt: Prompt = PROMPT, into: list[str] | None = None
) -> tuple[str, ModelUsage | None]:
    pieces: list[str] = [] if into is None else into
    usage = None
    async with aclosing(model.stream(prompt)) as stream:
        async for piece in stream:
            if isinstance(piece, str):
                pieces.append(piece)
            else:
                usage = piece
    return "".join(pieces), usage


@pytest.fixture
async def model(stub: StubProvider) -> AsyncIterator[AnthropicChatModel]:
    model = AnthropicChatModel("m", "key", stub.anthropic_url, first_token_timeout=30.0, silence_timeout=30.0)
    model.prepare()
    yield model
    await model.close()


@pytest.fixture
async def hasty(stub: StubProvider) -> AsyncIterator[AnthropicChatModel]:
    model = AnthropicChatModel("m", "key", stub.anthropic_url, first_token_timeout=2.0, silence_timeout=1.0)
    model.prepare()
    yield model
    await model.close()


async def until(condition: Any, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return bool(condition())


async def test_streams_text_and_usage(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(cached_tokens=3, token_delay=0.001)
    text, usage = await read(model)
    assert text == TEXT
    assert usage == ModelUsage("anthropic", "m", input_tokens=8, cached_input_tokens=3, output_tokens=DEFAULT_TOKENS)
    assert stub.total("output_tokens") == DEFAULT_TOKENS


async def test_request_carries_prompt_and_limit(stub: StubProvider, model: AnthropicChatModel) -> None:
    turns = (Turn(Role.USER, "a"), Turn(Role.ASSISTANT, "b"), Turn(Role.USER, "c"))
    await read(model, Prompt("s", turns, "c", (), max_output_tokens=77))
    sent = stub.last_request
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["system"] == "s"
    assert sent["max_tokens"] == 77
    assert "temperature" not in sent


async def test_connections_are_used_again(stub: StubProvider, model: AnthropicChatModel) -> None:
    for _ in range(5):
        await read(model)
    assert stub.counts()["connections"] == 1


async def test_usage_so_far_is_told_first(stub: StubProvider, model: AnthropicChatModel) -> None:
    """A stopped answer has exact input and an estimated output."""
    stub.control(token_delay=0.01, cached_tokens=3)
    text, told = "", None
    async with aclosing(model.stream(PROMPT)) as stream:
        async for piece in stream:
            if isinstance(piece, ModelUsage):
                told = piece
            elif len(text := text + piece) > 40:
                break
    assert told == ModelUsage("anthropic", "m", input_tokens=8, cached_input_tokens=3, output_tokens=1)
    usage = estimate_usage(model, PROMPT, text, told)
    assert (usage.input_tokens, usage.cached_input_tokens) == (8, 3)
    assert usage.output_tokens >= 10
    assert usage.estimated


@pytest.mark.parametrize("status", [429, 500, 529])
async def test_passing_failures_are_unavailable(stub: StubProvider, model: AnthropicChatModel, status: int) -> None:
    stub.control(status=status)
    with pytest.raises(ProviderUnavailable) as caught:
        await read(model)
    assert str(status) in caught.value.detail


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_lasting_failures_are_refused(stub: StubProvider, model: AnthropicChatModel, status: int) -> None:
    stub.control(status=status)
    with pytest.raises(ProviderRefused) as caught:
        await read(model)
    assert str(status) in caught.value.detail


async def test_never_repeats_a_call_by_itself(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(status=500)
    with pytest.raises(ProviderUnavailable):
        await read(model)
    assert stub.total("requests") == 1


async def test_refused_calls_leak_no_connections(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(status=401)
    for _ in range(20):
        with pytest.raises(ProviderRefused):
            await read(model)
    assert stub.counts()["connections"] <= 1


async def test_nobody_listens() -> None:
    model = AnthropicChatModel("m", "key", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        await read(model)
    await model.close()


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "end_after"])
async def test_broken_streams_keep_what_came(stub: StubProvider, model: AnthropicChatModel, fault: str) -> None:
    stub.control(token_delay=0.002, **{fault: 7})
    pieces: list[str] = []
    with pytest.raises(ProviderUnavailable):
        await read(model, into=pieces)
    assert pieces == list(reply_tokens("", 0)[:7])
    usage = estimate_usage(model, PROMPT, "".join(pieces))
    assert usage.estimated
    assert usage.output_tokens > 0


async def test_cut_before_the_first_token(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(drop_after=0)
    with pytest.raises(ProviderUnavailable):
        await read(model)


@pytest.mark.parametrize(
    "settings", [{"silent": True}, {"first_token_delay": 30}, {"first_token_delay": 30, "ping_interval": 0.05}]
)
async def test_first_token_must_come_in_time(
    stub: StubProvider, hasty: AnthropicChatModel, settings: dict[str, Any]
) -> None:
    stub.control(**settings)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="no first token within 2 s"):
        await read(hasty)
    assert 1.9 < time.monotonic() - started < 8
    assert await until(lambda: stub.counts()["connections"] == 0)


async def test_silence_ends_a_stream(stub: StubProvider, hasty: AnthropicChatModel) -> None:
    stub.control(stall_after=3, token_delay=0.01, ping_interval=0.05)
    with pytest.raises(ProviderUnavailable, match="silent for 1 s"):
        await read(hasty)


async def test_slow_but_steady_is_fine(stub: StubProvider, hasty: AnthropicChatModel) -> None:
    stub.control(tokens=12, token_delay=0.2)  # 2.4 s in all: longer than either limit
    text, _ = await read(hasty)
    assert text == "".join(reply_tokens("", 12))


async def test_slow_reader_is_not_a_silent_provider(stub: StubProvider, hasty: AnthropicChatModel) -> None:
    stub.control(tokens=4, token_delay=0.01)
    pieces = 0
    async with aclosing(hasty.stream(PROMPT)) as stream:
        async for _ in stream:
            pieces += 1
            if pieces == 2:
                await asyncio.sleep(2.3)
    assert pieces == 6


async def test_cancelling_closes_the_connection_at_once(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(token_delay=0.05)
    task = asyncio.create_task(read(model))
    assert await until(lambda: stub.total("streamed_tokens") >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(lambda: stub.total("cancelled") == 1)


async def test_closing_early_closes_the_connection_at_once(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(token_delay=0.05)
    async with aclosing(model.stream(PROMPT)) as stream:
        async for _ in stream:
            break
    assert await until(lambda: stub.total("cancelled") == 1)
    assert stub.counts()["connections"] == 0


async def test_cancelling_while_nothing_has_come(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(silent=True)
    task = asyncio.create_task(read(model))
    assert await until(lambda: stub.total("requests") == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(lambda: stub.counts()["connections"] == 0)


async def test_outer_time_out_stays_what_it_is(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(silent=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await read(model)


def test_one_client_per_event_loop(stub: StubProvider) -> None:
    model = AnthropicChatModel("m", "key", stub.anthropic_url)

    async def once() -> str:
        text, _ = await read(model)
        await model.close()
        return text

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(once()) == second.run(once()) == TEXT


async def test_fifty_at_once(stub: StubProvider) -> None:
    model = AnthropicChatModel("m", "key", stub.anthropic_url)
    stub.control(token_delay=0.001)
    answers = await asyncio.gather(*[read(model) for _ in range(50)])
    await model.close()
    assert {text for text, _ in answers} == {TEXT}
    assert stub.total("output_tokens") == sum(usage.output_tokens for _, usage in answers if usage)


async def test_long_rules_are_marked_to_be_kept_and_what_that_writes_is_told(
    stub: StubProvider, model: AnthropicChatModel
) -> None:
    stub.control(cached_tokens=3, cache_write_tokens=2)
    prompt = replace(PROMPT, system="Be brief. " * 500)
    _, usage = await read(model, prompt)
    assert usage is not None
    assert (usage.cached_input_tokens, usage.cache_write_tokens) == (3, 2)
    (block,) = stub.last_request["system"]
    assert block == {"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}
    await read(model, replace(PROMPT, system="Be brief."))
    assert stub.last_request["system"] == "Be brief."


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("claude-sonnet-4-6", {}),
        ("claude-haiku-4-5", {}),
        ("claude-sonnet-5", {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-5-5", {"thinking": {"type": "disabled"}}),
        ("claude-opus-5-5", {"output_config": {"effort": "low"}}),
    ],
)
def test_models_that_think_are_told_to_write(name: str, options: dict[str, object]) -> None:
    assert thinking_of(name) == options


async def test_a_429_says_how_long_to_wait(stub: StubProvider, model: AnthropicChatModel) -> None:
    stub.control(status=429, retry_after=7)
    with pytest.raises(ProviderUnavailable) as caught:
        await read(model)
    assert caught.value.retry_after == 7
