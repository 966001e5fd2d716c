"""The same rule for sockets: host → organisation, or the connection is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from tenants.context import in_public, mark_active
from tenants.selectors import host_name, organisation_for_host

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
REFUSED = {"type": "websocket.close", "code": 4404}


async def nowhere(scope: Scope, receive: Any, send: Any) -> None:
    """For paths without a socket: refused in the handshake like an unknown host, not a crash in the log."""
    await send(REFUSED)


def header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class OrganisationSocketMiddleware:
    """Puts the open organisation into `scope["organisation"]`; unknown, suspended and half-made ones are refused."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        organisation = await in_public(organisation_for_host, header(scope, b"host"))
        if organisation is None or not organisation.is_open:
            await send(REFUSED)
            return
        mark_active(organisation.schema_name)
        await self.app({**scope, "organisation": organisation, "tenant": organisation.key}, receive, send)


def host_of_origin(origin: str) -> str:
    """Empty when it is not an address, as in `null`."""
    try:
        return host_name(urlsplit(origin).hostname or "")
    except ValueError:
        return ""


class SameOriginMiddleware:
    """A page of another site must not open a socket with the person's cookie. Programs send no Origin."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        origin = header(scope, b"origin")
        if origin and host_of_origin(origin) != host_name(header(scope, b"host")):
            await send({"type": "websocket.close", "code": 4403})
            return
        await self.app(scope, receive, send)
