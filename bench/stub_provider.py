"""A stub AI provider over loopback: OpenAI's and Anthropic's wire formats, on demand slow, broken or silent.

    python -m bench.stub_provider --port 9100 --token-delay 0.02

One asyncio.Protocol without a framework: it must cost little beside what is measured (bench/README.md).
Every setting of `Behaviour` is a flag, a key of `POST /control`, a header (`X-Stub-Token-Delay: 0.02`) and a suffix of
the model's name (`stub-model@token_delay=0.02,drop_after=5`); the latter two hold for one request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import socket
import threading
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from itertools import cycle, islice
from random import Random
from time import time
from types import TracebackType
from typing import Any, Self, cast
from zlib import crc32

import httptools
import numpy as np

DEFAULT_TEXT = (
    "The documents answer this in two places. Staff get 25 days of leave a year [1], and unused days expire at the end "
    "of March [2]. Ask your manager before you book; approval takes two working days."
)
DEFAULT_TOKENS = 60
TOKEN = re.compile(r" ?\w+|\W")
MARK = re.compile(r"\[mark ([\w-]+)\]")
WORD = re.compile(r"\w{3,}")
OPENAI_CHAT, OPENAI_EMBEDDINGS, ANTHROPIC_CHAT = "/v1/chat/completions", "/v1/embeddings", "/v1/messages"
COHERE_RERANK = "/v2/rerank"
MODELS = ("stub-model", "gpt-4o-mini", "text-embedding-3-small", "claude-stub")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the stub does with a request. Delays are seconds."""

    text: str = ""  # a fixed reply; empty: the default one, which cites [1] and [2]
    tokens: int = 0  # length of the reply, cut or repeated; 0: the whole fixed reply, or 60 of the default one
    first_token_delay: float = 0.0
    token_delay: float = 0.0
    status: int = 0  # answer with this error: 400, 401, 404, 429, 500, 503, 529
    keys: str = ""  # that are accepted, with spaces between; empty: any. Others are told 401
    retry_after: float = 20.0  # seconds that a 429 asks for
    fault_share: float = 0.0  # of chats, that each get one of `BAD_DAYS`, always the same ones
    fail_first: int = 0  # only so many requests fail (`status`, `drop_after`, `error_after`, `silent`); 0: all
    drop_after: int = -1  # cut the socket after so many tokens
    error_after: int = -1  # send an error event after so many tokens
    end_after: int = -1  # end the stream cleanly, but without its proper end
    stall_after: int = -1  # fall silent after so many tokens
    garbage_after: int = -1  # send an event that is no JSON after so many tokens, and go on
    silent: bool = False  # never answer
    ping_interval: float = 0.0  # keep-alives between tokens
    tells_usage: bool = True
    cached_tokens: int = 0  # of the input, told as read from the provider's cache
    cache_write_tokens: int = 0  # of the input, told as written to the provider's cache (Anthropic)
    embedding_delay: float = 0.0
    rerank_delay: float = 0.0
    garbled: bool = False  # answer a rerank with something else
    similarity_floor: float = 0.3  # the least cosine of any two embeddings


# What becomes of chats under `fault_share`: refused, or broken off somewhere in the text.
BAD_DAYS: tuple[dict[str, int], ...] = (
    {"status": 500},
    {"drop_after": 0},
    {"drop_after": 7},
    {"drop_after": 31},
    {"error_after": 3},
    {"error_after": 40},
    {"end_after": 11},
)
FAULTS = ("status", "drop_after", "error_after", "end_after", "stall_after", "garbage_after", "silent", "garbled")
DEFAULTS = Behaviour()
READERS: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda value: str(value).lower() in ("1", "true", "yes"),
}
TYPES = {item.name: READERS[str(item.type)] for item in fields(Behaviour)}


def patience_asked_for(behaviour: Behaviour) -> str:
    return f"retry-after: {behaviour.retry_after:g}\r\n" if behaviour.status == 429 else ""


