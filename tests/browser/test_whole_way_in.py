"""One person's whole way in: invited, accepted, an app, a passkey, then by the organisation's own provider, which is
required from then on; and the end of it, a key that is revoked while its socket is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.tests.sign_in.codes import code_of
from tests.browser.conftest import DESKTOP, Watch, sign_in
from tests.browser.test_people import PASSWORD, link_sent_to
from tests.browser.test_sign_in import AUTHENTICATOR, leave
from tests.browser.test_single_sign_on import SECRET, at_the_provider, closed_with, required
from tests.identity.running import identity_provider
from tests.server import Server
from tests.sockets import chat

pytestmark = pytest.mark.browser

EMAIL = "bob@example.org"  # as the provider knows him


@pytest.fixture
def issuer(browsed: Server) -> Iterator[str]:
    with identity_provider("oidc.mjs", f"{browsed.address('demo')}/accounts/oidc/entra/login/callback/") as address:
        yield address


@pytest.fixture
def bob(chromium: Browser, browsed: Server, watch: Watch) -> Iterator[Page]:
    context = chromium.new_context(base_url=browsed.address("demo"), viewport=DESKTOP)  # type: ignore[arg-type]
    watch.over(context)
    yield context.new_page()
    context.close()


def set_up_provider(owner: Page, issuer: str) -> None:
    owner.goto("/people/sign-in/")
    owner.locator("main").get_by_label("Name").fill("Entra")
    owner.get_by_role("button", name="Go on").click()
    owner.get_by_label("Address of the provider (issuer)").fill(issuer)
    owner.get_by_label("Client id").fill("vena")
    owner.get_by_label("Client secret").fill(SECRET)
    owner.get_by_label("E-mail domains").fill("example.org")
    owner.get_by_role("button", name="Save and test").click()
    owner.get_by_role("button", name="Test it and switch it on").click()
    expect(owner.get_by_text("People can sign in with Entra now")).to_be_visible()


def through_the_provider(person: Page) -> None:
    """Whatever it asks this time, it may remember him; then his own second factor is asked for here as well."""
    passkey, asks = person.get_by_role("button", name="Use a passkey"), person.locator("input[name=login]")
    goes_on = person.get_by_role("button", name="Continue")
    passkey.or_(asks).or_(goes_on).first.wait_for()
    if asks.is_visible():
        at_the_provider(person, "bob")
    elif goes_on.is_visible():
        goes_on.click()
    passkey.click()


def inside_now(page: Page) -> None:
    expect(page.get_by_text("What do you want to know?")).to_be_visible()


def test_from_the_invitation_to_a_revoked_key(
    page: Page, bob: Page, issuer: str, browsed: Server, watch: Watch
) -> None:
    # invited and accepted
    sign_in(page)
    page.goto("/people/invitations/")
    page.locator("#id_email").fill(EMAIL)
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.locator(".people-name", has_text=EMAIL)).to_be_visible()
    bob.goto(link_sent_to(browsed, EMAIL))
    bob.get_by_label("Your name").fill("Bob Babbage")
    bob.get_by_label("Choose a password").fill(PASSWORD)
    bob.get_by_role("button", name="Join").click()
    inside_now(bob)
    # an app, then a passkey, and in by the passkey alone
    session: Any = bob.context.new_cdp_session(bob)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    bob.goto("/accounts/2fa/")
    bob.get_by_role("link", name="Set up an app").click()
    secret = bob.locator("[data-totp-secret]").inner_text()
    bob.get_by_label("Authenticator code").fill(code_of(secret, steps=-1))
    bob.get_by_role("button", name="Turn it on").click()
    expect(bob.locator("[data-recovery-codes] li")).to_have_count(10)
    bob.goto("/accounts/2fa/webauthn/add/")
    bob.locator("main").get_by_label("Name").fill("Phone")
    bob.get_by_role("button", name="Add it").click()
    expect(bob.locator("main")).to_contain_text("Security")
    leave(bob)
    bob.goto("/accounts/login/")
    bob.get_by_role("button", name=re.compile("passkey", re.I)).click()
    inside_now(bob)
    # the same person by the organisation's own provider
    set_up_provider(page, issuer)
    try:
        leave(bob)
        bob.goto("/accounts/login/")
        bob.get_by_role("link", name="Sign in with Entra").click()
        through_the_provider(bob)
        inside_now(bob)
        # which is the only way from now on: the passkey is no way past it
        required(page, wanted=True)
        leave(bob)
        bob.goto("/accounts/login/")
        expect(bob.get_by_role("link", name="Sign in with Entra")).to_be_visible()
        bob.get_by_role("link", name="Sign in with Entra").click()
        through_the_provider(bob)
        inside_now(bob)
        # a key of his, revoked by the owner while its socket is open
        bob.goto("/me/keys/")
        bob.locator("#id_name").fill("Robot")
        bob.locator("form[action='/me/keys/'] input[name=scopes][value=ask]").check()
        bob.get_by_role("button", name="Make the key", exact=True).click()
        key = bob.locator(".people-key").inner_text()
        with chat(browsed, key=key) as line:
            line.send(type="ping")
            assert line.hear()["type"] == "pong"
            page.goto("/me/keys/")
            page.get_by_role("button", name="Revoke Robot").click()
            assert closed_with(line) in {1008, 4401}
    finally:
        required(page, wanted=False)
    watch.elsewhere.clear()  # the provider's own pages, and the fonts that they would like to have
    watch.forgive("Failed to load resource")
