"""The wire of `/ws/chat/`, sub-protocol `vena.v1`: frames in, frames out. Pure: no Django, no I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from vena_platform.errors import VenaError

SUBPROTOCOL = "vena.v1"
MAX_FRAME = 64 * 1024  # characters; a question is far shorter
MAX_COLLECTIONS = 200
PENNY_FRACTION = Decimal("0.00000001")  # as it is stored, so that an answer costs the same text live and afterwards
Frame = dict[str, Any]


class InvalidFrame(VenaError):
    code = "invalid_frame"
    message = "This message could not be understood. Reload the page; if you write a client, see /api/docs/."


class UnknownFrame(VenaError):
    code = "unknown_frame"
    message = "This server does not know this kind of message."


class EmptyQuestion(VenaError):
    code = "empty_question"
    message = "Type a question first."


@dataclass(frozen=True, slots=True)
class Ask:
    client_id: UUID
    text: str
    conversation: UUID | None = None
    collections: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    answer: UUID


@dataclass(frozen=True, slots=True)
class Resume:
    answer: UUID
    after: int


@dataclass(frozen=True, slots=True)
class Regenerate:
    message: UUID
    client_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    message: UUID
    text: str
    client_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    pass


ClientFrame = Ask | Stop | Resume | Regenerate | Edit | Ping


def parse_frame(text: str) -> ClientFrame:
    """A client's frame, or InvalidFrame / UnknownFrame / EmptyQuestion."""
    if len(text) > MAX_FRAME:
        raise InvalidFrame(detail="frame too long")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFrame(detail="not JSON") from error
    if not isinstance(frame, dict):
        raise InvalidFrame(detail="not an object")
    match frame.get("type"):
        case "ask":
            return ask(frame)
        case "stop":
            return Stop(answer=required_id(frame, "answer"))
        case "resume":
            return Resume(answer=required_id(frame, "answer"), after=sequence_number(frame.get("after", 0)))
        case "regenerate":
            return Regenerate(message=required_id(frame, "message"), client_id=optional_id(frame, "client_id"))
        case "edit":
            client_id = optional_id(frame, "client_id")
            return Edit(message=required_id(frame, "message"), text=question_text(frame), client_id=client_id)
        case "ping":
            return Ping()
    raise UnknownFrame(detail=str(frame.get("type"))[:80])


def question_text(frame: Frame) -> str:
    text = frame.get("text")
    if not isinstance(text, str):
        raise InvalidFrame(detail="text is missing")
    text = text.replace("\x00", "").strip()  # PostgreSQL stores no NUL
    text = text.encode("utf-8", "ignore").decode()  # nor a lone surrogate
    if not text:
        raise EmptyQuestion
    return text


def ask(frame: Frame) -> Ask:
    text = question_text(frame)
    return Ask(
        client_id=required_id(frame, "client_id"),
        text=text,
        conversation=optional_id(frame, "conversation"),
        collections=collection_ids(frame.get("collections")),
    )


def required_id(frame: Frame, name: str) -> UUID:
    value = frame.get(name)
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidFrame(detail=f"{name} is not an id") from error


def optional_id(frame: Frame, name: str) -> UUID | None:
    return None if frame.get(name) is None else required_id(frame, name)


def collection_ids(value: object) -> tuple[UUID, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_COLLECTIONS:
        raise InvalidFrame(detail="collections is not a list of ids")
    return tuple(required_id({"collection": one}, "collection") for one in value)


def sequence_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidFrame(detail="after is not a sequence number")
    return value


# -- server → client ------------------------------------------------------------------------------


def accepted(*, client_id: UUID | None, conversation: UUID, question: UUID, answer: UUID) -> Frame:
    return {
        "type": "accepted",
        "client_id": str(client_id) if client_id else None,
        "conversation": str(conversation),
        "question": str(question),
        "answer": str(answer),
    }


def source(
    *,
    n: int,
    document: UUID,
    version: int | None,
    title: str,
    page: int | None,
    snippet: str,
    position: int,
    last_position: int | None = None,
    quotes: Sequence[Frame] | None = None,
) -> Frame:
    """The address opens the version that was cited, also when a later one answers by now. `quotes`: of a cited one."""
    pinned = f"version={version}&" if version else ""
    upto = f"-{last_position}" if last_position and last_position > position else ""
    url = f"/documents/{document}/?{pinned}chunk={position}{upto}"
    frame = {"n": n, "document": str(document), "title": title, "page": page, "snippet": snippet, "url": url}
    return frame if quotes is None else {**frame, "quotes": list(quotes)}


def quote(
    *,
    start: int,
    end: int,
    quote: str,
    quote_start: int | None,
    quote_end: int | None,
    page: int | None,
    support: float,
) -> Frame:
    """A mark of the answer: `start`/`end` of its sentence in the answer's text, the words of the document that bear it
    out, and where these stand in the version's plain text. All in Unicode characters. "" with support 0: nothing does.
    """
    words = {"quote": quote, "quote_start": quote_start, "quote_end": quote_end, "page": page}
    return {"start": start, "end": end, **words, "support": support}


def sources(answer: UUID, found: Sequence[Frame]) -> Frame:
    return {"type": "sources", "answer": str(answer), "sources": list(found)}


def delta(answer: UUID, seq: int, text: str) -> Frame:
    return {"type": "delta", "answer": str(answer), "seq": seq, "text": text}


def notice(answer: UUID, code: str, detail: str) -> Frame:
    return {"type": "notice", "answer": str(answer), "code": code, "detail": detail}


def usage(*, model: str, input_tokens: int, output_tokens: int, cost_gbp: Decimal | None, cached: bool) -> Frame:
    cost = None if cost_gbp is None else format(cost_gbp.quantize(PENNY_FRACTION), "f")  # money is never a float
    return {
        "model": model,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_gbp": cost,
        "cached": cached,
    }


def done(answer: UUID, seq: int, *, status: str, text: str, citations: Sequence[Frame], spent: Frame) -> Frame:
    return {
        "type": "done",
        "answer": str(answer),
        "seq": seq,
        "status": status,
        "text": text,
        "citations": list(citations),
        "usage": spent,
    }


def failure(error: VenaError, answer: UUID | None = None) -> Frame:
    return {
        "type": "error",
        "answer": str(answer) if answer else None,
        "code": error.code,
        "detail": error.text,
        "retryable": error.retryable,
    }


PONG: Frame = {"type": "pong"}


def encoded(frame: Frame) -> str:
    return orjson.dumps(frame).decode()
