"""Authenticator apps, recovery codes, passkeys; organisations that require one of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache

from accounts.models import User
from accounts.sign_in.actions import policy_change
from accounts.tests.sign_in.codes import code_of, secret_on
from accounts.websockets import Credential, person
from conftest import PASSWORD
from tenants.context import entered
from tenants.models import Organisation

FACTORS = "/accounts/2fa/"


def is_inside(host: Any) -> bool:
    return bool(host.get("/api/v1/me/").status_code == 200)


def set_up_app(host: Any) -> str:
    """Returns the app's secret."""
    secret = secret_on(host.get(f"{FACTORS}totp/activate/").content.decode())
    response = host.post(f"{FACTORS}totp/activate/", {"code": code_of(secret)})
    assert (response.status_code, response["Location"]) == (302, f"{FACTORS}recovery-codes/")
    cache.clear()  # a code counts once; the next test step uses the same half minute
    return secret


def recovery_codes(host: Any) -> list[str]:
    return re.findall(r"<li><code>(\d{8})</code>", host.get(f"{FACTORS}recovery-codes/").content.decode())


def require_second_factor(organisation: Organisation) -> None:
    with entered(organisation.schema_name):
        policy_change(second_factor=True, provider=False, key_holders=[])


def test_a_password_alone_does_not_do_once_there_is_an_app(acme: Organisation, member: Any, on_host: Any) -> None:
    secret = set_up_app(member)
    host = on_host(acme)
    response = host.sign_in("ada@example.org")
    assert (response.status_code, response["Location"]) == (302, f"{FACTORS}authenticate/")
    assert not is_inside(host)
    assert host.post(response["Location"], {"code": "000000"}).status_code == 200
    assert not is_inside(host)
    assert host.post(response["Location"], {"code": code_of(secret)}).status_code == 302
    assert is_inside(host)


def test_a_code_works_once(acme: Organisation, member: Any, on_host: Any) -> None:
    code = code_of(set_up_app(member))
    outcomes = []
    for _ in range(2):
        host = on_host(acme)
        host.sign_in("ada@example.org")
        host.post(f"{FACTORS}authenticate/", {"code": code})
        outcomes.append(is_inside(host))
    assert outcomes == [True, False]


def test_a_recovery_code_works_once(acme: Organisation, member: Any, on_host: Any) -> None:
    set_up_app(member)
    codes = recovery_codes(member)
    assert len(set(codes)) == 10
    outcomes = []
    for _ in range(2):
        host = on_host(acme)
        host.sign_in("ada@example.org")
        host.post(f"{FACTORS}authenticate/", {"code": codes[3]})
        outcomes.append(is_inside(host))
    assert outcomes == [True, False]
    assert len(recovery_codes(member)) == 9


def test_guessing_codes_meets_the_pause(acme: Organisation, member: Any, on_host: Any) -> None:
    secret = set_up_app(member)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    for _ in range(5):
        host.post(f"{FACTORS}authenticate/", {"code": "000000"})
    host.post(f"{FACTORS}authenticate/", {"code": code_of(secret)})
    assert not is_inside(host)


def test_secrets_are_encrypted_for_their_organisation(acme: Organisation, globex: Organisation, member: Any) -> None:
    secret = set_up_app(member)
    with entered(acme.schema_name):
        stored = [str(row.data) for row in Authenticator.objects.all()]
    assert len(stored) == 2
    assert not any(secret in data for data in stored)


def test_a_factor_set_up_here_does_nothing_there(
    acme: Organisation, globex: Organisation, make_person: Any, member: Any, on_host: Any
) -> None:
    with entered(acme.schema_name):
        user = User.objects.get()
    with entered(globex.schema_name):
        User.objects.create(id=user.id, email=user.email, password=user.password)
    set_up_app(member)
    there = on_host(globex)
    assert there.sign_in(user.email).status_code == 302
    assert is_inside(there)
    with entered(globex.schema_name):
        assert not Authenticator.objects.exists()


@pytest.mark.parametrize("path", ["/", "/documents/", "/admin/", "/knowledge/answers/", "/accounts/sessions/"])
def test_who_lacks_a_required_factor_is_led_to_it(acme: Organisation, owner: Any, path: str) -> None:
    require_second_factor(acme)
    response = owner.get(path)
    assert (response.status_code, response["Location"]) == (302, FACTORS)
    assert "Set up a second factor" in owner.get(FACTORS).content.decode()


@pytest.mark.parametrize("path", ["/api/v1/me/", "/api/v1/collections/", "/v1/models"])
def test_programs_in_that_session_are_told(acme: Organisation, owner: Any, path: str) -> None:
    require_second_factor(acme)
    response = owner.get(path)
    assert (response.status_code, response.json()["code"]) == (403, "second_factor_missing")


def test_a_key_is_not_asked_but_does_not_cover_a_session(
    acme: Organisation, owner: Any, make_key: Any, on_host: Any
) -> None:
    with entered(acme.schema_name):
        user = User.objects.get()
    require_second_factor(acme)
    header = {"authorization": f"Bearer {make_key(acme, user)}"}
    assert on_host(acme).get("/api/v1/me/", headers=header).status_code == 200
    assert owner.get("/api/v1/me/", headers=header).status_code == 403
    assert owner.get("/documents/", headers=header).status_code == 302


