"""Our pages run only what we serve ourselves; the admin theme's needs stay under its own paths."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tenants.models import Organisation

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "frame-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
}
RELAXED = {**STRICT, "script-src": "'self' 'unsafe-inline' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
TENANT_PAGES = [
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/signup/",
    "/accounts/login/code/",
    "/nothing/",
    "/admin",
    "/x/admin/",
]
PUBLIC_PAGES = ["/", "/signup/", "/find/", "/nothing/"]


def policy(response: Any) -> dict[str, str]:
    parts: list[list[str]] = [part.split(maxsplit=1) for part in response["Content-Security-Policy"].split(";")]
    return dict(parts)


def runs_inline(html: str) -> list[str]:
    """Scripts, styles and handlers in the page itself, which the strict policy would refuse."""
    return re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style|\sstyle=|\son[a-z]+=", html)


@pytest.mark.parametrize("path", [*TENANT_PAGES, "/api/v1/me/"])
def test_strict_on_an_organisations_host(acme: Organisation, on_host: Any, path: str) -> None:
    response = on_host(acme).get(path)
    assert policy(response) == STRICT
    assert runs_inline(response.content.decode()) == []


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_strict_on_the_public_host(db: None, on_host: Any, path: str) -> None:
    response = on_host(None).get(path)
    assert policy(response) == STRICT
    assert runs_inline(response.content.decode()) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/documents/",
        "/accounts/password/change/",
        "/accounts/logout/",
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/sessions/",
        "/people/sign-in/",
    ],
)
def test_strict_for_people_signed_in(owner: Any, path: str) -> None:
    response = owner.get(path)
    assert response.status_code == 200
    assert policy(response) == STRICT
    assert runs_inline(response.content.decode()) == []


@pytest.mark.parametrize("state", ["suspended", "provisioning"])
def test_strict_on_pages_of_an_organisation_that_is_not_open(acme: Organisation, on_host: Any, state: str) -> None:
    Organisation.objects.update(state=state)
    response = on_host(acme).get("/")
    assert policy(response) == STRICT
    assert runs_inline(response.content.decode()) == []


def test_strict_on_an_unknown_host(db: None) -> None:
    response = Client(headers={"host": "nobody.localhost"}).get("/")
    assert policy(response) == STRICT
    assert runs_inline(response.content.decode()) == []


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/"])
def test_relaxed_for_the_admin_theme_only(owner: Any, path: str) -> None:
    response = owner.get(path)
    assert response.status_code == 200
    assert policy(response) == RELAXED


def test_relaxed_for_the_operators_sign_in(db: None, on_host: Any) -> None:
    assert policy(on_host(None).get("/admin/login/")) == RELAXED


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/api/v1/me/"])
def test_other_protections_are_on_every_answer(acme: Organisation, on_host: Any, path: str) -> None:
    response = on_host(acme).get(path)
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
