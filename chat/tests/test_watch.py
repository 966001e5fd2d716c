"""A socket outlives the right to listen by no more than a moment; without Redis by VENA_SOCKET_CHECK_SECONDS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis.asyncio as aioredis
from django.conf import settings as django_settings

from accounts.actions import api_key_revoke
from accounts.models import ApiKey, User
from chat.tests.conftest import Ready
from chat.tests.sockets import Refused, Socket, all_answers_end, connected
from chat.tests.test_consumers import stored
from chat.watch import Watch, watch
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_public, in_tenant
from tenants.models import Organisation


@pytest.fixture(autouse=True)
def _soon(settings: Any) -> None:
    settings.VENA_SOCKET_CHECK_SECONDS = 0.2


def revoke_every_key() -> None:
    for key in ApiKey.objects.all():
        api_key_revoke(key)


async def key_revoked(organisation: Organisation) -> None:
    await in_tenant(organisation.schema_name, revoke_every_key)


async def person_left(organisation: Organisation) -> None:
    await in_tenant(organisation.schema_name, lambda: User.objects.update(is_active=False))


async def organisation_suspended(organisation: Organisation) -> None:
    await in_public(lambda: Organisation.objects.filter(pk=organisation.pk).update(state="suspended"))


async def closed_with(socket: Socket) -> tuple[str, Any]:
    """The error that is told, and the code of the end; nothing else may come between."""
    frame = await socket.hear()
    while frame["type"] != "error":
        frame = await socket.hear()
    with pytest.raises(Refused) as refused:
        await socket.hear()
    return frame["code"], refused.value.args[0]


@pytest.mark.parametrize(
    ("loss", "code", "number"),
    [
        (key_revoked, "not_signed_in", 4401),
        (person_left, "not_signed_in", 4401),
        (organisation_suspended, "organisation_suspended", 4404),
    ],
    ids=["key_revoked", "person_left", "organisation_suspended"],
)
async def test_who_may_not_listen_any_more_hears_nothing_further(
    live_acme: Organisation,
    live_globex: Organisation,
    ready: Ready,
    scripted: ScriptedChatModel,
    loss: Callable[[Organisation], Awaitable[None]],
    code: str,
    number: int,
) -> None:
    _, ours = await ready(live_acme)
    _, theirs = await ready(live_globex)
    resume = scripted.pause("You get 25 days [1].", at=2)
    async with connected(live_acme, key=ours) as socket, connected(live_globex, key=theirs) as other:
        accepted = await socket.ask("How many days?")
        await loss(live_acme)
        assert await closed_with(socket) == (code, number)
        resume.set()
        await other.tell({"type": "ping"})
        assert await other.hear() == {"type": "pong"}
    await all_answers_end()
    row = await stored(live_acme, accepted["answer"])
    assert (row.status, row.text) == ("complete", "You get 25 days [1].")
    assert watch().viewers == set()


async def test_what_is_taken_away_closes_its_own_organisations_sockets_at_once(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VENA_SOCKET_CHECK_SECONDS = 600
    _, ours = await ready(live_acme)
    _, theirs = await ready(live_globex)
    looked_at: list[str] = []
    check = Watch.check

    async def noted(self: Watch, schema_name: str = "") -> None:
        looked_at.append(schema_name)
        await check(self, schema_name)

    monkeypatch.setattr(Watch, "check", noted)
    async with connected(live_acme, key=ours) as socket, connected(live_globex, key=theirs) as other:
        await listened_to(settings.VENA_REDIS_PREFIX)
        await key_revoked(live_acme)
        assert await closed_with(socket) == ("not_signed_in", 4401)
        await other.tell({"type": "ping"})
        assert await other.hear() == {"type": "pong"}
    assert looked_at == [live_acme.schema_name]


async def listened_to(prefix: str) -> None:
    """The watch begins to hear with the first socket, a moment after it is open."""
    async with aioredis.Redis.from_url(django_settings.REDIS_URL) as client:
        for _ in range(100):
            if dict(await client.pubsub_numsub(f"{prefix}:sockets:look")).popitem()[1]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("nobody listens")


async def test_signing_out_ends_the_sockets_of_that_session_only(
    live_acme: Organisation, ready: Ready, on_host: Any
) -> None:
    user, key = await ready(live_acme)

    def signed_in() -> Any:
        browser = on_host(live_acme)
        browser.sign_in(user.email)
        return browser

    first, second = [await asyncio.to_thread(signed_in) for _ in range(2)]
    cookies = [f"sessionid={one.cookies['sessionid'].value}" for one in (first, second)]
    async with (
        connected(live_acme, cookie=cookies[0]) as gone,
        connected(live_acme, cookie=cookies[1]) as stays,
        connected(live_acme, key=key) as program,
    ):
        await asyncio.to_thread(first.post, "/accounts/logout/")
        assert await closed_with(gone) == ("not_signed_in", 4401)
        await asyncio.sleep(0.5)
        for socket in (stays, program):
            await socket.tell({"type": "ping"})
            assert await socket.hear() == {"type": "pong"}
