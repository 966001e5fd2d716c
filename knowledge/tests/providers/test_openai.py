"""The OpenAI provider over loopback against the stub: real client, real wire format."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from bench.stub_provider import DEFAULT_TOKENS, StubProvider, reply_tokens
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.openai import OpenAIChatModel
from knowledge.providers.streams import estimate_usage
from knowledge.types import ModelUsage, Prompt, Role, Turn

PROMPT = Prompt("Answer.", (Turn(Role.USER, "How many days of leave?"),), "How many days of leave?", ())
TEXT = "".join(reply_tokens("", 0))


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    with StubProvider() as running:
        yield running


async def read(
    model: OpenAIChatModel, prompt: Prompt = PROMPT, into: list[str] | None = None
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
async def model(stub: StubProvider) -> AsyncIterator[OpenAIChatModel]:
    model = OpenAIChatModel("m", "key", stub.openai_url, first_token_timeout=30.0, silence_timeout=30.0)
    model.prepare()
    yield model
    await model.close()


@pytest.fixture
async def hasty(stub: StubProvider) -> AsyncIterator[OpenAIChatModel]:
    model = OpenAIChatModel("m", "key", stub.openai_url, first_token_timeout=2.0, silence_timeout=1.0)
    model.prepare()
    yield model
    await model.close()


async def until(condition: Any, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return bool(condition())


async def test_streams_text_and_usage(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(cached_tokens=3, token_delay=0.001)
    text, usage = await read(model)
    assert text == TEXT
    assert usage == ModelUsage("openai", "m", input_tokens=8, cached_input_tokens=3, output_tokens=DEFAULT_TOKENS)
    assert stub.total("output_tokens") == DEFAULT_TOKENS


async def test_request_carries_prompt_and_limit(stub: StubProvider, model: OpenAIChatModel) -> None:
    turns = (Turn(Role.USER, "a"), Turn(Role.ASSISTANT, "b"), Turn(Role.USER, "c"))
    await read(model, Prompt("s", turns, "c", (), max_output_tokens=77))
    sent = stub.last_request
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["max_tokens"] == 77
    assert sent["stream_options"] == {"include_usage": True}
    assert "temperature" not in sent


async def test_connections_are_used_again(stub: StubProvider, model: OpenAIChatModel) -> None:
    for _ in range(5):
        await read(model)
    assert stub.counts()["connections"] == 1


async def test_usage_is_estimated_when_never_told(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(tells_usage=False)
    text, usage = await read(model)
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens == -(-len(text) // 4)
    assert usage.input_tokens > 0


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_failures_are_unavailable(stub: StubProvider, model: OpenAIChatModel, status: int) -> None:
    stub.control(status=status)
    with pytest.raises(ProviderUnavailable) as caught:
        await read(model)
    assert str(status) in caught.value.detail


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_lasting_failures_are_refused(stub: StubProvider, model: OpenAIChatModel, status: int) -> None:
    stub.control(status=status)
    with pytest.raises(ProviderRefused) as caught:
        await read(model)
    assert str(status) in caught.value.detail


async def test_never_repeats_a_call_by_itself(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(status=500)
    with pytest.raises(ProviderUnavailable):
        await read(model)
    assert stub.total("requests") == 1


async def test_refused_calls_leak_no_connections(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(status=401)
    for _ in range(20):
        with pytest.raises(ProviderRefused):
            await read(model)
    assert stub.counts()["connections"] <= 1


async def test_nobody_listens() -> None:
    model = OpenAIChatModel("m", "key", "http://127.0.0.1:9/v1")
    with pytest.raises(ProviderUnavailable):
        await read(model)
    await model.close()


async def test_a_refused_connection_costs_nothing_and_one_that_breaks_may() -> None:
    """The request was sent: the provider may have begun, and takes money for that."""
    asked = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(20))
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for where, is_free in ((port, False), (9, True)):
            model = OpenAIChatModel("m", "key", f"http://127.0.0.1:{where}/v1")
            with pytest.raises(ProviderUnavailable) as caught:
                await read(model)
            assert caught.value.is_free is is_free
            await model.close()
    assert len(asked) == 1  # it is not repeated either


async def test_a_connection_that_is_refused_is_tried_once_more(stub: StubProvider) -> None:
    """A server that restarts is back within a moment."""
    model = OpenAIChatModel("m", "key", f"http://127.0.0.1:{free_port()}/v1")
    model.prepare()
    port = int(str(model._clients.get().base_url).split(":")[2].split("/")[0])
    asking = asyncio.create_task(read(model))
    await asyncio.sleep(0.03)
    with StubProvider(port=port):
        text, _ = await asking
    assert text == TEXT
    await model.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "accept the key"), (403, "accept the key"), (404, "does not know the chosen model"), (400, "refused")],
)
async def test_a_refusal_names_what_the_admin_can_do(
    stub: StubProvider, model: OpenAIChatModel, status: int, words: str
) -> None:
    stub.control(status=status)
    with pytest.raises(ProviderRefused) as caught:
        await read(model)
    assert words in caught.value.text
    assert "administrator" in caught.value.text
    assert (caught.value.http_status, caught.value.is_free) == (status, True)
    assert "stub-****-key" not in caught.value.detail  # what OpenAI says of a key shows parts of it


async def test_silence_is_noticed_in_its_own_time(stub: StubProvider) -> None:
    """Also where the first piece may take much longer than the next."""
    model = OpenAIChatModel("m", "key", stub.openai_url, first_token_timeout=20.0, silence_timeout=0.3)
    stub.control(stall_after=3)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="silent for 0.3 s"):
        await read(model)
    assert time.monotonic() - started < 5
    await model.close()


async def test_what_came_before_garbage_is_kept(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(garbage_after=7)
    pieces: list[str] = []
    with pytest.raises(ProviderUnavailable):
        await read(model, into=pieces)
    assert "".join(pieces) == "".join(reply_tokens("", 0)[:7])


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "end_after"])
async def test_broken_streams_keep_what_came(stub: StubProvider, model: OpenAIChatModel, fault: str) -> None:
    stub.control(token_delay=0.002, **{fault: 7})
    pieces: list[str] = []
    with pytest.raises(ProviderUnavailable):
        await read(model, into=pieces)
    assert "".join(pieces) == "".join(reply_tokens("", 0)[:7])
    usage = estimate_usage(model, PROMPT, "".join(pieces))
    assert usage.estimated
    assert usage.output_tokens > 0


async def test_cut_before_the_first_token(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(drop_after=0)
    with pytest.raises(ProviderUnavailable):
        await read(model)


@pytest.mark.parametrize(
    "settings", [{"silent": True}, {"first_token_delay": 30}, {"first_token_delay": 30, "ping_interval": 0.05}]
)
async def test_first_token_must_come_in_time(
    stub: StubProvider, hasty: OpenAIChatModel, settings: dict[str, Any]
) -> None:
    stub.control(**settings)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="no first token within 2 s"):
        await read(hasty)
    assert 1.9 < time.monotonic() - started < 8
    assert await until(lambda: stub.counts()["connections"] == 0)


async def test_silence_ends_a_stream(stub: StubProvider, hasty: OpenAIChatModel) -> None:
    stub.control(stall_after=3, token_delay=0.01, ping_interval=0.05)
    with pytest.raises(ProviderUnavailable, match="silent for 1 s"):
        await read(hasty)


async def test_slow_but_steady_is_fine(stub: StubProvider, hasty: OpenAIChatModel) -> None:
    stub.control(tokens=12, token_delay=0.2)  # 2.4 s in all: longer than either limit
    text, _ = await read(hasty)
    assert text == "".join(reply_tokens("", 12))


async def test_slow_reader_is_not_a_silent_provider(stub: StubProvider, hasty: OpenAIChatModel) -> None:
    stub.control(tokens=4, token_delay=0.01)
    pieces: list[str | ModelUsage] = []
    async with aclosing(hasty.stream(PROMPT)) as stream:
        async for piece in stream:
            pieces.append(piece)
            if len(pieces) == 2:
                await asyncio.sleep(2.3)
    *texts, usage = pieces
    assert "".join(map(str, texts)) == "".join(reply_tokens("", 4))
    assert isinstance(usage, ModelUsage)


async def test_cancelling_closes_the_connection_at_once(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(token_delay=0.05)
    task = asyncio.create_task(read(model))
    assert await until(lambda: stub.total("streamed_tokens") >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(lambda: stub.total("cancelled") == 1)


async def test_closing_early_closes_the_connection_at_once(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(token_delay=0.05)
    async with aclosing(model.stream(PROMPT)) as stream:
        async for _ in stream:
            break
    assert await until(lambda: stub.total("cancelled") == 1)
    assert stub.counts()["connections"] == 0


async def test_cancelling_while_nothing_has_come(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(silent=True)
    task = asyncio.create_task(read(model))
    assert await until(lambda: stub.total("requests") == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(lambda: stub.counts()["connections"] == 0)


async def test_outer_time_out_stays_what_it_is(stub: StubProvider, model: OpenAIChatModel) -> None:
    stub.control(silent=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await read(model)


def test_one_client_per_event_loop(stub: StubProvider) -> None:
    model = OpenAIChatModel("m", "key", stub.openai_url)

    async def once() -> str:
        text, _ = await read(model)
        await model.close()
        return text

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(once()) == second.run(once()) == TEXT


async def test_fifty_at_once(stub: StubProvider) -> None:
    model = OpenAIChatModel("m", "key", stub.openai_url)
    stub.control(token_delay=0.001)
    answers = await asyncio.gather(*[read(model) for _ in range(50)])
    await model.close()
    assert {text for text, _ in answers} == {TEXT}
    assert stub.total("output_tokens") == sum(usage.output_tokens for _, usage in answers if usage)


async def test_prompts_that_begin_alike_are_told_to_openai_and_to_nobody_else(
    stub: StubProvider, model: OpenAIChatModel
) -> None:
    prompt = replace(PROMPT, prefix_key="0123")
    await read(model, prompt)
    assert "prompt_cache_key" not in stub.last_request
    openai_itself = OpenAIChatModel("m", api_key="k")
    openai_itself._clients.get().base_url = stub.openai_url
    await read(openai_itself, prompt)
    assert stub.last_request["prompt_cache_key"] == "0123"
    await openai_itself.close()
