"""HTTP through the real ASGI application, for tests: whole answers by httpx, streams event by event."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from asgiref.testing import ApplicationCommunicator

from chat.protocol import Frame
from tenants.models import Organisation
from vena_platform.asgi import application


def web(organisation: Organisation, key: str = "", **headers: str) -> httpx.AsyncClient:
    """A program with an API key on the organisation's host."""
    signed = {"Authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    address = f"http://{organisation.slug}.localhost:8000"
    return httpx.AsyncClient(transport=transport, base_url=address, headers={**signed, **headers}, timeout=30)


class Events:
    """One response, read as it comes."""

    def __init__(self, app: ApplicationCommunicator) -> None:
        self.app, self.status, self.buffer = app, 0, b""
        self.headers: dict[str, str] = {}

    async def start(self) -> None:
        message = await self.app.receive_output(10)
        self.status = message["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}

    async def raw(self) -> bytes:
        """The next event or comment, without its blank line; nothing at the end."""
        while b"\n\n" not in self.buffer:
            message = await self.app.receive_output(10)
            self.buffer += message.get("body", b"")
            if not message.get("more_body"):
                rest, self.buffer = self.buffer, b""
                return rest
        event, _, self.buffer = self.buffer.partition(b"\n\n")
        return event

    async def event(self) -> tuple[int | None, Frame]:
        """Its id and its frame; comments are passed over."""
        text = await self.raw()
        while text.startswith(b":"):
            text = await self.raw()
        assert text, "the stream has ended"
        fields = dict(line.split(": ", 1) for line in text.decode().split("\n"))
        return int(fields["id"]) if "id" in fields else None, json.loads(fields["data"])

    async def until_done(self) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or frames[-1]["type"] != "done":
            frames.append((await self.event())[1])
        return frames


@asynccontextmanager
async def streamed(
    organisation: Organisation, key: str, path: str, body: Any = None, **headers: str
) -> AsyncIterator[Events]:
    """POST with a body, GET without. Leaving the block is the client hanging up."""
    content = b"" if body is None else json.dumps(body).encode()
    sent = {
        "content-length": str(len(content)),
        "host": f"{organisation.slug}.localhost:8000",
        "authorization": f"Bearer {key}",
        "accept": "text/event-stream",
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET" if body is None else "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    app = ApplicationCommunicator(application, scope)
    await app.send_input({"type": "http.request", "body": content})
    events = Events(app)
    await events.start()
    try:
        yield events
    finally:
        await app.send_input({"type": "http.disconnect"})
        await app.wait(5)
