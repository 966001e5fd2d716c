"""A chat model for tests: says what it was told to say, fails when it was told to fail, remembers what it saw."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from knowledge.providers.streams import estimate_usage
from knowledge.types import ModelUsage, Prompt

DEFAULT_REPLY = "Staff get 25 days of leave a year [1], and unused days expire in March [2]."


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer in the queue.

    `error` is raised after `drop_after` pieces (0: before the first, None: after the last). `pause_at` waits for
    `resume` before that piece. Without `usage` the model tells an exact-looking one; `tells_usage=False` tells none.
    """

    pieces: Sequence[str]
    error: Exception | None = None
    drop_after: int | None = None
    pause_at: int | None = None
    resume: asyncio.Event | None = None
    usage: ModelUsage | None = None
    tells_usage: bool = True


class ScriptedChatModel:
    """A `ChatModel` whose replies are queued; the last one is repeated when the queue is empty."""

    def __init__(self, name: str = "scripted", provider: str = "scripted", replies: Sequence[Reply | str] = ()) -> None:
        self.name = name
        self.provider = provider
        self.prompts: list[Prompt] = []
        self.closed = 0  # streams that ended in any way
        self._queue: deque[Reply] = deque()
        self._last = as_reply(DEFAULT_REPLY)
        self.enqueue(*replies)

    def enqueue(self, *replies: Reply | str) -> None:
        self._queue.extend(as_reply(reply) for reply in replies)

    def fail(self, error: Exception, *, text: str = "", after: int = 0) -> None:
        """Queue a reply that breaks with `error` after so many pieces of `text`."""
        self.enqueue(Reply(as_reply(text).pieces, error=error, drop_after=after))

    def pause(self, text: str, *, at: int = 1) -> asyncio.Event:
        """Queue a reply that waits for the returned event before piece number `at`."""
        resume = asyncio.Event()
        self.enqueue(Reply(as_reply(text).pieces, pause_at=at, resume=resume))
        return resume

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | ModelUsage, None]:
        self.prompts.append(prompt)
        reply = self._last = self._queue.popleft() if self._queue else self._last
        try:
            for position, piece in enumerate(reply.pieces):
                await self._step(reply, position)
                yield piece
            await self._step(reply, len(reply.pieces))
            if reply.error is not None:
                raise reply.error
            if reply.tells_usage:
                yield reply.usage or self._usage(prompt, reply)
        finally:
            self.closed += 1

    async def _step(self, reply: Reply, position: int) -> None:
        if reply.error is not None and reply.drop_after == position:
            raise reply.error
        if reply.resume is not None and reply.pause_at == position:
            await reply.resume.wait()
        await asyncio.sleep(0)

    def _usage(self, prompt: Prompt, reply: Reply) -> ModelUsage:
        estimate = estimate_usage(self, prompt, "")
        return ModelUsage(self.provider, self.name, estimate.input_tokens, 0, len(reply.pieces))


def as_reply(reply: Reply | str) -> Reply:
    """A plain text is said word by word."""
    if isinstance(reply, Reply):
        return reply
    words = reply.split(" ")
    return Reply([word if position == 0 else f" {word}" for position, word in enumerate(words) if reply])
