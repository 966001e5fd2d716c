"""Questions that come by HTTP: the answer is begun as a socket's is, and followed to its end or frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from accounts.models import User
from chat import protocol
from chat.actions import Accepted
from chat.errors import AnswerLost
from chat.live import switchboard
from chat.protocol import Frame
from chat.relay import Sent
from chat.replay import stored_frames
from chat.turns import Turn
from knowledge.types import Question
from tenants.context import in_tenant
from tenants.types import TenantKey

HEARTBEAT = 15.0  # seconds of silence after which a comment is sent, so that nobody on the way hangs up
STILL_HERE = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows which answer, in which organisation."""

    tenant: TenantKey
    user: User
    answer: UUID

    async def frames(self, after: int = 0) -> AsyncGenerator[Sent, None]:
        """What came after `after`, wherever the answer runs or ran. Ends without `done` if its process has died."""
        is_over = False
        async with aclosing(switchboard().follow(self.tenant, self.answer, after)) as live:
            async for sent in live:
                is_over = sent.frame["type"] == "done"
                after = max(after, sent.frame.get("seq", 0))
                yield sent
        if not is_over:
            stored = await in_tenant(self.tenant.schema_name, stored_frames, self.user, self.answer, after)
            for frame in stored:
                yield Sent(frame, protocol.encoded(frame))

    async def end(self) -> Frame:
        """The `done` frame, with `error` in it when one was told before."""
        error: Frame | None = None
        async with aclosing(self.frames()) as frames:
            async for sent in frames:
                if sent.frame["type"] == "error":
                    error = sent.frame
                if sent.frame["type"] == "done":
                    return {**sent.frame, "error": error}
        raise AnswerLost


def admit() -> None:
    """Before a question is stored, as on the socket. Raises ServerRestarting and ServerBusy."""
    async_to_sync(admitted)()


async def admitted() -> None:
    switchboard().admit()


def begin(accepted: Accepted) -> None:
    """Let the answer run on the server's event loop, before anything is sent: who hangs up does not stop it."""
    if accepted.question:
        async_to_sync(started)(accepted.question)


async def started(question: Question) -> None:
    Turn(switchboard(), question).start()


def stop(tenant: TenantKey, answers: list[UUID]) -> None:
    if answers:
        async_to_sync(stopped)(tenant, answers)


async def stopped(tenant: TenantKey, answers: list[UUID]) -> None:
    for answer in answers:
        await switchboard().stop(tenant, answer)


# -- server-sent events -----------------------------------------------------------------------------


async def event_stream(follower: Follower, first: Frame | None, after: int) -> AsyncGenerator[bytes, None]:
    """The socket's frames as events, with a comment now and then. `first` is told before all others."""
    if first:
        yield event_of(protocol.encoded(first), None)
    async with aclosing(with_heartbeats(follower.frames(after), HEARTBEAT)) as frames:
        async for sent in frames:
            yield event_of(sent.text, sent.frame.get("seq")) if sent else STILL_HERE


def event_of(text: str, seq: int | None) -> bytes:
    """The id is what a client sends back as `Last-Event-ID`. JSON has no line breaks, so one `data` line holds it."""
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}data: {text}\n\n".encode()


async def with_heartbeats(items: AsyncGenerator[Any, None], every: float) -> AsyncGenerator[Any, None]:
    """The same items, and None whenever `every` seconds have passed without one."""
    coming: asyncio.Task[Any] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({coming}, timeout=every)
            if not done:
                yield None
                continue
            item, coming = coming, None
            try:
                yield item.result()
            except StopAsyncIteration:
                return
    finally:
        if coming:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        await items.aclose()
