"""Answers that are being written in this process, and how anybody follows them.

The running answer belongs to the server. Its frames are kept here once while it runs, and each viewer holds no more
than its place among them, however slow it is. Through `chat.relay` they reach viewers at other processes, and what is
left of them if this process dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from chat.errors import ServerBusy, ServerRestarting
from chat.protocol import Frame, encoded
from chat.relay import CONTROL as CONTROL
from chat.relay import RUNNING as RUNNING
from chat.relay import Relay, Sent
from chat.relay import owner_key as owner_key
from chat.relay import stream_key as stream_key
from tenants.types import TenantKey

T = TypeVar("T")

STORE_SECONDS = 5  # that the ends of cut answers may take to be stored


class LiveAnswer:
    """The frames of one running answer. `seq` counts from 1 over its deltas and its end."""

    def __init__(self, tenant: TenantKey, answer: UUID) -> None:
        self.tenant, self.id = tenant, answer
        self.frames: list[Sent] = []
        self.written, self.is_named, self.has_left = 0, False, False  # for the relay
        self.seq = 0
        self.is_over = False
        self.end_as = "stopped"  # what a cancellation means: a person's stop, or our own shutdown
        self.task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None  # there while somebody waits for it

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def publish(self, sent: Sent) -> None:
        self.frames.append(sent)
        self.is_over = sent.frame["type"] == "done"
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    async def follow(self, after: int = 0) -> AsyncGenerator[Sent, None]:
        """Every frame from the start, less the deltas up to `after`; ends with the answer."""
        read = 0
        while True:
            while read < len(self.frames):
                sent = self.frames[read]
                read += 1
                if sent.is_news(after):
                    yield sent
            if self.is_over:
                return
            await self._more()

    async def _more(self) -> None:
        if self._news is None:
            self._news = self._loop.create_future()
        await asyncio.shield(self._news)  # one of several viewers may leave

    def stop(self, end_as: str = "stopped") -> None:
        if self.task and not self.task.done():
            self.end_as = end_as
            self.task.cancel()


class Switchboard:
    """The running answers of this process; one per event loop, made by `switchboard()`."""

    def __init__(self) -> None:
        self.owner = uuid.uuid4().hex
        self.live: dict[tuple[str, UUID], LiveAnswer] = {}
        self.is_leaving = False
        self.relay = Relay(self.owner, self._stop_here)
        self.redis = self.relay.redis
        self._opening: set[asyncio.Task[Any]] = set()

    # -- the running answer's side ---------------------------------------------------------------

    def admit(self) -> None:
        """Raises ServerRestarting, ServerBusy: both go away by asking again in a moment."""
        if self.is_leaving:
            raise ServerRestarting
        if len(self.live) >= settings.VENA_MAX_RUNNING:
            raise ServerBusy(detail=f"{len(self.live)} answers are running")

    async def opening(self, work: Coroutine[Any, Any, T]) -> T:
        """Await what stores a question and starts its answer. It goes on when whoever waits for it is gone: a stored
        question without an answer would never end."""
        task = asyncio.ensure_future(work)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return await asyncio.shield(task)

    def begin(self, tenant: TenantKey, answer: UUID) -> LiveAnswer:
        live = LiveAnswer(tenant, answer)
        self.live[(tenant.schema_name, answer)] = live
        self.relay.has_news(live)
        return live

    def publish(self, live: LiveAnswer, frame: Frame) -> None:
        live.publish(Sent(frame, encoded(frame)))
        self.relay.has_news(live)

    def end(self, live: LiveAnswer) -> None:
        """The answer is stored. Its frames stay in Redis for a while, for those who come back."""
        self.live.pop((live.tenant.schema_name, live.id), None)
        live.has_left = True
        self.relay.has_news(live)

    # -- the followers' side ---------------------------------------------------------------------

    async def follow(self, tenant: TenantKey, answer: UUID, after: int = 0) -> AsyncGenerator[Sent, None]:
        """Frames of an answer that runs here or in another process; ends without `done` when there are none.

        Raises RedisError when it does not run here.
        """
        live = self.live.get((tenant.schema_name, answer))
        frames = live.follow(after) if live else self.relay.follow(tenant, answer, after)
        async with contextlib.aclosing(frames) as following:
            async for sent in following:
                yield sent

    async def is_running(self, tenant: TenantKey, answer: UUID) -> bool:
        """Here or in another process. Raises RedisError when it is not here."""
        return (tenant.schema_name, answer) in self.live or await self.relay.is_running(tenant, answer)

    async def stop(self, tenant: TenantKey, answer: UUID) -> None:
        if (tenant.schema_name, answer) in self.live:
            self._stop_here(tenant.schema_name, answer)
        else:
            await self.relay.tell_stop(tenant.schema_name, answer)

    def _stop_here(self, schema_name: str, answer: UUID) -> None:
        if live := self.live.get((schema_name, answer)):
            live.stop()

    # -- the end of the process ------------------------------------------------------------------

    async def drain(self, patience: float) -> None:
        """Take no new question. Running answers may finish for `patience` seconds; then what they have is kept as
        interrupted, and their viewers are told."""
        self.is_leaving = True
        if self._opening:
            await asyncio.wait(self._opening, timeout=patience)
        await self._ended(patience)
        for live in list(self.live.values()):
            live.stop("interrupted")
        await self._ended(STORE_SECONDS)

    async def _ended(self, patience: float) -> None:
        if running := [live.task for live in self.live.values() if live.task]:
            await asyncio.wait(running, timeout=patience)

    async def close(self, patience: float) -> None:
        await self.drain(patience)
        await self.relay.close()


_switchboards: dict[asyncio.AbstractEventLoop, Switchboard] = {}


def switchboard() -> Switchboard:
    loop = asyncio.get_running_loop()
    if loop not in _switchboards:
        _switchboards[loop] = Switchboard()
    return _switchboards[loop]


async def close_switchboard(patience: float = 0.0) -> None:
    if board := _switchboards.pop(asyncio.get_running_loop(), None):
        await board.close(patience)
