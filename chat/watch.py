"""The open sockets of this process, looked after: who may not listen any more, and who does not read.

Whether a person may still listen is asked for all sockets of an organisation together: when something that opens
sockets was taken away there (`watch_calls`), and every VENA_SOCKET_CHECK_SECONDS.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol

from django.conf import settings
from django.db import DatabaseError

from accounts.websockets import Credential, is_signed_in
from chat.watch_calls import calls
from tenants.context import in_tenant
from tenants.models import Organisation
from tenants.types import TenantKey

logger = logging.getLogger(__name__)

NOT_SIGNED_IN = 4401
NO_ORGANISATION = 4404
LOOK_EVERY = 1.0  # seconds
FAREWELL_SECONDS = 2.0


class Viewer(Protocol):
    """An open socket."""

    tenant: TenantKey
    credential: Credential

    @property
    def blocked_since(self) -> float | None:
        """On the loop's clock; None when everything was sent."""

    async def leave(self, code: int) -> None: ...

    def give_up(self) -> None: ...


class Watch:
    """One per event loop, made by `watch()`; works while there are sockets."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, viewer: Viewer) -> None:
        self.viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="sockets.watch")

    def remove(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    async def _look(self) -> None:
        ear = asyncio.create_task(self._hear(), name="sockets.hear")
        try:
            await self._look_now_and_then()
        finally:
            ear.cancel()

    async def _look_now_and_then(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while self.viewers:
            await asyncio.sleep(min(LOOK_EVERY, settings.VENA_SOCKET_CHECK_SECONDS, settings.VENA_SLOW_READER_SECONDS))
            self.drop_slow(loop.time() - settings.VENA_SLOW_READER_SECONDS)
            if loop.time() - checked >= settings.VENA_SOCKET_CHECK_SECONDS:
                checked = loop.time()
                await self.check()

    def drop_slow(self, before: float) -> None:
        for viewer in list(self.viewers):
            if viewer.blocked_since is not None and viewer.blocked_since < before:
                self.remove(viewer)
                viewer.give_up()

    async def _hear(self) -> None:
        async for schema_name in calls():
            await self.check(schema_name)

    async def check(self, schema_name: str = "") -> None:
        """Everybody, or everybody of one organisation, who may not listen any more is told so and hears nothing
        further."""
        by_organisation: dict[TenantKey, list[Viewer]] = defaultdict(list)
        for viewer in self.viewers:
            if not schema_name or viewer.tenant.schema_name == schema_name:
                by_organisation[viewer.tenant].append(viewer)
        for tenant, viewers in by_organisation.items():
            credentials = list({viewer.credential for viewer in viewers})
            try:
                gone = await in_tenant(tenant.schema_name, unwelcome, tenant, credentials)
            except DatabaseError:  # it may be back at the next look; asking is checked anyway
                logger.exception("sockets.check_failed")
                continue
            await asyncio.gather(*told(viewers, gone), return_exceptions=True)


def told(viewers: Iterable[Viewer], gone: dict[Credential, int]) -> list[Coroutine[Any, Any, None]]:
    return [farewell(viewer, gone[viewer.credential]) for viewer in viewers if viewer.credential in gone]


async def farewell(viewer: Viewer, code: int) -> None:
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            await viewer.leave(code)
    except TimeoutError:  # it does not read
        viewer.give_up()


def unwelcome(tenant: TenantKey, credentials: Sequence[Credential]) -> dict[Credential, int]:
    """Who may not listen any more, with the code to close with. Inside the organisation's schema."""
    if not Organisation.objects.filter(pk=tenant.id, state=Organisation.State.ACTIVE).exists():
        return dict.fromkeys(credentials, NO_ORGANISATION)
    return {each: NOT_SIGNED_IN for each in credentials if not is_signed_in(each)}


_watches: dict[asyncio.AbstractEventLoop, Watch] = {}


def watch() -> Watch:
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        for closed in [one for one in _watches if one.is_closed()]:
            del _watches[closed]
        _watches[loop] = Watch()
    return _watches[loop]
