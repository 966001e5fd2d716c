"""Between processes: Redis that goes away, or takes its time; an answer that begins somewhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest_asyncio
import redis.asyncio as aioredis
from django.conf import settings as django_settings

from chat.actions import Accepted, question_accept
from chat.live import Switchboard, switchboard
from chat.models import Message
from chat.protocol import Ask
from chat.relay import RUNNING, stream_key
from chat.tests.conftest import Ready
from chat.tests.sockets import all_answers_end, connected, joined
from chat.tests.test_consumers import stored
from chat.turns import Turn
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_tenant
from tenants.models import Organisation


class Line:
    """Stands between us and Redis: it can be cut, mended, or held so that nothing comes back."""

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.is_cut = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.open: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self.target)
        self.open |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(self.carry(reader, back), self.carry(there, writer))

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self.flowing.wait()
            target.write(data)
            await target.drain()
        target.close()

    def cut(self) -> None:
        self.is_cut = True
        for writer in self.open:
            writer.transport.abort()
        self.open.clear()

    def mend(self) -> None:
        self.is_cut = False

    async def end(self) -> None:
        self.flowing.set()
        self.cut()
        self.server.close()


@pytest_asyncio.fixture
async def line(ready: Ready, settings: Any) -> AsyncIterator[Line]:
    """The switchboard of this test reaches Redis over it; everything else does so directly."""
    await all_answers_end()
    address = urlsplit(django_settings.REDIS_URL)
    line = Line(address.hostname or "127.0.0.1", address.port or 6379)
    port = await line.start()
    direct = settings.REDIS_URL
    settings.REDIS_URL = direct.replace(f":{address.port}", f":{port}", 1)
    switchboard()
    settings.REDIS_URL = direct
    yield line
    line.mend()
    await all_answers_end()
    await line.end()


async def frames_in_redis(organisation: Organisation, answer: str) -> list[dict[str, Any]]:
    client: Any = aioredis.Redis.from_url(django_settings.REDIS_URL, decode_responses=True)
    entries = await client.xrange(stream_key(organisation.schema_name, UUID(answer)))
    await client.aclose()
    return [json.loads(fields["f"]) for _, fields in entries]


async def until_redis_has_the_end(organisation: Organisation, answer: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(15):
        while not (frames := await frames_in_redis(organisation, answer)) or frames[-1]["type"] != "done":
            await asyncio.sleep(0.05)
    return frames


async def elsewhere(board: Switchboard, organisation: Organisation, answer: str) -> list[dict[str, Any]]:
    """As a viewer in another process sees it."""
    return [sent.frame async for sent in board.relay.follow(organisation.key, UUID(answer), 0)]


async def test_redis_goes_away_in_the_middle_of_answers(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, line: Line
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days of leave [1].", at=3)
    scripted.enqueue("They expire in March [1].")
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        seen = [await socket.hear(), await socket.hear()]
        line.cut()
        resume.set()
        seen += await socket.until_done()
        during = await socket.ask("And when do they expire?")  # asked and answered while Redis is away
        whole = await socket.until_done()
        assert whole[-1]["status"] == "complete"
        line.mend()
        frames = await until_redis_has_the_end(live_acme, accepted["answer"])
        later = await socket.ask("How many days?")
        await socket.until_done()
        await until_redis_has_the_end(live_acme, later["answer"])
        others = await elsewhere(switchboard(), live_acme, during["answer"])
    assert joined(seen) == seen[-1]["text"] == "You get 25 days of leave [1]."
    assert (await stored(live_acme, accepted["answer"])).status == "complete"
    assert frames == seen  # what Redis missed it was told later, once, and in order
    assert others == whole


async def test_a_slow_redis_holds_nobody_up_and_holds_nothing_but_places(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, line: Line
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        await socket.ask("How many days?")
        await socket.until_done()
        line.flowing.clear()
        answers = []
        async with asyncio.timeout(10):
            for _ in range(5):
                answers.append((await socket.ask("How many days?"))["answer"])
                assert (await socket.until_done())[-1]["status"] == "complete"
        behind = switchboard().relay._behind
        assert {str(answer.id) for answer in behind} >= set(answers)
        line.flowing.set()
        for answer in answers:
            assert joined(await until_redis_has_the_end(live_acme, answer))
    async with asyncio.timeout(10):
        while switchboard().relay._behind:
            await asyncio.sleep(0.05)
    assert await switchboard().redis.hgetall(RUNNING) == {}


async def test_a_repeated_question_waits_for_the_answer_that_begins_elsewhere(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    """Another process has stored the question, and has not said yet that it runs it."""
    user, key = await ready(live_acme)
    client_id = uuid4()

    def stored_elsewhere() -> Accepted:
        ask = Ask(client_id=client_id, text="How many days?")
        return question_accept(organisation_id=live_acme.pk, user_id=user.pk, ask=ask)

    first = await in_tenant(live_acme.schema_name, stored_elsewhere)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?", client_id=str(client_id))
        assert accepted["answer"] == str(first.answer_id)
        assert await socket.is_silent()
        assert first.question
        Turn(switchboard(), first.question).start()
        frames = await socket.until_done()
    assert joined(frames) == frames[-1]["text"] != ""
    assert len(scripted.prompts) == 1
    assert await in_tenant(live_acme.schema_name, Message.objects.count) == 2
