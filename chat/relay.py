"""What processes tell each other about running answers, through Redis.

The frames of an answer go to a stream of its own, each under its number, so that writing one again changes nothing. A
hash says who runs which answer, a key with a short life that its process is alive, a channel carries stops.

Nothing here keeps a copy of a frame: an answer remembers how many of its frames are written. So a Redis that is slow or
away costs no memory beyond the running answers', and what it missed is written when it is back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import redis.asyncio as aioredis
from django.conf import settings
from redis.exceptions import RedisError

from chat.protocol import Frame
from tenants.types import TenantKey

logger = logging.getLogger(__name__)

OWNER_TTL = 20  # seconds a silent process is believed alive
OWNER_BEAT = 5
WRITE_EVERY = 0.04  # seconds; frames of all answers travel to Redis together this often
WRITE_AT_ONCE = 2_000  # frames, of all answers: a script keeps everybody else waiting
MOST_ENDED = 2_000  # answers that have ended and wait for a Redis that is away; their text is stored anyway
AWAY_PAUSE = 0.5
READ_BLOCK = 2_000  # milliseconds
READ_PATIENCE = 60  # seconds without a frame after which a follower gives up
# Frames of any answers, each with its stream, its number and its text: one command and one reply for all of them. A
# number that is there already got here before, and its reply was lost.
WRITE = """
for i, key in ipairs(KEYS) do
  local done = redis.pcall('XADD', key, ARGV[2 * i - 1], 'f', ARGV[2 * i])
  if type(done) == 'table' and done.err and not string.find(done.err, 'equal or smaller', 1, true) then
    return redis.error_reply(done.err)
  end
end
return #KEYS
"""
PATIENCE = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}  # longer than a blocking read
RUNNING = f"{settings.VENA_REDIS_PREFIX}:running"  # hash: "<schema>:<answer>" → owner
CONTROL = f"{settings.VENA_REDIS_PREFIX}:answers:stop"  # pub/sub channel


def stream_key(schema_name: str, answer: UUID) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:{schema_name}:answer:{answer}"


def owner_key(owner: str) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:owner:{owner}"


def running_field(answer: Writing) -> str:
    return f"{answer.tenant.schema_name}:{answer.id}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame and its text on the wire: encoded once, however many follow it."""

    frame: Frame
    text: str

    def is_news(self, after: int) -> bool:
        return self.frame["type"] != "delta" or bool(self.frame["seq"] > after)


class Writing(Protocol):
    """An answer as the relay sees it."""

    tenant: TenantKey
    id: UUID
    frames: list[Sent]
    written: int  # frames that Redis has
    is_named: bool  # the hash knows who runs it
    has_left: bool  # stored, and no more frames come


