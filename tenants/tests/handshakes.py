"""The opening of a socket through the real ASGI application, for tests."""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator

from vena_platform.asgi import application


async def handshake(host: str, *, path: str = "/ws/chat/", **headers: str) -> dict[str, Any]:
    """What the server says to a request to open a socket: accept, or close and its code."""
    sent = {"host": host, **headers}
    scope = {
        "type": "websocket",
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "subprotocols": ["vena.v1"],
    }
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    try:
        opened: dict[str, Any] = await socket.receive_output(10)
        if opened["type"] == "websocket.accept":
            await socket.send_input({"type": "websocket.receive", "text": '{"type": "ping"}'})
            opened["heard"] = await socket.receive_output(10)
            await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait(5)
    finally:
        socket.stop()
    return opened