def key_of(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def with_key(behaviour: Behaviour, headers: Mapping[str, str]) -> Behaviour:
    is_known = not behaviour.keys or key_of(headers) in behaviour.keys.split()
    return behaviour if is_known else replace(behaviour, status=401)


def adjusted(behaviour: Behaviour, settings: Mapping[str, Any]) -> Behaviour:
    known = {name.lower().replace("-", "_"): value for name, value in settings.items()}
    unknown = sorted(known.keys() - TYPES.keys())
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}")
    return replace(behaviour, **{name: TYPES[name](value) for name, value in known.items()})


# -- what was asked and what was told -------------------------------------------------------------


@dataclass(slots=True)
class Call:
    """One chat as it truly was, also where its caller was told nothing: what an estimate can be compared with."""

    endpoint: str
    model: str
    key: str  # that it came with
    input_tokens: int = 0  # 0: it was turned away
    output_tokens: int = 0  # that were streamed
    has_told: bool = False  # the caller got the final counts
    mark: str = ""  # `[mark x]` in what was asked: whose call it was, for whoever compares two accounts


@dataclass(slots=True)
class Ledger:
    """Exact counts per endpoint and model, the other side of an account that must add up."""

    rows: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=20_000))  # chats, oldest first
    searches: deque[Call] = field(default_factory=lambda: deque(maxlen=20_000))  # embeddings and reranks

    def row(self, endpoint: str, model: str) -> Counter[str]:
        return self.rows.setdefault((endpoint, model), Counter())

    def as_json(self) -> dict[str, dict[str, dict[str, int]]]:
        found: dict[str, dict[str, dict[str, int]]] = {}
        for (endpoint, model), row in list(self.rows.items()):
            found.setdefault(endpoint, {})[model] = dict(row)
        return found


def count_tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


@lru_cache(maxsize=256)
def reply_tokens(text: str, tokens: int) -> tuple[str, ...]:
    found = TOKEN.findall(text or DEFAULT_TEXT)
    length = tokens or (len(found) if text else DEFAULT_TOKENS)
    return tuple(islice(cycle([*found, " "]) if length > len(found) else found, length))


# -- embeddings -----------------------------------------------------------------------------------


@lru_cache(maxsize=200_000)
def places_of(word: str, dimensions: int) -> tuple[int, int, int, int]:
    seed = crc32(word.encode())
    return seed % dimensions, (seed * 2654435761 >> 7) % dimensions, (seed * 40503 >> 3) % dimensions, seed >> 31


