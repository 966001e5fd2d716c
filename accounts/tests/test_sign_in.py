"""Signing in, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from accounts.websockets import Credential, person
from conftest import PASSWORD
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]


def change(organisation: Organisation, user: User, **values: object) -> None:
    with entered(organisation.schema_name):
        User.objects.filter(pk=user.pk).update(**values)


@pytest.mark.parametrize("email", ["ada@example.org", "Ada@Example.ORG", " ada@example.org "])
def test_the_case_of_an_address_does_not_matter(
    acme: Organisation, make_person: MakePerson, on_host: Any, email: str
) -> None:
    make_person(acme)
    host = on_host(acme)
    response = host.sign_in(email)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert host.get("/").status_code == 200


def test_addresses_are_kept_in_small_letters(acme: Organisation, make_person: MakePerson) -> None:
    assert make_person(acme, "Ada@Example.ORG").email == "ada@example.org"


@pytest.mark.parametrize(("email", "password"), [("ada@example.org", "wrong password"), ("bob@example.org", PASSWORD)])
def test_a_wrong_password_and_an_unknown_person_look_the_same(
    acme: Organisation, make_person: MakePerson, on_host: Any, email: str, password: str
) -> None:
    make_person(acme)
    host = on_host(acme)
    response = host.sign_in(email, password)
    assert response.status_code == 200
    assert "not correct" in response.content.decode()
    assert host.get("/api/v1/me/").status_code == 401


def test_guessing_passwords_is_slowed_down(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    make_person(acme)
    host = on_host(acme)
    for _ in range(10):
        host.sign_in("ada@example.org", "wrong password")
    assert host.sign_in("ada@example.org").status_code != 302
    assert host.get("/api/v1/me/").status_code == 401


def test_signing_in_sends_no_mail(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    """People are added by their admins: there is nothing to confirm."""
    make_person(acme)
    on_host(acme).sign_in("ada@example.org")
    assert mail.outbox == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_themselves_up_on_an_organisations_host(acme: Organisation, on_host: Any, method: str) -> None:
    form = {"email": "eve@example.org", "password1": PASSWORD, "password2": PASSWORD}
    response = getattr(on_host(acme), method)("/accounts/signup/", form)
    assert response.status_code == 200
    assert "account/signup_closed.html" in [template.name for template in response.templates]
    with entered(acme.schema_name):
        assert not User.objects.exists()


def test_a_deactivated_person_loses_the_session(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    user = make_person(acme)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    assert host.get("/").status_code == host.get("/api/v1/me/").status_code == 200
    change(acme, user, is_active=False)
    assert host.get("/").status_code == 302
    assert host.get("/api/v1/me/").status_code == 401


def test_a_deactivated_person_can_not_sign_in(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    change(acme, make_person(acme), is_active=False)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    assert host.get("/api/v1/me/").status_code == 401


def test_a_deactivated_person_gets_no_link(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    change(acme, make_person(acme), is_active=False)
    on_host(acme).post("/accounts/password/reset/", {"email": "ada@example.org"})
    assert mail.outbox == []


def test_a_new_password_ends_other_sessions(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    user = make_person(acme)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    with entered(acme.schema_name):
        session = host.cookies["sessionid"].value
        assert person(Credential(session_key=session)) == user
        user.set_password("another good password")
        user.save()
        assert person(Credential(session_key=session)) is None
    assert host.get("/api/v1/me/").status_code == 401


def test_signing_out_ends_the_session(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    make_person(acme)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    session = host.cookies["sessionid"].value
    assert host.post("/accounts/logout/").status_code == 302
    with entered(acme.schema_name):
        assert person(Credential(session_key=session)) is None


def test_an_address_that_was_replaced_opens_nothing(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    """Also not by a reset link to the mailbox that the person lost."""
    # given
    owner = make_person(acme, "owner@example.org", "owner")
    user = make_person(acme, "lost@example.org")
    with entered(acme.schema_name):
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    admin = on_host(acme)
    admin.sign_in(owner.email)
    # when
    form = {"email": "new@example.org", "name": "Ada", "role": "member", "is_active": "on"}
    assert admin.post(f"/admin/accounts/user/{user.pk}/change/", form).status_code == 302
    # then
    on_host(acme).post("/accounts/password/reset/", {"email": "lost@example.org"})
    assert mail.outbox == []
    old, new = on_host(acme), on_host(acme)
    old.sign_in("lost@example.org")
    new.sign_in("new@example.org")
    assert old.get("/api/v1/me/").status_code == 401
    assert new.get("/api/v1/me/").status_code == 200
