"""What streaming chat models share: server-sent events, patience, one client per event loop, estimated usage.

Knows no SDK, so that the pipeline can import it without paying for one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Generic, Self, TypeVar, cast
from weakref import WeakKeyDictionary

import httpx2
import orjson

from knowledge.errors import ProviderUnavailable
from knowledge.providers.base import ChatModel
from knowledge.types import ModelUsage, Prompt, Role, Turn

T = TypeVar("T")
ONE_WORD = Prompt("", (Turn(Role.USER, "Say yes."),), "", (), max_output_tokens=16)

BYTES_PER_TOKEN = 4  # UTF-8 bytes, so that scripts with many tokens a character are not counted too low
TOKENS_PER_TURN = 4  # role and separators
DRAIN_SECONDS = 0.1
END_OF_EVENT = (b"", b"\r")
BUSY_READER_SECONDS = 0.05


def json_body(request: dict[str, Any]) -> bytes:
    """A request as it travels; the SDKs would copy it deeply first, and write it in Python."""
    try:
        return orjson.dumps(request)
    except orjson.JSONEncodeError:  # half a pair of surrogates, which is no UTF-8
        return json.dumps(request).encode()


def estimate_tokens(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def estimate_usage(model: ChatModel, prompt: Prompt, text_so_far: str, told: ModelUsage | None = None) -> ModelUsage:
    """Usage of a call that did not end by itself: stopped, cut or failed.

    `told` is the last `ModelUsage` the stream yielded, if any: its input is exact, its output may lag behind the text.
    A stream that ended by itself has always yielded its final usage; this is not needed then.
    """
    input_tokens = told.input_tokens if told else 0
    return ModelUsage(
        provider=model.provider,
        model=model.name,
        input_tokens=input_tokens or _prompt_tokens(prompt),
        cached_input_tokens=told.cached_input_tokens if told else 0,
        output_tokens=max(told.output_tokens if told else 0, estimate_tokens(text_so_far)),
        estimated=True,
        cache_write_tokens=told.cache_write_tokens if told else 0,
    )


def _prompt_tokens(prompt: Prompt) -> int:
    texts = (prompt.system, *(turn.text for turn in prompt.turns))
    return sum(estimate_tokens(text) + TOKENS_PER_TURN for text in texts)


class EventData:
    """Incremental `text/event-stream` reader that keeps the `data` fields only, as JSON objects.

    The SDKs build model objects a chunk, which costs many times the JSON inside (bench/README.md has the numbers).
    """

    def __init__(self) -> None:
        self.is_done = False
        self.problem: ProviderUnavailable | None = None  # what came before it is good
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif self._data and line in END_OF_EVENT:
                data = b"\n".join(self._data)
                self._data.clear()
                if data == b"[DONE]":
                    self.is_done = True
                    break
                try:
                    found.append(_json_object(data))
                except ProviderUnavailable as problem:
                    self.problem = problem
                    break
        return found


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(data)
    except ValueError as error:
        raise ProviderUnavailable(detail="the stream held something that is not JSON") from error
    if not isinstance(payload, dict):
        raise ProviderUnavailable(detail="the stream held something that is not a JSON object")
    return payload


class Patience:
    """How long a stream may keep us waiting: for its first piece of text, then between two pieces.

    Pings and other signs of life do not count: a person waits for text. Does what `asyncio.timeout` does, with one
    lazily moved timer a stream instead of a new one a chunk. Use it as a context manager around the stream.
    """

    def __init__(self, provider: str, *, first: float, silence: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._provider = provider
        self._silence = silence
        self._silent = f"silent for {silence:g} s"
        self._missing = f"no first token within {first:g} s"
        self._deadline = self._loop.time() + first
        self._waiting: asyncio.Task[Any] | None = None
        self._has_expired = False

    def __enter__(self) -> Self:
        self._timer = self._loop.call_at(self._deadline, self._check)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def progress(self) -> None:
        self._deadline = self._loop.time() + self._silence
        if self._missing is not self._silent:
            self._missing = self._silent
            self._timer.cancel()  # it waits for the first piece, which may be longer
            self._timer = self._loop.call_at(self._deadline, self._check)

    async def wait(self, awaitable: Awaitable[T]) -> T:
        task = self._waiting = cast("asyncio.Task[Any]", asyncio.current_task(self._loop))
        cancelling = task.cancelling()
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._has_expired and task.uncancel() <= cancelling:
                raise ProviderUnavailable(detail=f"{self._provider}: {self._missing}") from None
            raise
        finally:
            self._waiting = None

    def _check(self) -> None:
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check)
        elif self._waiting is None:  # the reader is busy with what it got: look again when it waits
            self._timer = self._loop.call_later(BUSY_READER_SECONDS, self._check)
        else:
            self._has_expired = True
            self._waiting.cancel()


class EventStream:
    """A provider's open answer: read `batch()` until it is None."""

    def __init__(self, response: httpx2.Response, patience: Patience) -> None:
        is_plain = response.headers.get("content-encoding", "identity") == "identity"
        # Without the decoding layers, where there is nothing to decode.
        self._received = aiter(cast(AsyncIterable[bytes], response.stream if is_plain else response.aiter_bytes()))
        self._patience = patience
        self._events = EventData()

    async def batch(self) -> list[dict[str, Any]] | None:
        """The events of one network read (there may be none in it); None at the end."""
        if self._events.problem is not None:
            raise self._events.problem
        if self._events.is_done:
            await self._drain()
            return None
        piece = await self._patience.wait(anext(self._received, b""))
        return self._events.feed(piece) if piece else None

    async def _drain(self) -> None:
        """Read the few bytes after the last event, or the connection could not be used again."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while await anext(self._received, b""):
                    pass
        except TimeoutError:
            pass


class PerLoop(Generic[T]):
    """One value per event loop: HTTP clients keep connections, and those belong to the loop that opened them."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        loop = asyncio.get_running_loop()
        value = self._values.get(loop)
        if value is None:
            self._forget_closed_loops()
            value = self._values[loop] = self._make()
        return value

    def drop(self) -> T | None:
        """Forget the running loop's value and hand it out, to be closed."""
        return self._values.pop(asyncio.get_running_loop(), None)

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._values if loop.is_closed()]:
            del self._values[loop]