def test_a_socket_of_that_session_does_not_open(acme: Organisation, globex: Organisation, owner: Any) -> None:
    credential = Credential(session_key=owner.cookies["sessionid"].value)
    with entered(acme.schema_name):
        assert person(credential) is not None
    require_second_factor(globex)
    with entered(acme.schema_name):
        assert person(credential) is not None
    require_second_factor(acme)
    with entered(acme.schema_name):
        assert person(credential) is None


def test_whoever_sets_it_up_goes_on(acme: Organisation, owner: Any) -> None:
    require_second_factor(acme)
    set_up_app(owner)
    assert owner.get("/").status_code == 200
    assert is_inside(owner)


def test_the_last_required_factor_stays(acme: Organisation, owner: Any) -> None:
    set_up_app(owner)
    require_second_factor(acme)
    response = owner.post(f"{FACTORS}totp/deactivate/")
    assert "requires a second factor" in response.content.decode()
    with entered(acme.schema_name):
        policy_change(second_factor=False, provider=False, key_holders=[])
    assert owner.post(f"{FACTORS}totp/deactivate/").status_code == 302
    with entered(acme.schema_name):
        assert not Authenticator.objects.exists()


def code_in_the_letter() -> str:
    (found,) = re.findall(r"\n([A-Z]{4}-[A-Z]{4})\n", str(mail.outbox[-1].body))
    return str(found)


def test_a_code_by_mail_signs_in(acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(acme)
    host = on_host(acme)
    host.post("/accounts/login/code/", {"email": "ada@example.org"})
    assert mail.outbox[0].subject == "Your code for Acme"
    assert host.post("/accounts/login/code/confirm/", {"code": code_in_the_letter()}).status_code == 302
    assert is_inside(host)


def test_a_code_by_mail_is_of_one_browser_and_one_organisation(
    acme: Organisation, globex: Organisation, make_person: Any, on_host: Any
) -> None:
    for organisation in (acme, globex):
        make_person(organisation)
    asking, other, there = on_host(acme), on_host(acme), on_host(globex)
    asking.post("/accounts/login/code/", {"email": "ada@example.org"})
    code = code_in_the_letter()
    for host in (other, there):
        host.post("/accounts/login/code/", {"email": "ada@example.org"})
        host.post("/accounts/login/code/confirm/", {"code": code})
        assert not is_inside(host)


def test_three_wrong_codes_are_enough(acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(acme)
    host = on_host(acme)
    host.post("/accounts/login/code/", {"email": "ada@example.org"})
    for _ in range(3):
        host.post("/accounts/login/code/confirm/", {"code": "BBBB-BBBB"})
    host.post("/accounts/login/code/confirm/", {"code": code_in_the_letter()})
    assert not is_inside(host)


def test_a_code_by_mail_does_not_replace_the_second_factor(acme: Organisation, member: Any, on_host: Any) -> None:
    set_up_app(member)
    host = on_host(acme)
    host.post("/accounts/login/code/", {"email": "ada@example.org"})
    response = host.post("/accounts/login/code/confirm/", {"code": code_in_the_letter()})
    assert response["Location"] == f"{FACTORS}authenticate/"
    assert not is_inside(host)


def test_a_change_of_the_factors_is_told_by_mail(live_acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(live_acme)
    host = on_host(live_acme)
    host.sign_in("ada@example.org")
    set_up_app(host)
    assert ["ada@example.org"] in [letter.to for letter in mail.outbox]
    assert "Acme on Vena" in str(mail.outbox[0].body)


@pytest.mark.parametrize("what", ["change a person", "delete a person", "revoke a key", "set up an app"])
def test_dangerous_acts_need_a_fresh_sign_in(
    acme: Organisation, owner: Any, make_person: Any, make_key: Any, settings: Any, what: str
) -> None:
    """Then the question comes first, and the act is done after it."""
    # given
    user = make_person(acme)
    make_key(acme, user)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    person_page = f"/admin/accounts/user/{user.pk}"
    with entered(acme.schema_name):
        key = user.api_keys.get()
    path, form = {
        "change a person": (f"{person_page}/change/", {"email": user.email, "name": "Bea", "role": "member"}),
        "delete a person": (f"{person_page}/delete/", {"post": "yes"}),
        "revoke a key": ("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": str(key.pk)}),
        "set up an app": (f"{FACTORS}totp/activate/", {"code": "000000"}),
    }[what]
    # when
    response = owner.post(path, form)
    # then
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/?next=")
    with entered(acme.schema_name):
        assert (User.objects.get(pk=user.pk).name, user.api_keys.get().revoked_at) == ("Ada", None)
    if what == "set up an app":
        return
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    assert owner.post(response["Location"], {"password": PASSWORD}).status_code == 302
    with entered(acme.schema_name):
        after = User.objects.filter(pk=user.pk).first()
        assert {
            "change a person": lambda: after is not None and after.name == "Bea",
            "delete a person": lambda: after is None,
            "revoke a key": lambda: user.api_keys.get().revoked_at is not None,
        }[what]()
