"""An answer's frames as OpenAI's objects: one `chat.completion`, or `chat.completion.chunk`s."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from chat import protocol
from chat.asking import HEARTBEAT, STILL_HERE, Follower, with_heartbeats
from chat.errors import AnswerLost
from chat.openai_api.errors import refused, shaped
from chat.openai_api.parsing import FOOTNOTES, ChatRequest
from chat.protocol import Frame
from vena_platform.later import Body

DONE = b"data: [DONE]\n\n"
ENDED_BADLY = {"failed", "interrupted"}


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer to an OpenAI client. `base` is the organisation's address: links must work outside of it."""

    wanted: ChatRequest
    follower: Follower
    base: str
    created: int = field(default_factory=lambda: int(time.time()))

    async def whole(self) -> Body:
        end = await self.follower.end()
        if end["status"] in ENDED_BADLY:
            return failure_of(end)
        text = end["text"] + (footnotes(end["citations"], self.base) if self.wanted.has_footnotes else "")
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return Body({**self.frame("chat.completion"), "choices": [choice], **self.ending(end), "usage": usage_of(end)})

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self.chunk({"role": "assistant", "content": ""})
        error: Frame | None = None
        async with aclosing(with_heartbeats(self.follower.frames(), HEARTBEAT)) as frames:
            async for sent in frames:
                if sent is None:
                    yield STILL_HERE
                    continue
                match sent.frame["type"]:
                    case "delta":
                        yield self.chunk({"content": sent.frame["text"]})
                    case "error":
                        error = sent.frame
                    case "done":
                        for event in self.last({**sent.frame, "error": error}):
                            yield event
                        return
        yield event_of(refused(AnswerLost()).data)

    def last(self, end: Frame) -> list[bytes]:
        if end["status"] in ENDED_BADLY:
            return [event_of(failure_of(end).data)]
        notes = footnotes(end["citations"], self.base) if self.wanted.has_footnotes else ""
        events = [self.chunk({"content": notes})] if notes else []
        events.append(self.chunk({}, finish="stop", **self.ending(end)))
        if self.wanted.has_usage:
            events.append(event_of({**self.frame("chat.completion.chunk"), "choices": [], "usage": usage_of(end)}))
        return [*events, DONE]

    def frame(self, kind: str) -> dict[str, Any]:
        name = f"chatcmpl-{self.follower.answer.hex}"
        return {"id": name, "object": kind, "created": self.created, "model": self.wanted.model}

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage = {"usage": None} if self.wanted.has_usage else {}
        return event_of({**self.frame("chat.completion.chunk"), "choices": [choice], **usage, **more})

    def ending(self, end: Frame) -> dict[str, Any]:
        """What OpenAI's objects have no place for stands beside it, where clients pass it through."""
        return {"citations": [citation(one, self.base) for one in end["citations"]], "status": end["status"]}


def event_of(data: dict[str, Any]) -> bytes:
    return f"data: {protocol.encoded(data)}\n\n".encode()


def citation(source: Frame, base: str) -> dict[str, Any]:
    return {**source, "url": f"{base}{source['url']}"}


def footnotes(citations: list[Frame], base: str) -> str:
    """The list under the answer, for clients that show text and nothing else."""
    if not citations:
        return ""
    lines = [f"[{one['n']}] {place(one)} {base}{one['url']}" for one in citations]
    return FOOTNOTES + "\n".join(lines)


def place(source: Frame) -> str:
    title = " ".join(source["title"].split())
    return f"{title}, page {source['page']}:" if source["page"] else f"{title}:"


def usage_of(end: Frame) -> dict[str, int]:
    spent = end["usage"]
    counted = {"prompt_tokens": spent["input_tokens"], "completion_tokens": spent["output_tokens"]}
    return {**counted, "total_tokens": sum(counted.values())}


def failure_of(end: Frame) -> Body:
    """An answer that broke off. What may work when it is tried again is 503, which clients do by themselves."""
    error = end.get("error")
    if not error:
        return refused(AnswerLost())
    status = 503 if error["retryable"] else 502
    return Body(shaped(error["detail"], status, error["code"]), status)
