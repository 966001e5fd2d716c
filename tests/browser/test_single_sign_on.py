"""An owner sets up single sign-on and requires it; people come by the provider; a revoked key ends an open socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import ConnectionClosed

from tests.browser.conftest import DESKTOP, Watch, sign_in
from tests.identity.running import identity_provider
from tests.server import Server
from tests.sockets import Chat, chat
from vena_platform import demo

pytestmark = pytest.mark.browser

Visitor = Callable[[], Page]
SECRET = "a secret of the client's"


@pytest.fixture
def issuer(browsed: Server) -> Iterator[str]:
    with identity_provider("oidc.mjs", f"{browsed.address('demo')}/accounts/oidc/okta/login/callback/") as address:
        yield address


@pytest.fixture
def visitor(chromium: Browser, browsed: Server, watch: Watch) -> Iterator[Visitor]:
    """Somebody in a browser of their own."""
    contexts = []

    def come() -> Page:
        contexts.append(chromium.new_context(base_url=browsed.address("demo"), viewport=DESKTOP))  # type: ignore[arg-type]
        watch.over(contexts[-1])
        return contexts[-1].new_page()

    yield come
    for context in contexts:
        context.close()


def required(owner: Page, *, wanted: bool) -> None:
    owner.goto("/people/sign-in/")
    owner.get_by_label("Everybody signs in by the identity provider").set_checked(wanted)
    owner.get_by_role("group", name="Except these owners").get_by_role("checkbox").first.set_checked(wanted)
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_text("Saved. It holds from now on.")).to_be_visible()


def test_from_the_set_up_to_a_revoked_key(
    page: Page, visitor: Visitor, issuer: str, browsed: Server, watch: Watch, shot: Callable[[Page, str], None]
) -> None:
    # the owner brings the provider in
    sign_in(page)
    page.goto("/people/sign-in/")
    page.locator("main").get_by_label("Name").fill("Okta")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Address of the provider (issuer)").fill(issuer)
    page.get_by_label("Client id").fill("vena")
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_label("E-mail domains").fill("example.org")
    page.get_by_label("Whoever it lets in becomes a member").check()
    page.get_by_role("button", name="Save and test").click()
    page.get_by_role("button", name="Test it and switch it on").click()
    expect(page.get_by_text("People can sign in with Okta now")).to_be_visible()
    shot(page, "single-sign-on-set-up")
    try:
        # somebody new comes by it
        ada = visitor()
        by_the_provider(ada, "ada")
        expect(ada.get_by_text("What do you want to know?")).to_be_visible()
        # from now on there is no other way, but for the owner
        required(page, wanted=True)
        mo = visitor()
        mo.goto("/accounts/login/")
        expect(mo.get_by_role("link", name="Sign in with Okta")).to_be_visible()
        shot(mo, "single-sign-on-required")
        mo.get_by_text("Another way, for owners who keep one").click()
        mo.get_by_label("Email").fill("finance@demo.example")
        mo.get_by_label("Password").fill(demo.PASSWORD)
        mo.get_by_role("button", name="Sign in", exact=True).click()
        expect(mo.get_by_text("Your organisation signs in with its identity provider")).to_be_visible()
        # a key that is revoked ends its socket, also in the middle
        page.goto("/me/keys/")
        page.locator("#id_name").fill("Socket")
        page.locator("form[action='/me/keys/'] input[name=scopes][value=ask]").check()
        page.get_by_role("button", name="Make the key", exact=True).click()
        key = page.locator(".people-key").inner_text()
        with chat(browsed, key=key) as line:
            line.send(type="ping")
            assert line.hear()["type"] == "pong"
            page.goto("/me/keys/")
            page.get_by_role("button", name="Revoke Socket").click()
            expect(page.get_by_text("The key Socket works no more.")).to_be_visible()
            assert closed_with(line) in {1008, 4401}
    finally:
        required(page, wanted=False)
    watch.elsewhere.clear()  # the provider's own pages, and the fonts that they would like to have
    watch.forgive("Failed to load resource")


def closed_with(line: Chat) -> int:
    try:
        while True:
            line.hear(patience=10)
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 0


def by_the_provider(person: Page, login: str) -> None:
    person.goto("/accounts/login/")
    person.get_by_role("link", name="Sign in with Okta").click()
    at_the_provider(person, login)


def at_the_provider(person: Page, login: str) -> None:
    person.locator("input[name=login]").fill(login)
    person.locator("input[name=password]").fill("any")
    person.get_by_role("button", name="Sign-in").click()
    person.get_by_role("button", name="Continue").click()
