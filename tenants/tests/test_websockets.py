"""Sockets follow the same rule as pages: the host decides, and another site's page opens none."""

from __future__ import annotations

import pytest

from tenants.context import in_public
from tenants.models import Organisation
from tenants.tests.handshakes import handshake

UNKNOWN, CROSS_SITE = 4404, 4403


def set_state(organisation: Organisation, state: str) -> None:
    Organisation.objects.filter(pk=organisation.pk).update(state=state)


@pytest.mark.parametrize("host", ["acme.localhost:8000", "ACME.localhost.:8000", "www.acme.localhost"])
async def test_an_organisations_host_opens(live_acme: Organisation, host: str) -> None:
    assert (await handshake(host))["type"] == "websocket.accept"


@pytest.mark.parametrize("host", ["nobody.localhost:8000", "localhost:8000", "", "evil.example"])
async def test_an_unknown_host_is_refused(live: None, host: str) -> None:
    assert await handshake(host) == {"type": "websocket.close", "code": UNKNOWN}


@pytest.mark.parametrize("state", ["provisioning", "suspended", "failed"])
async def test_an_organisation_that_is_not_open_is_refused(
    live_acme: Organisation, live_globex: Organisation, state: str
) -> None:
    await in_public(set_state, live_acme, state)
    assert await handshake("acme.localhost") == {"type": "websocket.close", "code": UNKNOWN}
    assert (await handshake("globex.localhost"))["type"] == "websocket.accept"


@pytest.mark.parametrize(
    "origin",
    [
        "http://globex.localhost:8000",
        "http://localhost:8000",
        "https://evil.example",
        "http://acme.localhost.evil.example",
        "http://acme.localhost:x@evil.example",
        "null",
        "file://",
        "http://[",
    ],
)
async def test_a_page_of_another_site_is_refused(live_acme: Organisation, origin: str) -> None:
    assert await handshake("acme.localhost:8000", origin=origin) == {"type": "websocket.close", "code": CROSS_SITE}


@pytest.mark.parametrize("origin", ["http://acme.localhost:8000", "https://ACME.localhost"])
async def test_a_page_of_the_same_site_is_welcome(live_acme: Organisation, origin: str) -> None:
    assert (await handshake("acme.localhost:8000", origin=origin))["type"] == "websocket.accept"


async def test_a_path_without_a_socket_is_refused(live_acme: Organisation) -> None:
    assert await handshake("acme.localhost:8000", path="/ws/nothing/") == {"type": "websocket.close", "code": UNKNOWN}
