"""Streams of a real server: a client that does not read, a server that is ended, one that is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.stub_provider import StubProvider
from tests.conftest import REPLY
from tests.server import Server, until
from tests.sockets import Frame, chat, deltas_of, text_of

LEAVE = "How many days of annual leave do I get after five years of service? ({})"
PATIENCE = 60.0
MEGABYTES = 1024 * 1024


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"{server.address('demo', 'ws')}/ws/chat/",
        host="127.0.0.1",
        port=server.port,
        subprotocols=["vena.v1"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Bearer {server.key}"},
        open_timeout=PATIENCE,
        close_timeout=1,
    ) as connection:
        yield connection


async def asked(connection: ClientConnection, number: int, client_id: str = "") -> Frame:
    frame = {"type": "ask", "text": LEAVE.format(number), "client_id": client_id or str(uuid.uuid4())}
    await connection.send(json.dumps(frame))
    accepted = dict(json.loads(await asyncio.wait_for(connection.recv(), PATIENCE)))
    assert accepted["type"] == "accepted", accepted
    return accepted


async def read(connection: ClientConnection, *, deltas: int = 10_000) -> list[Frame]:
    """Frames until so many deltas, the end, or the connection's end."""
    frames: list[Frame] = []
    try:
        while len(deltas_of(frames)) < deltas and (not frames or frames[-1]["type"] != "done"):
            frames.append(json.loads(await asyncio.wait_for(connection.recv(), PATIENCE)))
    except ConnectionClosed:
        pass
    return frames


@dataclass
class Seen:
    """One answer as its viewer saw it."""

    answer: str
    client_id: str
    frames: list[Frame]
    code: int | None = None

    @property
    def text(self) -> str:
        return text_of(self.frames)


async def many(server: Server, count: int, deltas: int, then: Callable[[], Any]) -> list[Seen]:
    """So many answers at once; when each has shown something, `then` happens to the server."""
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(opened(server)) for _ in range(count)]
        clients = [str(uuid.uuid4()) for _ in range(count)]
        accepted = await asyncio.gather(*[asked(one, n, clients[n]) for n, one in enumerate(connections)])
        shown = await asyncio.gather(*[read(one, deltas=deltas) for one in connections])
        then()
        rest = await asyncio.gather(*[read(one) for one in connections])
        return [
            Seen(accepted[n]["answer"], clients[n], shown[n] + rest[n], one.close_code)
            for n, one in enumerate(connections)
        ]


def resumed(server: Server, seen: list[Seen]) -> list[list[Frame]]:
    with chat(server, key=server.key) as asker:
        return [asker.resume(one.answer, after=0) for one in seen]


@pytest.fixture
def server(composing: Server, provider: StubProvider) -> Iterator[Server]:
    yield composing
    provider.control(token_delay=0.02, text=REPLY, tokens=0)


# -- a client that does not read ------------------------------------------------------------------


async def test_who_does_not_read_costs_no_memory_and_nobody_waits(server: Server, provider: StubProvider) -> None:
    """Some forty megabytes of frames stand ready for a client that has stopped reading."""
    provider.control(text=" ".join(["word" * 250] * 200), tokens=0, token_delay=0.0)
    key = server.key
    process = psutil.Process(server.process.pid)
    reader, writer = await raw_socket(server, key)
    try:
        async with opened(server) as other:
            await read_one(other, 0)  # what an answer needs anyhow is allocated now
            before = process.memory_info().rss
            ids = [(await answer_of(other, number))["answer"] for number in range(1, 3)]
            for answer in ids * 100:  # each is the whole answer once more: 200 kB in deltas, 200 kB at its end
                writer.write(masked({"type": "resume", "answer": answer, "after": 0}))
            began = time.monotonic()
            frames = await read_one(other, 3)
            took = time.monotonic() - began
        grown = process.memory_info().rss - before
        until(lambda: "chat.slow_reader" in server.err, "the line to be cut", patience=30)
        with suppress(ConnectionError):  # what stood in the line may still come, then its end
            while await asyncio.wait_for(reader.read(MEGABYTES), 10):
                pass
    finally:
        writer.close()
        provider.control(text=REPLY, token_delay=0.1)
    assert frames[-1]["status"] == "complete"
    assert text_of(frames) == frames[-1]["text"]
    assert took < 20
    assert grown < 24 * MEGABYTES


