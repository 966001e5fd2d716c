"""A client of the real ASGI application, for tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from asgiref.testing import ApplicationCommunicator

from chat.live import close_switchboard
from chat.protocol import SUBPROTOCOL, Frame
from tenants.models import Organisation
from vena_platform.asgi import application


class Refused(Exception):
    pass


class Socket:
    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self.app = communicator

    async def tell(self, frame: Frame) -> None:
        await self.app.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def tell_text(self, text: str) -> None:
        await self.app.send_input({"type": "websocket.receive", "text": text})

    async def hear(self, timeout: float = 10) -> Frame:
        message = await self.app.receive_output(timeout)
        if message["type"] == "websocket.close":
            raise Refused(message.get("code"))
        frame: Frame = json.loads(message["text"])
        return frame

    async def ask(self, text: str, **more: Any) -> Frame:
        """Ask and return `accepted`."""
        await self.tell({"type": "ask", "text": text, "client_id": str(uuid4()), **more})
        return await self.hear()

    async def until_done(self) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or frames[-1]["type"] != "done":
            frames.append(await self.hear())
        return frames

    async def is_silent(self) -> bool:
        return bool(await self.app.receive_nothing(timeout=0.15))


@asynccontextmanager
async def connected(
    organisation: Organisation | None, *, key: str = "", cookie: str = "", origin: str = "", host: str = ""
) -> AsyncIterator[Socket]:
    """A socket on the organisation's host; raises Refused when the handshake is denied."""
    name = host or f"{organisation.slug}.localhost:8000" if organisation else host
    headers = [(b"host", name.encode())]
    headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
    headers += [(b"cookie", cookie.encode())] if cookie else []
    headers += [(b"origin", origin.encode())] if origin else []
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": headers, "subprotocols": [SUBPROTOCOL]}
    app = ApplicationCommunicator(application, scope)
    await app.send_input({"type": "websocket.connect"})
    opened = await app.receive_output(10)
    if opened["type"] != "websocket.accept":
        raise Refused(opened.get("code"))
    assert opened["subprotocol"] == SUBPROTOCOL
    try:
        yield Socket(app)
    finally:
        await app.send_input({"type": "websocket.disconnect", "code": 1000})
        await app.wait(5)


async def all_answers_end() -> None:
    await close_switchboard(patience=10)


def joined(frames: list[Frame]) -> str:
    """The deltas in order of `seq`, which must also be the order of arrival."""
    deltas = [frame for frame in frames if frame["type"] == "delta"]
    numbers = [frame["seq"] for frame in deltas]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    return "".join(frame["text"] for frame in deltas)


def ids(frame: Frame) -> UUID:
    return UUID(frame["answer"])
