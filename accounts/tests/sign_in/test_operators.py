"""Operators sign in on the base domain as people do on an organisation's host: with a second factor where it counts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache

from accounts.models import User
from conftest import PASSWORD
from tenants.models import Organisation

OPERATOR = "root@example.org"


@pytest.fixture
def operator(db: None) -> User:
    cache.clear()
    person: User = User.objects.create_superuser(OPERATOR, PASSWORD)
    return person


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def test_the_operators_admin_leads_to_their_sign_in_and_back(operator: User, on_host: Any) -> None:
    host = on_host(None)
    asked = host.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert "operators of the platform" in asked.content.decode()
    assert (
        host.post("/accounts/login/?next=/admin/", {"login": OPERATOR, "password": PASSWORD})["Location"] == "/admin/"
    )
    assert host.get("/admin/").status_code == 200


def test_without_a_second_factor_an_operator_can_only_set_one_up(operator: User, on_host: Any, settings: Any) -> None:
    settings.VENA_OPERATOR_SECOND_FACTOR = True
    host = on_host(None)
    host.post("/accounts/login/", {"login": OPERATOR, "password": PASSWORD})
    for path in ("/admin/", "/admin/tenants/organisation/", "/admin/providers/"):
        assert host.get(path)["Location"] == "/accounts/2fa/", path
    assert "Set up a second factor" in host.get("/accounts/2fa/").content.decode()
    page = host.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r"\b[A-Z2-7]{32}\b", page)
    assert secret
    assert host.post("/accounts/2fa/totp/activate/", {"code": code_of(secret.group())}).status_code == 302
    assert host.get("/admin/").status_code == 200


def test_the_second_factor_is_asked_for(operator: User, on_host: Any, settings: Any) -> None:
    settings.VENA_OPERATOR_SECOND_FACTOR = True
    secret = generate_totp_secret()
    TOTP.activate(operator, secret)
    assert Authenticator.objects.filter(user=operator).exists()
    host = on_host(None)
    step = host.post("/accounts/login/?next=/admin/", {"login": OPERATOR, "password": PASSWORD})
    assert "/2fa/authenticate/" in step["Location"]
    assert host.get("/admin/").status_code == 302
    assert host.post(step["Location"], {"code": code_of(secret)}).status_code == 302
    assert host.get("/admin/").status_code == 200


def test_an_organisations_owner_is_nobody_there(
    operator: User, acme: Organisation, make_person: Any, on_host: Any
) -> None:
    make_person(acme, "olive@example.org", "owner")
    host = on_host(None)
    assert host.post("/accounts/login/", {"login": "olive@example.org", "password": PASSWORD}).status_code == 200
    assert host.get("/admin/").status_code == 302