async def answer_of(connection: ClientConnection, number: int) -> Frame:
    accepted = await asked(connection, number)
    await read(connection)
    return accepted


async def read_one(connection: ClientConnection, number: int) -> list[Frame]:
    await asked(connection, number)
    return await read(connection)


async def raw_socket(server: Server, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket that has shaken hands and never reads again: the reader stops at its limit, then TCP does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    lines = [
        "GET /ws/chat/ HTTP/1.1",
        f"Host: demo.localhost:{server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: vena.v1",
        f"Authorization: Bearer {key}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert b" 101 " in await reader.readline()
    return reader, writer


def masked(frame: Frame) -> bytes:
    text = json.dumps(frame).encode()
    return struct.pack("!BBH", 0x81, 0x80 | 126, len(text)) + b"\0\0\0\0" + text


# -- a server that is ended -----------------------------------------------------------------------


async def test_a_server_that_is_ended_hands_over_what_it_has(server: Server, provider: StubProvider) -> None:
    """Of twenty answers each is told its end before the socket closes, and stands in the store as it was told."""
    provider.control(text=REPLY, token_delay=0.1)
    refused: list[Frame] = []
    stopped = asyncio.Event()

    def end() -> None:
        server.process.send_signal(signal.SIGTERM)
        stopped.set()

    async def late() -> None:
        async with opened(server) as connection:
            await stopped.wait()
            await asyncio.sleep(0.5)
            await connection.send(json.dumps({"type": "ask", "text": "Too late?", "client_id": str(uuid.uuid4())}))
            refused.append(json.loads(await connection.recv()))
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            refused.append({"code": connection.close_code})

    began = time.monotonic()
    seen, _ = await asyncio.gather(many(server, 20, 3, end), late())
    assert server.wait() == 0
    took = time.monotonic() - began
    assert (refused[0]["code"], refused[0]["retryable"], refused[1]["code"]) == ("server_restarting", True, 1012)
    assert [one.frames[-1]["type"] for one in seen] == ["done"] * 20
    assert {one.frames[-1]["status"] for one in seen} == {"interrupted"}
    assert all(one.text == one.frames[-1]["text"] and REPLY.startswith(one.text) for one in seen)
    assert took < 45
    server.start()
    assert "Picked up after an interruption" not in server.out
    for one, frames in zip(seen, resumed(server, seen), strict=True):
        assert (frames[-1]["status"], frames[-1]["text"]) == ("interrupted", one.text)


# -- a server that is killed ----------------------------------------------------------------------


async def test_a_kill_during_fifty_streams_loses_none(server: Server, provider: StubProvider) -> None:
    provider.control(text=REPLY, token_delay=0.1)
    seen = await many(server, 50, 4, server.kill)
    server.start()
    assert "50 answers." in server.out
    provider.control(token_delay=0.0)
    for one, frames in zip(seen, resumed(server, seen), strict=True):
        done = frames[-1]
        assert done["status"] == "interrupted"
        assert one.text
        assert done["text"].startswith(one.text) or one.text.startswith(done["text"])
        assert len(one.text) - len(done["text"]) < 60  # what Redis is given every forty milliseconds
        assert REPLY.startswith(done["text"])
    with chat(server, key=server.key) as asker:
        asker.send(type="ask", text=LEAVE.format(0), client_id=seen[0].client_id)
        assert asker.hear()["answer"] == seen[0].answer  # the same question is not asked again by itself ...
        assert (
            next(frame for frame in asker.frames(seen[0].answer) if frame["type"] == "done")["status"] == "interrupted"
        )
        asker.send(type="regenerate", message=seen[0].answer)  # ... but when somebody asks for it
        again = asker.hear()["answer"]
        assert list(asker.frames(again))[-1]["status"] == "complete"
