"""Signing in as people do: password, authenticator app, passkey."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.tests.sign_in.codes import code_of
from tests.browser.conftest import PHONE, Watch
from vena_platform import demo

pytestmark = pytest.mark.browser

Shot = Callable[[Page, str], None]
PERSON = "finance@demo.example"  # no other test signs in as her
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def enter(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(PERSON)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def leave(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/accounts/login/"))


def is_inside(page: Page) -> None:
    page.get_by_label("Your question").wait_for()


@pytest.fixture
def authenticator(page: Page) -> Any:
    """A phone's fingerprint reader, as Chromium plays it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    return session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def test_password_then_app_then_passkey(page: Page, authenticator: Any, watch: Watch, shot: Shot) -> None:
    # a password alone, and an app is set up
    enter(page)
    is_inside(page)
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("[data-totp-secret]").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret, steps=-1))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("[data-recovery-codes] li")).to_have_count(10)
    # the app's code is asked for
    leave(page)
    enter(page)
    expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    shot(page, "sign-in-second-factor")
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_inside(page)
    # a passkey
    page.goto("/accounts/2fa/webauthn/add/")
    page.locator("main").get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("main")).to_contain_text("Security")
    page.goto("/accounts/2fa/webauthn/")
    expect(page.locator(".security-list")).to_contain_text("Laptop")
    expect(page.locator(".security-list")).to_contain_text("In place of the password")
    # signs in by itself, without password and code
    leave(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_inside(page)
    # and the sessions are there to end
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto("/accounts/sessions/")
    expect(page.locator(".security-list > li")).to_have_count(1)
    shot(page, "sign-in-sessions-phone")
    page.get_by_role("button", name=re.compile("End the session of Chrome on Linux")).click()
    page.wait_for_url(re.compile("/accounts/login/"))


def test_a_passkey_that_is_refused_is_told_on_the_page(page: Page, watch: Watch) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    page.goto("/accounts/login/")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, "isUserVerified": False}})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-problem]")).to_contain_text("did not give a passkey")
