"""Who has only the identity provider signs in there again before a dangerous act, as themselves, and lately."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.sign_in import again
from accounts.sign_in.again import authn_instant
from accounts.tests.sign_in import test_oidc as oidc
from accounts.tests.sign_in import test_saml as saml
from accounts.tests.sign_in.conftest import BACK
from tenants.context import entered
from tenants.models import Organisation
from tests.identity.running import identity_provider, signed_in_at

KEYS = "/me/keys/"
KEY = {"name": "Mine", "scopes": ["read"], "days": "30"}
AGAIN = "/accounts/reauthenticate/provider/"
HOST = "http://acme.localhost:8000"


@pytest.fixture
def okta(owner: Any, issuer: str) -> str:
    page = oidc.set_up(owner, issuer)
    assert "People can sign in with Okta now" in oidc.act(owner, page, "enable")
    return page


@pytest.fixture
def ada(acme: Organisation, okta: str, on_host: Any) -> Any:
    """Signed in by the provider some time ago."""
    host = on_host(acme)
    oidc.round_trip(host, "ada")
    age(host)
    return host


def age(host: Any) -> None:
    with entered("org_acme"):
        session = host.session
        records = session["account_authentication_methods"]
        session["account_authentication_methods"] = [{**one, "at": one["at"] - 3600} for one in records]
        session.save()


def asked(host: Any) -> str:
    """A key is asked for; where the person is led."""
    answer = host.post(KEYS, KEY)
    assert answer.status_code == 302
    first = host.get(answer["Location"])
    return str(first["Location"] if first.status_code == 302 else answer["Location"])


def sent_away(host: Any, place: str) -> str:
    assert place.startswith(AGAIN)
    page = host.get(place).content.decode()
    assert "Sign in at Okta" in page
    query = parse_qs(urlsplit(place).query)
    away = host.get(AGAIN, {"go": "okta", "next": query["next"][0]})
    return str(away["Location"])


def back_as(host: Any, away: str, login: str) -> Any:
    return host.get(signed_in_at(away, BACK, login).removeprefix(HOST))


def test_a_person_of_the_provider_is_asked_there_and_then_it_is_done(acme: Organisation, ada: Any) -> None:
    away = sent_away(ada, asked(ada))
    wanted = parse_qs(urlsplit(away).query)
    assert (wanted["prompt"], wanted["max_age"]) == (["login"], ["0"])
    came = back_as(ada, away, "ada")
    assert came["Location"].startswith(f"{AGAIN}done/")
    done = ada.get(came["Location"])
    assert "Mine" in done.content.decode()  # the key that was asked for before
    assert oidc.who(ada) == ("ada@example.org", "admin")
    assert ada.post(KEYS, {**KEY, "name": "Another"}).status_code == 200
    with entered(acme.schema_name):
        assert AuditEvent.objects.filter(action="sign_in.confirmed", actor_label="ada@example.org").count() == 1


def test_somebody_else_at_the_provider_confirms_nothing(acme: Organisation, ada: Any, on_host: Any) -> None:
    oidc.round_trip(on_host(acme), "bob")
    away = sent_away(ada, asked(ada))
    refused = back_as(ada, away, "bob")
    assert (refused.status_code, "Somebody else signed in" in refused.content.decode()) == (403, True)
    assert oidc.who(ada) == ("ada@example.org", "admin")  # nobody was signed in by it
    assert asked(ada).startswith(AGAIN)


def test_a_provider_that_lets_its_own_session_count_is_not_believed(
    acme: Organisation, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = sent_away(ada, asked(ada))
    monkeypatch.setattr(again, "moment_of", lambda sociallogin: time.time() - 300)
    refused = back_as(ada, away, "ada")
    assert (refused.status_code, "did not ask you to sign in again" in refused.content.decode()) == (403, True)
    assert asked(ada).startswith(AGAIN)


def test_who_takes_too_long_begins_again(acme: Organisation, ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    away = sent_away(ada, asked(ada))
    monkeypatch.setattr(again, "LONGEST", -1)
    assert "took too long" in back_as(ada, away, "ada").content.decode()


def test_a_way_back_counts_once(acme: Organisation, ada: Any) -> None:
    away = sent_away(ada, asked(ada))
    back = signed_in_at(away, BACK, "ada").removeprefix(HOST)
    assert ada.get(back)["Location"].startswith(f"{AGAIN}done/")
    age(ada)
    assert ada.get(back).status_code in {401, 403}
    assert asked(ada).startswith(AGAIN)


def test_the_way_back_of_one_organisation_is_none_of_another(
    acme: Organisation, globex: Organisation, ada: Any, on_host: Any
) -> None:
    away = sent_away(ada, asked(ada))
    back = signed_in_at(away, BACK, "ada").removeprefix(HOST)
    assert on_host(globex).get(back).status_code in {403, 404}


def test_who_has_a_password_may_choose(acme: Organisation, owner: Any, okta: str, ada: Any) -> None:
    with entered(acme.schema_name):
        person = User.objects.get(email="ada@example.org")
        person.set_password("correct horse battery")
        person.save()
    oidc.round_trip(ada, "ada")
    age(ada)
    place = asked(ada)
    assert place.startswith("/accounts/reauthenticate/?next=")
    assert AGAIN in ada.get(place).content.decode()


def test_whom_nothing_can_ask_signs_in_anew(acme: Organisation, ada: Any) -> None:
    oidc.change(acme, is_enabled=False)
    refused = ada.post(KEYS, KEY)
    assert (refused.status_code, "Sign in again" in refused.content.decode()) == (403, True)


def test_without_the_provider_the_page_says_so(acme: Organisation, ada: Any) -> None:
    oidc.change(acme, is_enabled=False)
    assert ada.get(AGAIN).status_code == 404


# -- SAML -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return Path(tmp_path_factory.mktemp("saml-again"))


@pytest.fixture(scope="module")
def idp(folder: Path) -> Iterator[str]:
    with identity_provider("saml.mjs", *saml.pair(folder, "idp")) as address:
        yield address


def test_saml_asks_too_and_says_when(acme: Organisation, owner: Any, idp: str, on_host: Any) -> None:
    page = str(owner.post(f"{saml.SETTINGS}add/", {"name": "ADFS", "kind": "saml"})["Location"])
    owner.post(page, {**saml.FORM, "metadata_url": f"{idp}/metadata"})
    assert "People can sign in with ADFS now" in oidc.act(owner, page, "enable")
    httpx.post(f"{idp}/partner", content=owner.get(f"{saml.SAML}metadata/").content)
    host = on_host(acme)
    saml.round_trip(host, "ada")
    age(host)
    place = asked(host)
    assert place.startswith(AGAIN)
    query = parse_qs(urlsplit(place).query)
    away = str(host.get(AGAIN, {"go": "adfs", "next": query["next"][0]})["Location"])
    request = base64.b64decode(parse_qs(urlsplit(away).query)["SAMLRequest"][0])
    assert b'ForceAuthn="true"' in zlib.decompress(request, -15)
    late = saml.posted(host, saml.answered(away, "ada", clock="-200"))
    assert (late.status_code, "did not ask you" in late.content.decode()) == (403, True)
    away = str(host.get(AGAIN, {"go": "adfs", "next": query["next"][0]})["Location"])
    came = saml.posted(host, saml.answered(away, "ada"))
    assert came["Location"].startswith(f"{AGAIN}done/")
    assert "Mine" in host.get(came["Location"]).content.decode()


@pytest.mark.parametrize(
    ("xml", "moment"),
    [
        (b"<a/>", None),
        (b"not xml", None),
        (
            b'<r xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
            b'<saml:AuthnStatement AuthnInstant="2026-01-01T00:00:00Z"/>'
            b'<saml:AuthnStatement AuthnInstant="2026-01-01T00:01:00Z"/></r>',
            1767225600.0,
        ),
    ],
)
def test_the_moment_is_read_from_the_response(xml: bytes, moment: float | None) -> None:
    assert authn_instant(xml) == moment
