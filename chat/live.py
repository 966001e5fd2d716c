"""Answers that are being written in this process, and how anybody follows them.

The running answer belongs to the server. Its frames are kept here while it runs, for the sockets of this process,
and go to a Redis stream as well, for sockets of other processes and for what is left if this process dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis.asyncio as aioredis
from django.conf import settings
from redis.exceptions import RedisError

from chat.protocol import Frame, encoded
from tenants.types import TenantKey

logger = logging.getLogger(__name__)

OWNER_TTL = 20  # seconds a silent process is believed alive
OWNER_BEAT = 5
WRITE_EVERY = 0.02  # frames of all answers travel to Redis together this often
READ_BLOCK = 2_000  # milliseconds
READ_PATIENCE = 60  # seconds without a frame after which a follower gives up
RUNNING = f"{settings.VENA_REDIS_PREFIX}:running"  # hash: "<schema>:<answer>" → owner
CONTROL = f"{settings.VENA_REDIS_PREFIX}:answers:stop"  # pub/sub channel


def stream_key(schema_name: str, answer: UUID) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:{schema_name}:answer:{answer}"


def owner_key(owner: str) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:owner:{owner}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame and its text on the wire: encoded once, however many follow it."""

    frame: Frame
    text: str

    def is_news(self, after: int) -> bool:
        return self.frame["type"] != "delta" or bool(self.frame["seq"] > after)


class LiveAnswer:
    """The frames of one running answer. `seq` counts from 1 over its deltas and its end."""

    def __init__(self, tenant: TenantKey, answer: UUID) -> None:
        self.tenant, self.id = tenant, answer
        self.frames: list[Sent] = []
        self.seq = 0
        self.is_over = False
        self.end_as = "stopped"  # what a cancellation means: a person's stop, or our own shutdown
        self.task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def publish(self, sent: Sent) -> None:
        frame = sent.frame
        self.frames.append(sent)
        self.is_over = frame["type"] == "done"
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncGenerator[Sent, None]:
        """Every frame from the start, less the deltas up to `after`; ends with the answer."""
        read = 0
        while True:
            news = self._news
            while read < len(self.frames):
                sent = self.frames[read]
                read += 1
                if sent.is_news(after):
                    yield sent
            if self.is_over:
                return
            await news.wait()

    def stop(self, end_as: str = "stopped") -> None:
        if self.task and not self.task.done():
            self.end_as = end_as
            self.task.cancel()


