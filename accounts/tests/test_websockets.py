"""Who is on a socket: the session of this host or a key of this organisation, while the person is active."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import User
from tenants.context import entered, in_public
from tenants.models import Organisation
from tenants.tests.handshakes import handshake

HERE, THERE = "acme.localhost:8000", "globex.localhost:8000"


async def heard(host: str, **headers: str) -> str:
    """`pong` for somebody who is signed in, else the code of the refusal."""
    opened = await handshake(host, **headers)
    frame = json.loads(opened["heard"]["text"])
    return str(frame.get("code", frame["type"]))


@pytest.fixture
def person(live_acme: Organisation, live_globex: Organisation, make_person: Any) -> User:
    user: User = make_person(live_acme)
    with entered(live_globex.schema_name):
        User.objects.create(id=user.id, email=user.email, password=user.password)
    return user


@pytest.fixture
def cookie(person: User, live_acme: Organisation, on_host: Any) -> str:
    host = on_host(live_acme)
    host.sign_in(person.email)
    return f"sessionid={host.cookies['sessionid'].value}"


@pytest.fixture
def key(person: User, live_acme: Organisation, make_key: Any) -> str:
    return f"Bearer {make_key(live_acme, person)}"


def deactivate() -> None:
    with entered("org_acme"):
        User.objects.update(is_active=False)


async def test_a_session_signs_in_on_its_own_host_only(cookie: str) -> None:
    assert await heard(HERE, cookie=cookie) == "pong"
    assert await heard(THERE, cookie=cookie) == "not_signed_in"


async def test_a_key_signs_in_on_its_own_host_only(key: str) -> None:
    assert await heard(HERE, authorization=key) == "pong"
    assert await heard(THERE, authorization=key) == "not_signed_in"


async def test_a_wrong_key_beside_a_good_session_is_refused(cookie: str) -> None:
    assert await heard(HERE, cookie=cookie, authorization="Bearer vena_00000000_wrong") == "not_signed_in"


@pytest.mark.parametrize(
    "headers", [{}, {"cookie": "sessionid=nonsense"}, {"authorization": "Bearer x"}, {"cookie": ";;="}]
)
async def test_nobody_is_told_so_in_words(live_acme: Organisation, headers: dict[str, str]) -> None:
    assert await heard(HERE, **headers) == "not_signed_in"


async def test_a_deactivated_person_opens_no_socket(cookie: str, key: str) -> None:
    await in_public(deactivate)
    assert await heard(HERE, cookie=cookie) == "not_signed_in"
    assert await heard(HERE, authorization=key) == "not_signed_in"
