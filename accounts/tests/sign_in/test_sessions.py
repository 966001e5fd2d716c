"""Where somebody is signed in, and how that ends."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.usersessions.models import UserSession

from accounts.sign_in.clients import client_named
from accounts.websockets import Credential, is_signed_in
from chat.watch import NOT_SIGNED_IN, unwelcome
from tenants.context import entered
from tenants.models import Organisation

PAGE = "/accounts/sessions/"


def rows(organisation: Organisation) -> list[UserSession]:
    with entered(organisation.schema_name):
        return list(UserSession.objects.order_by("created_at"))


@pytest.fixture
def other(acme: Organisation, member: Any, on_host: Any) -> Any:
    """Ada's second browser."""
    host = on_host(acme)
    host.sign_in("ada@example.org")
    return host


def credential(host: Any) -> Credential:
    return Credential(session_key=host.cookies["sessionid"].value)


def test_an_ended_session_opens_nothing_and_its_sockets_are_told(acme: Organisation, member: Any, other: Any) -> None:
    """`unwelcome` is what every open socket's credential goes through every 20 seconds."""
    with entered(acme.schema_name):
        assert unwelcome(acme.key, [credential(member), credential(other)]) == {}
    assert member.post(f"{PAGE}{rows(acme)[1].pk}/end/").status_code == 302
    with entered(acme.schema_name):
        gone = unwelcome(acme.key, [credential(member), credential(other)])
    assert gone == {credential(other): NOT_SIGNED_IN}
    assert other.get("/api/v1/me/").status_code == 401
    assert member.get("/api/v1/me/").status_code == 200


def test_all_others_can_be_ended_at_once(acme: Organisation, member: Any, other: Any) -> None:
    assert "End all others" in member.get(PAGE).content.decode()
    member.post(PAGE)
    assert len(rows(acme)) == 1
    with entered(acme.schema_name):
        assert is_signed_in(credential(member))
        assert not is_signed_in(credential(other))


def test_ending_this_one_signs_out(acme: Organisation, member: Any) -> None:
    response = member.post(f"{PAGE}{rows(acme)[0].pk}/end/")
    assert response["Location"] == "/accounts/login/"
    assert member.get("/api/v1/me/").status_code == 401


def test_nobody_sees_or_ends_a_session_of_somebody_else(
    acme: Organisation, globex: Organisation, make_person: Any, member: Any, on_host: Any
) -> None:
    make_person(acme, "bob@example.org")
    make_person(globex, "bob@example.org")
    (mine,) = rows(acme)
    for organisation in (acme, globex):
        bob = on_host(organisation)
        bob.sign_in("bob@example.org")
        assert str(bob.get(PAGE).content).count("/end/") == 1
        bob.post(f"{PAGE}{mine.pk}/end/")
    assert member.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("curl/8.9", "curl/8.9"),
        ("", "Unknown program"),
    ],
    ids=["firefox", "safari", "edge", "curl", "nothing"],
)
def test_programs_are_named_as_people_call_them(agent: str, name: str) -> None:
    assert client_named(agent) == name
