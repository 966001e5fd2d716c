"""Short messages over a pipe: four bytes of length, then JSON."""

from __future__ import annotations

import os
import select
import time
from typing import Any

import orjson

MAX_FRAME = 1 << 16  # bytes
_LENGTH = 4


class PipeClosed(Exception):
    """The process at the other end is gone, or it no longer speaks our language."""


def send(pipe: int, message: dict[str, Any]) -> None:
    body = orjson.dumps(message)
    data = memoryview(len(body).to_bytes(_LENGTH, "big") + body)
    try:
        while data:
            data = data[os.write(pipe, data) :]
    except OSError as error:
        raise PipeClosed from error


def receive(pipe: int) -> dict[str, Any]:
    """Block until a whole message is here."""
    reader = FrameReader(pipe)
    while (message := reader.poll(None)) is None:
        pass
    return message


class FrameReader:
    """One message that may come in pieces, without blocking longer than asked."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._data = b""
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def poll(self, seconds: float | None) -> dict[str, Any] | None:
        """The message, or None when it is not complete after `seconds`. Raises `PipeClosed`."""
        until = None if seconds is None else time.monotonic() + seconds
        while len(self._data) < self._wanted():
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._poll.poll(None if left is None else left * 1000):
                return None
            self._data += self._read()
        return self._message()

    def _wanted(self) -> int:
        if len(self._data) < _LENGTH:
            return _LENGTH
        size = int.from_bytes(self._data[:_LENGTH], "big")
        if size > MAX_FRAME:
            raise PipeClosed(f"a frame of {size} bytes")
        return _LENGTH + size

    def _read(self) -> bytes:
        try:
            data = os.read(self._pipe, self._wanted() - len(self._data))
        except OSError as error:
            raise PipeClosed from error
        if not data:
            raise PipeClosed
        return data

    def _message(self) -> dict[str, Any]:
        try:
            message = orjson.loads(self._data[_LENGTH:])
        except ValueError as error:
            raise PipeClosed("not JSON") from error
        if not isinstance(message, dict):
            raise PipeClosed("not a message")
        return message
