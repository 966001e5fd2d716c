"""Somebody is invited, comes in, and reads what their groups may read: with the pages as they are."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, Watch
from tests.server import Server

pytestmark = pytest.mark.browser

PASSWORD = "a password of my own"


def link_sent_to(server: Server, email: str) -> str:
    """Letters are written by the worker."""
    for _ in range(100):
        for letter in (server.home / "mail").glob("*"):
            if email in (text := letter.read_text()) and (found := re.search(r"http://\S+?(/invitations/\S+)", text)):
                return found[1]
        time.sleep(0.1)
    raise AssertionError("no letter came")


def test_from_the_invitation_to_a_closed_collection(
    inside: Page, chromium: Browser, watch: Watch, browsed: Server
) -> None:
    # a group, and an invitation without it
    inside.goto("/people/groups/")
    inside.locator("#id_name").fill("Board")
    inside.get_by_role("button", name="Make the group").click()
    expect(inside.get_by_role("link", name="Board")).to_be_visible()
    inside.goto("/people/invitations/")
    inside.locator("#id_email").fill("nell@demo.example")
    inside.get_by_role("button", name="Send the invitation").click()
    expect(inside.locator(".people-name", has_text="nell@demo.example")).to_be_visible()
    # accepted in another browser
    context = chromium.new_context(base_url=browsed.address("demo"), viewport=DESKTOP)  # type: ignore[arg-type]
    watch.over(context)
    nell = context.new_page()
    nell.goto(link_sent_to(browsed, "nell@demo.example"))
    nell.get_by_label("Your name").fill("Nell New")
    nell.get_by_label("Choose a password").fill(PASSWORD)
    nell.get_by_role("button", name="Join").click()
    expect(nell.get_by_text("What do you want to know?")).to_be_visible()
    # a collection that is closed in its dialog: gone for Nell, and for the owner, who is not of the board either
    inside.goto("/documents/")
    inside.locator("[data-collection-new]").click()
    inside.locator("#collection-name").fill("Board papers")
    inside.locator("[data-collection-save]").click()
    expect(inside.locator("h1")).to_have_text("Board papers")
    nell.goto("/documents/")
    expect(nell.get_by_role("link", name="Board papers")).to_be_visible()
    inside.locator("[data-settings-open]").click()
    inside.get_by_label("Readers", exact=True).select_option("groups")
    inside.get_by_label("Board reads it").check()
    inside.locator("[data-settings-save]").click()
    expect(inside.locator("[data-settings-saved]")).to_have_text("Saved.")
    for page in (nell, inside):
        page.goto("/documents/")
        expect(page.locator("[data-collection]").first).to_be_visible()
        expect(page.get_by_role("link", name="Board papers")).to_have_count(0)
    # a look of one's own is kept with the person
    nell.locator("[data-theme-toggle]").click()
    expect(nell.locator("html")).to_have_attribute("data-theme", "dark")
    nell.reload()
    expect(nell.locator("html")).to_have_attribute("data-theme", "dark")
    watch.forgive("403", "404")  # what the dialog of a collection that is closed now still asks for
    context.close()