class Relay:
    """One per process and event loop. `on_stop` is called with schema and answer when another process was told stop."""

    def __init__(self, owner: str, on_stop: Callable[[str, UUID], None]) -> None:
        self.owner, self.on_stop = owner, on_stop
        self.redis = aioredis.Redis.from_url(settings.REDIS_URL, decode_responses=True, **PATIENCE)  # type: ignore[arg-type]
        self._ear = aioredis.Redis.from_url(settings.REDIS_URL, decode_responses=True)  # waits as long as it takes
        self._behind: dict[Writing, None] = {}  # answers with frames that Redis does not have, the oldest first
        self._wake = asyncio.Event()
        self._is_closing = False
        self._tasks = [
            asyncio.create_task(self._write(), name="answers.write"),
            asyncio.create_task(self._beat(), name="answers.beat"),
            asyncio.create_task(self._listen(), name="answers.listen"),
        ]

    def has_news(self, answer: Writing) -> None:
        self._behind[answer] = None
        self._wake.set()

    # -- towards the others ----------------------------------------------------------------------

    async def tell_stop(self, schema_name: str, answer: UUID) -> None:
        await self.redis.publish(CONTROL, json.dumps([schema_name, str(answer)]))

    async def _write(self) -> None:
        """Gather the frames of every answer and send them in one round trip."""
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
                await asyncio.sleep(WRITE_EVERY)
            except RedisError:
                # Viewers of this process are not affected; the text is stored at the end all the same.
                logger.exception("answers.write_failed")
                self._forget_oldest()
                self._wake.set()
                await asyncio.sleep(AWAY_PAUSE)

    async def flush(self) -> None:
        """Who runs an answer is known before its first frame is there, and until its last one is."""
        planned = self._planned()
        pipe = self.redis.pipeline(transaction=False)
        keys: list[str] = []
        frames: list[str] = []
        for answer, upto, _ in planned:
            key = stream_key(answer.tenant.schema_name, answer.id)
            if not answer.is_named:
                pipe.hset(RUNNING, running_field(answer), self.owner)
            for number in range(answer.written, upto):
                keys.append(key)
                frames += f"{number + 1}-0", answer.frames[number].text
        if keys:
            pipe.eval(WRITE, len(keys), *keys, *frames)
        for answer, upto, was_left in planned:
            if was_left and upto == len(answer.frames):
                pipe.expire(stream_key(answer.tenant.schema_name, answer.id), settings.VENA_STREAM_TTL)
                pipe.hdel(RUNNING, running_field(answer))
        await pipe.execute()
        for answer, written, was_left in planned:
            answer.written, answer.is_named = written, True
            if written == len(answer.frames) and was_left == answer.has_left:
                self._behind.pop(answer, None)
            else:
                self._wake.set()

    def _planned(self) -> list[tuple[Writing, int, bool]]:
        """Each answer, how many of its frames Redis has after the next write, and whether it has ended by now."""
        planned, room = [], WRITE_AT_ONCE
        for answer in self._behind:
            upto = min(len(answer.frames), answer.written + room)
            room -= upto - answer.written
            planned.append((answer, upto, answer.has_left))
        return planned

    def _forget_oldest(self) -> None:
        ended = [answer for answer in self._behind if answer.has_left]
        for answer in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self._behind[answer]

    async def _beat(self) -> None:
        while not self._is_closing:
            try:
                await self.redis.set(owner_key(self.owner), "alive", ex=OWNER_TTL)
            except RedisError:
                logger.exception("answers.beat_failed")
            await asyncio.sleep(OWNER_BEAT)

    # -- from the others -------------------------------------------------------------------------

    async def follow(self, tenant: TenantKey, answer: UUID, after: int) -> AsyncGenerator[Sent, None]:
        """Frames of an answer that runs elsewhere; ends without `done` when nobody runs it. Raises RedisError."""
        key, last, heard = stream_key(tenant.schema_name, answer), "0", time.monotonic()
        is_running: bool | None = None  # not asked yet
        while time.monotonic() - heard < READ_PATIENCE:
            block = READ_BLOCK if is_running else None
            found: Any = await self.redis.xread({key: last}, block=block, count=500)
            entries: list[tuple[str, dict[str, str]]] = found[0][1] if found else []
            for last, fields in entries:  # noqa: B007 (where the next read goes on)
                heard = time.monotonic()
                sent = Sent(json.loads(fields["f"]), fields["f"])
                if sent.is_news(after):
                    yield sent
                if sent.frame["type"] == "done":
                    return
            if not found:
                if is_running is False:  # and what it had written until then was read
                    return
                is_running = await self.is_running(tenant, answer)

    async def is_running(self, tenant: TenantKey, answer: UUID) -> bool:
        found: Any = self.redis.hexists(RUNNING, f"{tenant.schema_name}:{answer}")
        return bool(await found)

    async def _listen(self) -> None:
        """Stops that were said to another process."""
        while not self._is_closing:
            try:
                async with self._ear.pubsub() as channel:
                    await channel.subscribe(CONTROL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            schema, answer = json.loads(message["data"])
                            self.on_stop(schema, UUID(answer))
            except RedisError:
                logger.exception("answers.listen_failed")
                await asyncio.sleep(1)

    # -- the end of the process ------------------------------------------------------------------

    async def close(self) -> None:
        await self._end_background()
        try:
            await self.flush()
            await self.redis.delete(owner_key(self.owner))
        except RedisError:
            logger.exception("answers.write_failed")
        await self.redis.aclose()
        await self._ear.aclose()

    async def _end_background(self) -> None:
        """Cancel until it is heard: a client library may take a cancellation for a time-out of its own."""
        self._is_closing = True
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)
