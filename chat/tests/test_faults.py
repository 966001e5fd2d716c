"""Whatever the only provider does, nothing ends in silence: an error, an end, a row, a line in the ledger."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.stub_provider import StubProvider, reply_tokens
from chat.tests.conftest import Ready
from chat.tests.sockets import connected, joined
from chat.tests.test_consumers import ledger, stored
from knowledge.providers.openai import OpenAIChatModel
from knowledge.providers.registry import chat_model_of
from tenants.models import Organisation

PATIENCE = 1.0  # seconds for the first text, and between two pieces


@dataclass
class Fault:
    name: str
    stub: dict[str, Any] = field(default_factory=dict)
    code: str = "provider_unavailable"
    is_retryable: bool = True
    shown: int = 0  # tokens that come before it
    server: str = "stub"  # or nobody, or noise


FAULTS = [
    Fault("connection_refused", server="nobody"),
    Fault("noise_instead_of_http", server="noise"),
    Fault("401", {"status": 401}, code="provider_refused", is_retryable=False),
    Fault("429", {"status": 429}),
    Fault("500", {"status": 500}),
    Fault("hangs", {"silent": True}),
    Fault("falls_silent", {"stall_after": 5}, shown=5),
    Fault("drops", {"drop_after": 5, "token_delay": 0.01}, shown=5),
    Fault("ends_too_early", {"end_after": 5}, shown=5),
    Fault("error_in_the_stream", {"error_after": 5}, shown=5),
]


@pytest.fixture(scope="module")
def stub() -> Iterator[StubProvider]:
    with StubProvider() as provider:
        yield provider


@asynccontextmanager
async def address_of(fault: Fault, stub: StubProvider) -> AsyncIterator[str]:
    match fault.server:
        case "nobody":
            with sockets.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            yield f"http://127.0.0.1:{port}/v1"
        case "noise":
            async with await asyncio.start_server(noise, "127.0.0.1", 0) as server:
                yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        case _:
            stub.control(**fault.stub)
            yield stub.openai_url
            stub.control(**{name: off(name) for name in fault.stub})


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"\x00\xff this is no HTTP \r\n\r\n" * 20)
    writer.close()


def off(name: str) -> Any:
    return {"silent": False, "status": 0, "token_delay": 0.0}.get(name, -1)


def use(settings: Any, url: str) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.VENA_CHAT_PROVIDER = "stub", url, "openai"
    model = chat_model_of("openai")
    assert isinstance(model, OpenAIChatModel)
    model._first_token_timeout = model._silence_timeout = PATIENCE


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
async def test_nothing_ends_in_silence(
    live_acme: Organisation, ready: Ready, settings: Any, stub: StubProvider, fault: Fault
) -> None:
    _, key = await ready(live_acme)
    async with address_of(fault, stub) as url, connected(live_acme, key=key) as socket:
        use(settings, url)
        accepted = await socket.ask("How many days of leave do I get?")
        frames = await socket.until_done()
        await socket.tell({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
    error, done = frames[-2], frames[-1]
    if not fault.shown:  # nothing was said yet: the documents are quoted, and that is said
        assert [frame["code"] for frame in frames if frame["type"] == "notice"] == ["quoted"]
        assert (done["status"], done["text"]) == ("complete", joined(frames))
        calls = [(event.provider, event.outcome) for event in await ledger() if event.kind == "chat"]
        assert calls == [("openai", "failed"), ("local", "complete")]
        return
    assert (error["type"], error["code"], error["retryable"]) == ("error", fault.code, fault.is_retryable)
    assert (error["answer"], done["status"]) == (accepted["answer"], "failed")
    assert done["text"] == joined(frames)
    assert bool(done["text"]) == bool(fault.shown)
    assert "".join(reply_tokens("", 0)).startswith(done["text"].split("[")[0])
    row = await stored(live_acme, accepted["answer"])
    assert (row.status, row.error_code, row.text) == ("failed", fault.code, done["text"])
    (call,) = [event for event in await ledger() if event.kind == "chat"]
    assert (call.outcome, call.is_estimated, str(call.subject)) == ("failed", True, accepted["answer"])


async def test_a_very_slow_provider_is_waited_for(
    live_acme: Organisation, ready: Ready, settings: Any, stub: StubProvider
) -> None:
    _, key = await ready(live_acme)
    stub.control(tokens=6, first_token_delay=0.3, token_delay=0.25)
    try:
        async with connected(live_acme, key=key) as socket:
            use(settings, stub.openai_url)
            await socket.ask("How many days of leave do I get?")
            frames = await socket.until_done()
    finally:
        stub.control(tokens=0, first_token_delay=0, token_delay=0)
    assert (frames[-1]["status"], joined(frames)) == ("complete", "".join(reply_tokens("", 6)))