class Switchboard:
    """The running answers of this process; one per event loop, made by `switchboard()`."""

    def __init__(self) -> None:
        self.owner = uuid.uuid4().hex
        self.live: dict[tuple[str, UUID], LiveAnswer] = {}
        self.redis = aioredis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
        self._outbox: list[tuple[str, str]] = []
        self._ended: list[tuple[str, UUID]] = []
        self._begun: list[str] = []
        self._wake = asyncio.Event()
        self._is_closing = False
        self._tasks = [
            asyncio.create_task(self._write(), name="answers.write"),
            asyncio.create_task(self._beat(), name="answers.beat"),
            asyncio.create_task(self._listen(), name="answers.listen"),
        ]

    # -- the running answer's side ---------------------------------------------------------------

    def begin(self, tenant: TenantKey, answer: UUID) -> LiveAnswer:
        live = LiveAnswer(tenant, answer)
        self.live[(tenant.schema_name, answer)] = live
        self._begun.append(f"{tenant.schema_name}:{answer}")
        self._wake.set()
        return live

    def publish(self, live: LiveAnswer, frame: Frame) -> None:
        sent = Sent(frame, encoded(frame))
        live.publish(sent)
        self._outbox.append((stream_key(live.tenant.schema_name, live.id), sent.text))
        self._wake.set()

    def end(self, live: LiveAnswer) -> None:
        """The answer is stored. Its frames stay in Redis for a while, for those who come back."""
        self.live.pop((live.tenant.schema_name, live.id), None)
        self._ended.append((live.tenant.schema_name, live.id))
        self._wake.set()

    # -- the followers' side ---------------------------------------------------------------------

    async def follow(self, tenant: TenantKey, answer: UUID, after: int = 0) -> AsyncGenerator[Sent, None]:
        """Frames of an answer that runs here or in another process; ends without `done` when there are none."""
        live = self.live.get((tenant.schema_name, answer))
        frames = live.follow(after) if live else self._follow_elsewhere(tenant, answer, after)
        async with contextlib.aclosing(frames) as following:
            async for sent in following:
                yield sent

    async def stop(self, tenant: TenantKey, answer: UUID) -> None:
        live = self.live.get((tenant.schema_name, answer))
        if live:
            live.stop()
        else:
            await self.redis.publish(CONTROL, json.dumps([tenant.schema_name, str(answer)]))

    async def _follow_elsewhere(self, tenant: TenantKey, answer: UUID, after: int) -> AsyncGenerator[Sent, None]:
        key, last, heard = stream_key(tenant.schema_name, answer), "0", time.monotonic()
        while time.monotonic() - heard < READ_PATIENCE:
            found: Any = await self.redis.xread({key: last}, block=READ_BLOCK, count=500)
            entries: list[tuple[str, dict[str, str]]] = found[0][1] if found else []
            for last, fields in entries:  # noqa: B007 (where the next read goes on)
                heard = time.monotonic()
                sent = Sent(json.loads(fields["f"]), fields["f"])
                if sent.is_news(after):
                    yield sent
                if sent.frame["type"] == "done":
                    return
            if not found and not await self.redis.hexists(RUNNING, f"{tenant.schema_name}:{answer}"):
                return

    # -- background ------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Gather the frames of every answer and send them in one round trip."""
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._flush()
            except RedisError:
                # Viewers of this process are not affected; the text is stored at the end all the same.
                logger.exception("answers.write_failed")
            await asyncio.sleep(WRITE_EVERY)

    async def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        begun, self._begun = self._begun, []
        ended, self._ended = self._ended, []
        pipe = self.redis.pipeline(transaction=False)
        for name in begun:
            pipe.hset(RUNNING, name, self.owner)
        for key, text in outbox:
            pipe.xadd(key, {"f": text})
        for schema, answer in ended:
            pipe.expire(stream_key(schema, answer), settings.VENA_STREAM_TTL)
            pipe.hdel(RUNNING, f"{schema}:{answer}")
        await pipe.execute()

    async def _beat(self) -> None:
        while not self._is_closing:
            try:
                await self.redis.set(owner_key(self.owner), "alive", ex=OWNER_TTL)
            except RedisError:
                logger.exception("answers.beat_failed")
            await asyncio.sleep(OWNER_BEAT)

    async def _listen(self) -> None:
        """Stops that were said to another process."""
        while not self._is_closing:
            try:
                async with self.redis.pubsub() as channel:
                    await channel.subscribe(CONTROL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            schema, answer = json.loads(message["data"])
                            if live := self.live.get((schema, UUID(answer))):
                                live.stop()
            except RedisError:
                logger.exception("answers.listen_failed")
                await asyncio.sleep(1)

    # -- the end of the process ------------------------------------------------------------------

    async def close(self, patience: float) -> None:
        """Let running answers finish for `patience` seconds, then keep what they have as interrupted."""
        running = [live.task for live in self.live.values() if live.task]
        if running:
            await asyncio.wait(running, timeout=patience)
        for live in list(self.live.values()):
            live.stop("interrupted")
        if leftover := [live.task for live in self.live.values() if live.task]:
            await asyncio.wait(leftover, timeout=5)
        await self._end_background()
        with contextlib.suppress(RedisError):
            await self._flush()
            await self.redis.delete(owner_key(self.owner))
        await self.redis.aclose()

    async def _end_background(self) -> None:
        """Cancel until it is heard: a client library may take a cancellation for a time-out of its own."""
        self._is_closing = True
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)


_switchboards: dict[asyncio.AbstractEventLoop, Switchboard] = {}


def switchboard() -> Switchboard:
    loop = asyncio.get_running_loop()
    if loop not in _switchboards:
        _switchboards[loop] = Switchboard()
    return _switchboards[loop]


async def close_switchboard(patience: float = 5.0) -> None:
    if board := _switchboards.pop(asyncio.get_running_loop(), None):
        await board.close(patience)