@lru_cache(maxsize=4)
def common_direction(dimensions: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    direction = np.random.default_rng(7).standard_normal(dimensions).astype(np.float32)
    return (direction / np.linalg.norm(direction)).astype(np.float32)


def embedding_of(text: str, dimensions: int, floor: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A unit vector that depends on the text only; texts that share words are closer to each other."""
    vector = np.zeros(dimensions, dtype=np.float32)
    words = WORD.findall(text.lower()) or [text]
    places = np.array([places_of(word, dimensions)[:3] for word in words]).ravel()
    np.add.at(vector, places, 1.0)
    vector /= np.linalg.norm(vector)
    vector = math.sqrt(floor) * common_direction(dimensions) + math.sqrt(1 - floor) * vector
    return (vector / np.linalg.norm(vector)).astype(np.float32)


# -- wire formats ---------------------------------------------------------------------------------


def dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


OPENAI_ERRORS = {
    400: ("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 128000 tokens."),
    401: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: stub-****-key. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    404: ("invalid_request_error", "model_not_found", "The model `stub-unknown` does not exist or you have no access."),
    429: (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for stub-model in organization org-stub on requests per min (RPM): "
        "Limit 3, Used 3, Requested 1. Please try again in 20s.",
    ),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
ANTHROPIC_ERRORS = {
    400: ("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    401: ("authentication_error", "invalid x-api-key"),
    404: ("not_found_error", "model: stub-unknown"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}


COHERE_ERRORS = {
    400: "invalid request: list of documents must not be empty",
    401: "invalid api token",
    404: "model 'stub-unknown' not found",
    429: "You are using a Trial key, which is limited to 10 API calls / minute.",
    500: "internal server error",
    503: "service unavailable",
}


def openai_error(status: int) -> dict[str, Any]:
    kind, code, message = OPENAI_ERRORS.get(status, OPENAI_ERRORS[500])
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(status: int) -> dict[str, Any]:
    kind, message = ANTHROPIC_ERRORS.get(status, ANTHROPIC_ERRORS[500])
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_stub"}


class OpenAIWire:
    """Events of `POST /v1/chat/completions` with `stream: true`."""

    ping = b": keep-alive\n\n"
    in_stream_error = b"data: " + dumps(openai_error(500)) + b"\n\n"
    garbage = b'data: {"id":"chatcmpl-stub","choices":[{"delta\n\n'

    def __init__(self, model: str, behaviour: Behaviour, input_tokens: int, *, wants_usage: bool) -> None:
        self._cached = behaviour.cached_tokens
        self._input_tokens = input_tokens
        self._tells_usage = wants_usage and behaviour.tells_usage
        usage = '"usage":null,' if self._tells_usage else ""
        self._head = (
            f'{{"id":"chatcmpl-stub","object":"chat.completion.chunk","created":{int(time())},'
            f'"model":{json.dumps(model)},"service_tier":"default","system_fingerprint":"fp_stub",{usage}"choices":['
        )

    def _event(self, delta: str, reason: str = "null") -> bytes:
        choice = f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}'
        return f"data: {self._head}{choice}]}}\n\n".encode()

    def opening(self) -> bytes:
        return self._event('{"role":"assistant","content":"","refusal":null}')

    def token(self, text: str) -> bytes:
        return self._event(f'{{"content":{json.dumps(text)}}}')

    def closing(self, sent: int) -> bytes:
        return self._event("{}", '"stop"') + (self._usage(sent) if self._tells_usage else b"") + b"data: [DONE]\n\n"

    def _usage(self, sent: int) -> bytes:
        head = self._head.replace('"usage":null', f'"usage":{json.dumps(self.usage(sent))}')
        return f"data: {head}]}}\n\n".encode()

    def usage(self, sent: int) -> dict[str, Any]:
        return {
            "prompt_tokens": self._input_tokens,
            "completion_tokens": sent,
            "total_tokens": self._input_tokens + sent,
            "prompt_tokens_details": {"cached_tokens": min(self._cached, self._input_tokens), "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def whole(self, model: str, text: str, sent: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        body = {"id": "chatcmpl-stub", "object": "chat.completion", "created": int(time()), "model": model}
        return {**body, "choices": [choice], **({"usage": self.usage(sent)} if self._tells_usage else {})}


class AnthropicWire:
    """Events of `POST /v1/messages` with `stream: true`."""

    ping = b'event: ping\ndata: {"type":"ping"}\n\n'
    in_stream_error = b"event: error\ndata: " + dumps(anthropic_error(529)) + b"\n\n"
    garbage = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":7}\n\n'

    def __init__(self, model: str, behaviour: Behaviour, input_tokens: int) -> None:
        self._model = model
        self._cached = min(behaviour.cached_tokens, input_tokens)
        self._written = min(behaviour.cache_write_tokens, input_tokens - self._cached)
        self._fresh = input_tokens - self._cached - self._written

    def _event(self, payload: dict[str, Any]) -> bytes:
        return f"event: {payload['type']}\ndata: ".encode() + dumps(payload) + b"\n\n"

    def usage(self, sent: int) -> dict[str, Any]:
        cache = {"cache_creation_input_tokens": self._written, "cache_read_input_tokens": self._cached}
        return {"input_tokens": self._fresh, **cache, "output_tokens": sent}

    def _message(self, content: list[dict[str, str]], reason: str | None, sent: int) -> dict[str, Any]:
        message = {"id": "msg_stub", "type": "message", "role": "assistant", "model": self._model, "content": content}
        return {**message, "stop_reason": reason, "stop_sequence": None, "usage": self.usage(sent)}

    def opening(self) -> bytes:
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        start = {"type": "message_start", "message": self._message([], None, 1)}
        return self._event(start) + self._event(block) + self.ping

    def token(self, text: str) -> bytes:
        delta = f'{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{json.dumps(text)}}}}}'
        return f"event: content_block_delta\ndata: {delta}\n\n".encode()

    def closing(self, sent: int) -> bytes:
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        return (
            self._event({"type": "content_block_stop", "index": 0})
            + self._event({"type": "message_delta", "delta": end, "usage": self.usage(sent)})
            + self._event({"type": "message_stop"})
        )

    def whole(self, model: str, text: str, sent: int) -> dict[str, Any]:
        return self._message([{"type": "text", "text": text}], "end_turn", sent)


Wire = OpenAIWire | AnthropicWire


# -- the server -----------------------------------------------------------------------------------


class Answer:
    """One reply on its way: a chain of timers, each sends one token, on a schedule that does not drift."""

    def __init__(self, connection: Connection, wire: Wire, behaviour: Behaviour, row: Counter[str], call: Call) -> None:
        self._connection = connection
        self._wire = wire
        self._behaviour = behaviour
        self._row = row
        self._call = call
        self._tokens = reply_tokens(behaviour.text, behaviour.tokens)
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._next_at = self._loop.time() + behaviour.first_token_delay
        self._ping: asyncio.TimerHandle | None = None
        self._timer = self._loop.call_at(self._next_at, self._first)
        if behaviour.ping_interval:
            self._keep_alive()

    def cancel(self) -> None:
        self._stop_timers()
        self._row["cancelled"] += 1

    def _stop_timers(self) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    def _keep_alive(self) -> None:
        self._connection.start_stream()
        self._connection.send_piece(self._wire.ping)
        self._ping = self._loop.call_later(self._behaviour.ping_interval, self._keep_alive)

    def _first(self) -> None:
        self._connection.start_stream()
        self._step(self._wire.opening())

    def _step(self, pending: bytes = b"") -> None:
        behaviour = self._behaviour
        while True:
            if self._sent in (behaviour.drop_after, behaviour.error_after, behaviour.end_after, behaviour.stall_after):
                return self._break_off(pending)
            if self._sent == len(self._tokens):
                return self._finish(pending + self._wire.closing(self._sent))
            if self._sent == behaviour.garbage_after:
                pending += self._wire.garbage
            pending += self._wire.token(self._tokens[self._sent])
            self._sent += 1
            self._call.output_tokens += 1
            self._row["streamed_tokens"] += 1
            if behaviour.token_delay:
                self._connection.send_piece(pending)
                self._next_at += behaviour.token_delay
                self._timer = self._loop.call_at(self._next_at, self._step)
                return None

    def _break_off(self, pending: bytes) -> None:
        if pending:
            self._connection.send_piece(pending)
        if self._sent == self._behaviour.stall_after:
            return
        self._stop_timers()
        self._row["failed"] += 1
        if self._sent == self._behaviour.drop_after:
            self._connection.cut()
        else:
            ends = self._wire.in_stream_error if self._sent == self._behaviour.error_after else b""
            self._connection.end_stream(ends)

    def _finish(self, pending: bytes) -> None:
        self._stop_timers()
        self._row["answered"] += 1
        self._row["output_tokens"] += self._sent
        self._call.has_told = self._behaviour.tells_usage
        self._connection.end_stream(pending)


class Connection(asyncio.Protocol):
    """One client connection, HTTP/1.1 with keep-alive."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._answer: Answer | None = None
        self._is_streaming = False

    # asyncio and the parser call these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class is no subclass
        self._stub.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._stub.connections.discard(self)
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.cut()

    def on_message_begin(self) -> None:
        self._url, self._headers = b"", {}
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path = self._url.decode().partition("?")[0]
        try:
            body = json.loads(self._body) if self._body else {}
            self._stub.handle(self, self._parser.get_method().decode(), path, self._headers, body)
        except ValueError as error:
            self.send_json(400, {"error": {"message": str(error), "type": "invalid_request_error"}})

    # answering

    def begin(self, answer: Answer) -> None:
        self._answer = answer

    def send_json(self, status: int, body: object, headers: str = "") -> None:
        data = dumps(body)
        head = (
            f"HTTP/1.1 {status} Stub\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
        )
        self._write(head.encode() + data)

    def start_stream(self) -> None:
        if not self._is_streaming:
            self._is_streaming = True
            self._write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\nx-request-id: req_stub\r\n\r\n"
            )

    def send_piece(self, data: bytes) -> None:
        self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self, data: bytes) -> None:
        self._answer, self._is_streaming = None, False
        self._write((b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + b"0\r\n\r\n")

    def cut(self) -> None:
        self._answer = None
        if self._transport is not None:
            self._transport.close()  # flushes what was sent: the client sees the tokens, then the missing end

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


class Stub:
    """The state behind all connections."""

    def __init__(self, behaviour: Behaviour = DEFAULTS) -> None:
        self.behaviour = self._initial = behaviour
        self.ledger = Ledger()
        self.connections: set[Connection] = set()
        self.last_request: dict[str, Any] = {}
        self._failures = 0
        self._chance = Random(1)  # noqa: S311 (no secret)

    def control(self, settings: Mapping[str, Any]) -> None:
        self.behaviour = adjusted(self.behaviour, settings)
        self._failures = 0

    def reset(self) -> None:
        self.behaviour = self._initial
        self.ledger = Ledger()
        self.last_request = {}
        self._failures = 0
        self._chance = Random(1)  # noqa: S311

    def counts(self) -> dict[str, Any]:
        rows = self.ledger.rows.values()
        total = sum((Counter(row) for row in list(rows)), Counter[str]())
        return {"total": dict(total), "connections": len(self.connections), "endpoints": self.ledger.as_json()}

    def handle(self, connection: Connection, method: str, path: str, headers: dict[str, str], body: Any) -> None:
        match method, path:
            case "POST", "/v1/chat/completions" | "/v1/messages":
                self._chat(connection, path, headers, body)
            case "POST", "/v1/embeddings":
                self._embed(connection, headers, body)
            case "POST", "/v2/rerank":
                self._rerank(connection, headers, body)
            case "GET", "/v1/models":
                behaviour = with_key(self.behaviour, headers)
                if behaviour.silent:
                    return
                if behaviour.status:
                    make = anthropic_error if "x-api-key" in headers else openai_error
                    connection.send_json(behaviour.status, make(behaviour.status), patience_asked_for(behaviour))
                    return
                rows = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "stub"} for name in MODELS]
                connection.send_json(200, {"object": "list", "data": rows})
            case "GET", "/counts":
                connection.send_json(200, self.counts())
            case "GET", "/control":
                connection.send_json(200, asdict(self.behaviour))
            case "GET", "/last":
                connection.send_json(200, self.last_request)
            case "POST", "/control":
                self.control(body)
                connection.send_json(200, asdict(self.behaviour))
            case "POST", "/reset":
                self.reset()
                connection.send_json(200, {"ok": True})
            case _:
                connection.send_json(
                    404, {"error": {"message": f"no {method} {path}", "type": "invalid_request_error"}}
                )

    def _chat(self, connection: Connection, path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        model, behaviour = self._asked(headers, body)
        row = self.ledger.row(path, model)
        row["requests"] += 1
        self.last_request = body
        call = Call(path, model, key_of(headers), mark=mark_in(texts_of(body)))
        self.ledger.calls.append(call)
        behaviour = with_key(self._on_a_bad_day(self._with_faults(behaviour)), headers)
        if behaviour.silent:
            return
        if behaviour.status:
            row["failed"] += 1
            make = openai_error if path == OPENAI_CHAT else anthropic_error
            connection.send_json(behaviour.status, make(behaviour.status), patience_asked_for(behaviour))
            return
        input_tokens = sum(count_tokens(text) for text in texts_of(body))
        row["input_tokens"] += input_tokens
        call.input_tokens = input_tokens
        wire: Wire
        if path == OPENAI_CHAT:
            wants = not body.get("stream") or bool((body.get("stream_options") or {}).get("include_usage"))
            wire = OpenAIWire(model, behaviour, input_tokens, wants_usage=wants)
        else:
            wire = AnthropicWire(model, behaviour, input_tokens)
        if body.get("stream"):
            connection.begin(Answer(connection, wire, behaviour, row, call))
            return
        tokens = reply_tokens(behaviour.text, behaviour.tokens)
        row["answered"] += 1
        row["output_tokens"] += len(tokens)
        call.output_tokens, call.has_told = len(tokens), behaviour.tells_usage
        wait = behaviour.first_token_delay + behaviour.token_delay * len(tokens)
        reply = wire.whole(model, "".join(tokens), len(tokens))
        asyncio.get_running_loop().call_later(wait, connection.send_json, 200, reply)

    def _embed(self, connection: Connection, headers: dict[str, str], body: dict[str, Any]) -> None:
        model, behaviour = self._asked(headers, body)
        row = self.ledger.row(OPENAI_EMBEDDINGS, model)
        row["requests"] += 1
        behaviour = self._with_faults(behaviour)
        if behaviour.silent:
            return
        if behaviour.status or behaviour.drop_after >= 0:
            row["failed"] += 1
            if behaviour.status:
                connection.send_json(behaviour.status, openai_error(behaviour.status), patience_asked_for(behaviour))
            else:
                connection.cut()
            return
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        tokens = sum(count_tokens(text) for text in texts)
        self.ledger.searches.append(Call(OPENAI_EMBEDDINGS, model, key_of(headers), tokens, 0, True, mark_in(texts)))
        row.update(answered=1, texts=len(texts), input_tokens=tokens)
        reply = embeddings(texts, model, body, behaviour, tokens)
        asyncio.get_running_loop().call_later(behaviour.embedding_delay, connection.send_json, 200, reply)

    def _rerank(self, connection: Connection, headers: dict[str, str], body: dict[str, Any]) -> None:
        model, behaviour = self._asked(headers, body)
        row = self.ledger.row(COHERE_RERANK, model)
        row["requests"] += 1
        self.last_request = body
        behaviour = self._with_faults(behaviour)
        if behaviour.silent:
            return
        if behaviour.drop_after >= 0:
            row["failed"] += 1
            connection.cut()
            return
        if behaviour.status:
            row["failed"] += 1
            message = COHERE_ERRORS.get(behaviour.status, COHERE_ERRORS[500])
            connection.send_json(behaviour.status, {"id": "stub", "message": message})
            return
        row.update(answered=1, texts=len(body["documents"]), searches=1)
        mark = mark_in([body["query"]])
        self.ledger.searches.append(Call(COHERE_RERANK, model, key_of(headers), 1, 0, not behaviour.garbled, mark))
        reply = {"results": [{"index": "first"}]} if behaviour.garbled else reranking(body)
        asyncio.get_running_loop().call_later(behaviour.rerank_delay, connection.send_json, 200, reply)

    def _asked(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[str, Behaviour]:
        """The model's plain name, and the behaviour with what this one request asks for."""
        model, _, suffix = str(body.get("model", "")).partition("@")
        settings = {name.removeprefix("x-stub-"): headers[name] for name in headers if name.startswith("x-stub-")}
        settings |= dict(part.split("=", 1) for part in suffix.split(",") if "=" in part)
        return model, adjusted(self.behaviour, settings) if settings else self.behaviour

    def _on_a_bad_day(self, behaviour: Behaviour) -> Behaviour:
        if not behaviour.fault_share or self._chance.random() >= behaviour.fault_share:
            return behaviour
        fault = self._chance.choice(BAD_DAYS)
        return replace(behaviour, **cast(dict[str, Any], fault))

    def _with_faults(self, behaviour: Behaviour) -> Behaviour:
        """Without its faults, once `fail_first` requests have failed."""
        if not behaviour.fail_first:
            return behaviour
        self._failures += 1
        if self._failures <= behaviour.fail_first:
            return behaviour
        return replace(behaviour, **{name: getattr(DEFAULTS, name) for name in FAULTS})


def texts_of(body: dict[str, Any]) -> Iterator[str]:
    """Every text a chat request holds, whichever of the two formats it is in."""
    for content in (body.get("system") or "", *(message.get("content") or "" for message in body.get("messages", ()))):
        if isinstance(content, str):
            yield content
        else:
            yield from (part.get("text") or "" for part in content)


def mark_in(texts: Iterable[str]) -> str:
    """The last one: what was asked stands behind what was said before."""
    found = [mark for text in texts for mark in MARK.findall(text)]
    return found[-1] if found else ""


def embeddings(texts: list[str], model: str, body: dict[str, Any], behaviour: Behaviour, tokens: int) -> dict[str, Any]:
    dimensions = int(body.get("dimensions") or 1536)
    is_base64 = body.get("encoding_format") == "base64"
    rows = []
    for index, text in enumerate(texts):
        vector = embedding_of(text, dimensions, behaviour.similarity_floor)
        shown: Any = b64encode(vector.tobytes()).decode() if is_base64 else vector.tolist()
        rows.append({"object": "embedding", "index": index, "embedding": shown})
    return {"object": "list", "data": rows, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def reranking(body: dict[str, Any]) -> dict[str, Any]:
    """Relevance is the share of the query's words that a text has."""
    wanted = set(WORD.findall(body["query"].lower()))
    shares = [len(wanted & set(WORD.findall(text.lower()))) / max(1, len(wanted)) for text in body["documents"]]
    order = sorted(range(len(shares)), key=lambda index: -shares[index])[: body.get("top_n") or len(shares)]
    results = [{"index": index, "relevance_score": shares[index]} for index in order]
    return {
        "id": "stub",
        "results": results,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }


async def serve(stub: Stub, listener: socket.socket) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(lambda: Connection(stub), sock=listener, backlog=1024)


def listen(host: str, port: int) -> socket.socket:
    # The protocol spelled out: asyncio turns off Nagle's delay (40 ms here) only where it reads TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class StubProvider:
    """The stub on a free port, in a thread of its own.

    with StubProvider(token_delay=0.02) as stub:
        OpenAIChatModel("stub-model", "key", stub.openai_url)
    """

    def __init__(self, port: int = 0, **settings: Any) -> None:
        self.stub = Stub(adjusted(DEFAULTS, settings))
        self._listener = listen("127.0.0.1", port)
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._is_serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stub-provider", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def last_request(self) -> dict[str, Any]:
        """The body of the last chat request."""
        return self.stub.last_request

    def control(self, **settings: Any) -> None:
        self.stub.control(settings)

    def reset(self) -> None:
        self.stub.reset()

    def counts(self) -> dict[str, Any]:
        return self.stub.counts()

    def total(self, name: str) -> int:
        return int(self.counts()["total"].get(name, 0))

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_serving.wait(timeout=5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(serve(self.stub, self._listener))
        self._is_serving.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self.stub.connections):
            connection.cut()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def run(stub: Stub, host: str, port: int) -> None:
    server = await serve(stub, listen(host, port))
    print(f"stub provider on http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    for item in fields(Behaviour):
        parser.add_argument(f"--{item.name.replace('_', '-')}", default=item.default)
    return parser.parse_args()


def main() -> None:
    import uvloop

    arguments = vars(parse_arguments())
    host, port = arguments.pop("host"), arguments.pop("port")
    with suppress(KeyboardInterrupt):
        uvloop.run(run(Stub(adjusted(DEFAULTS, arguments)), host, port))


if __name__ == "__main__":
    main()
