"""A program that talks to `/ws/chat/`."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.server import PATIENCE, Server

Frame = dict[str, Any]


class Chat:
    """One socket. Frames of any answer come in the order they were sent."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def hear(self, patience: float = PATIENCE) -> Frame:
        return dict(json.loads(self.socket.recv(timeout=patience)))

    def ask(self, text: str, *, client_id: str = "", **more: Any) -> Frame:
        """Ask, and return what was accepted."""
        self.send(type="ask", text=text, client_id=client_id or str(uuid.uuid4()), conversation=None, **more)
        frame = self.hear()
        assert frame["type"] == "accepted", frame
        return frame

    def frames(self, answer: str) -> Iterator[Frame]:
        """The answer's frames up to its end."""
        while True:
            frame = self.hear()
            assert frame.get("answer") == answer, frame
            yield frame
            if frame["type"] == "done":
                return

    def some(self, answer: str, deltas: int) -> list[Frame]:
        """Frames until so many deltas have come."""
        found: list[Frame] = []
        for frame in self.frames(answer):
            found.append(frame)
            if len(deltas_of(found)) == deltas:
                return found
        raise AssertionError(f"the answer was over after {len(deltas_of(found))} deltas")

    def resume(self, answer: str, after: int) -> list[Frame]:
        self.send(type="resume", answer=answer, after=after)
        return list(self.frames(answer))


@contextmanager
def chat(server: Server, slug: str = "demo", *, key: str = "", cookie: str = "", origin: str = "") -> Iterator[Chat]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if cookie:
        headers["Cookie"] = f"sessionid={cookie}"
    with connect(
        f"{server.address(slug, 'ws')}/ws/chat/",
        sock=socket.create_connection(("127.0.0.1", server.port)),
        subprotocols=["vena.v1"],  # type: ignore[list-item]
        additional_headers=headers,
        origin=origin or None,  # type: ignore[arg-type]
        open_timeout=PATIENCE,
        close_timeout=5,
    ) as opened:
        yield Chat(opened)


def deltas_of(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == "delta"]


def text_of(frames: list[Frame]) -> str:
    return "".join(frame["text"] for frame in deltas_of(frames))


def sources_of(frames: list[Frame]) -> list[Frame]:
    return next((list(frame["sources"]) for frame in frames if frame["type"] == "sources"), [])
