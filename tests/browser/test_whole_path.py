"""What a person does, in a real browser on a real server."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from bench.stub_provider import StubProvider
from tests.browser.conftest import PHONE, Watch, sign_in
from tests.browser.test_sign_in import leave
from tests.papers import ON_PAGE_4, lighthouse_pdf
from tests.server import Server, manage
from vena_platform import demo

pytestmark = pytest.mark.browser

Shot = Callable[[Page, str], None]
LEAVE = "How many days of annual leave do I get after five years of service?"
WAIT = 60_000  # milliseconds
LAST = ".turn:last-of-type"


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def has_finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=WAIT)


def has_some_text(page: Page, characters: int = 20) -> None:
    expect(page.locator(f"{LAST} .answer-body")).to_have_text(re.compile(f".{{{characters}}}"), timeout=WAIT)


def shown(page: Page) -> str:
    return page.locator(f"{LAST} .answer-body").inner_text()


def fits(page: Page) -> bool:
    """Nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def upload(page: Page, name: str, content: bytes) -> None:
    page.locator("[data-file-input]").set_input_files({"name": name, "mimeType": "", "buffer": content})


# -- the path --------------------------------------------------------------------------------------


def test_from_a_file_to_its_cited_page(page: Page, slow: StubProvider, shot: Shot) -> None:
    page.goto("/")
    shot(page, "01-sign-in")
    page.get_by_label("Email").fill(demo.OWNER)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_label("Your question")).to_be_focused()
    shot(page, "02-welcome")

    page.get_by_role("link", name="Documents", exact=True).click()
    upload(page, "keepers-book.pdf", lighthouse_pdf())
    row = page.locator(".document-row", has_text="keepers-book").first
    expect(row).to_be_visible()
    shot(page, "03-being-read")
    expect(row.get_by_text("Ready")).to_be_visible(timeout=WAIT)
    expect(row).to_contain_text("5 pages")
    shot(page, "04-ready")

    page.get_by_role("link", name="New chat").first.click()
    ask(page, ON_PAGE_4)
    has_some_text(page)
    early = shown(page)
    shot(page, "05-writing")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(f"{LAST} .answer-status")).to_contain_text("You stopped this answer.")
    has_finished(page)
    assert shown(page).startswith(early[:10])
    assert "both sides" not in shown(page)
    shot(page, "06-stopped")

    slow.control(token_delay=0.02)
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(LAST)).to_contain_text("both sides", timeout=WAIT)
    has_finished(page)
    shot(page, "07-answered")
    assert page.get_by_role("heading", name=ON_PAGE_4).count() == 2  # the page's title, and the question
    expect(page.get_by_role("group", name="Answer 2 of 2")).to_be_visible()

    page.locator(LAST).get_by_role("button", name="Source 1").first.click()
    beside = page.get_by_role("region", name="Cited document")
    expect(beside.get_by_role("heading", name="keepers-book")).to_be_focused()
    expect(beside).to_contain_text("Page 4 of 5", timeout=WAIT)
    expect(beside).to_contain_text("every second Thursday")
    beside.get_by_role("button", name="Back to all sources").click()
    card = page.get_by_role("article", name="Source 1, keepers-book")
    expect(card).to_be_focused()
    expect(card).to_contain_text("Page 4")
    expect(card).to_contain_text("every second Thursday")
    shot(page, "08-sources")
    card.get_by_role("button", name="Show in the document").click()
    with page.expect_popup() as opened:
        beside.get_by_role("link", name="Open in full").click()
    document = opened.value
    expect(document.get_by_role("region", name="Cited passage")).to_be_in_viewport()
    expect(document.get_by_role("region", name="Cited passage")).to_contain_text("every second Thursday")
    expect(document.locator("[data-original]")).to_have_attribute("href", re.compile("#page=4$"))
    shot(document, "09-passage")
    document.close()
    beside.get_by_role("button", name="Back to all sources").click()

    page.get_by_role("button", name=re.compile("Switch to the (dark|light) theme")).click()
    shot(page, "10-dark")
    page.get_by_role("button", name="Close the sources").click()
    for path, name in (("", "11-phone-chat"), ("/documents/", "12-phone-documents"), ("/", "13-phone-welcome")):
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        if path:
            page.goto(path)
            page.wait_for_load_state("networkidle")
        assert fits(page), name
        shot(page, name)
    page.get_by_role("button", name="Open the menu").click()
    shot(page, "14-phone-menu")


def test_text_grows_before_the_end(inside: Page, slow: StubProvider) -> None:
    slow.control(token_delay=0.05)
    ask(inside, LEAVE)
    has_some_text(inside, 5)
    lengths = set()
    while inside.get_by_role("button", name="Stop").is_visible():
        lengths.add(len(shown(inside)))
        inside.wait_for_timeout(50)
    assert len(lengths) > 10


def test_a_reload_goes_on_where_it_was(inside: Page, slow: StubProvider) -> None:
    ask(inside, LEAVE)
    has_some_text(inside)
    inside.wait_for_url("**/c/*/")
    inside.reload()
    has_some_text(inside, 40)
    expect(inside.get_by_role("button", name="Stop")).to_be_visible()
    has_finished(inside)
    assert shown(inside).count("The documents answer this") == 1
    assert "both sides" in shown(inside)


def test_by_keyboard_alone(page: Page, slow: StubProvider, shot: Shot) -> None:
    slow.control(token_delay=0.01)
    page.goto("/")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") in {"email", "text"}:
            break
    page.keyboard.type(demo.OWNER)
    page.keyboard.press("Tab")
    page.keyboard.type(demo.PASSWORD)
    shot(page, "20-keyboard-sign-in")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type(LEAVE)
    page.keyboard.press("Enter")
    has_finished(page)
    expect(page.get_by_label("Your question")).to_be_focused()
    chip = page.locator(LAST).get_by_role("button", name="Source 1").first
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if chip.evaluate("node => node === document.activeElement"):
            break
    expect(chip).to_be_focused()
    shot(page, "21-keyboard-citation")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Cited document").get_by_role("heading")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chip).to_be_focused()


def test_escape_stops_an_answer(inside: Page, slow: StubProvider) -> None:
    ask(inside, LEAVE)
    has_some_text(inside)
    inside.keyboard.press("Escape")
    expect(inside.locator(f"{LAST} .answer-status")).to_contain_text("You stopped this answer.")


def test_a_phone_shows_sources_over_the_chat(inside: Page, slow: StubProvider, shot: Shot) -> None:
    slow.control(token_delay=0.01)
    inside.set_viewport_size(PHONE)  # type: ignore[arg-type]
    ask(inside, LEAVE)
    has_finished(inside)
    inside.locator(LAST).get_by_role("button", name="Source 1").first.click()
    expect(inside.get_by_role("complementary", name="Sources")).to_be_visible()
    assert fits(inside)
    shot(inside, "15-phone-sources")
    inside.keyboard.press("Escape")
    expect(inside.get_by_role("complementary", name="Sources")).to_be_hidden()


# -- an organisation of one's own ------------------------------------------------------------------


def test_a_new_organisation_from_the_form_to_its_first_page(page: Page, composing: Server, shot: Shot) -> None:
    slug = f"fjord-{uuid.uuid4().hex[:6]}"
    page.goto(composing.address(None))
    shot(page, "30-landing")
    page.get_by_role("link", name="Create your organisation").first.click()
    page.get_by_label("Organisation", exact=True).fill("Fjord Ferries")
    page.get_by_label("Address", exact=True).fill(slug)
    page.get_by_label("Your name").fill("Frida Fjord")
    page.get_by_label("Your e-mail address").fill("frida@fjord.example")
    page.get_by_label("Password").fill("ferries cross at noon")
    shot(page, "31-sign-up")
    page.get_by_role("button", name="Create the organisation").click()
    expect(page.get_by_role("heading", name="Start with your documents")).to_be_visible(timeout=WAIT)
    assert page.url == f"{composing.address(slug)}/"
    shot(page, "32-empty-organisation")


# -- when it does not go well ----------------------------------------------------------------------


def test_files_that_can_not_be_read(inside: Page, shot: Shot) -> None:
    inside.goto("/documents/")
    upload(inside, "song.mp3", b"not a document")
    refused = inside.locator(".document-row", has_text="song.mp3")
    expect(refused).to_contain_text("Not added")
    expect(refused).to_contain_text("Vena can't read .mp3 yet.")
    upload(inside, "broken.pdf", b"%PDF-1.7\nthis is no PDF")
    failed = inside.locator(".document-row", has_text="broken").first
    expect(failed).to_contain_text("Failed", timeout=WAIT)
    expect(failed).to_contain_text("Check that it opens on your computer")
    expect(failed.get_by_role("button", name="Retry")).to_be_visible()
    shot(inside, "40-failed-files")
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_have_count(0)


def test_a_failing_provider_is_said_and_the_documents_are_quoted(
    inside: Page, provider: StubProvider, shot: Shot
) -> None:
    provider.control(status=500)
    try:
        ask(inside, LEAVE)
        quoted = "OpenAI is not answering right now, so your documents are quoted instead."
        expect(inside.locator(LAST)).to_contain_text(quoted, timeout=WAIT)
        has_finished(inside)
        expect(inside.locator(LAST)).to_contain_text("28 days")
        shot(inside, "41-provider-refuses")
    finally:
        provider.control(status=0)


def test_a_server_that_is_gone_and_comes_back(
    inside: Page, composing: Server, slow: StubProvider, watch: Watch, shot: Shot
) -> None:
    slow.control(token_delay=0.01)
    composing.stop()
    expect(inside.get_by_text("Connection lost. Reconnecting; nothing you asked is lost.")).to_be_visible(timeout=WAIT)
    ask(inside, LEAVE)
    shot(inside, "42-connection-lost")
    composing.start()
    expect(inside.locator(LAST)).to_contain_text("both sides", timeout=WAIT)
    expect(inside.get_by_text("Connection lost")).to_have_count(0)
    watch.forgive("WebSocket connection", "ERR_CONNECTION_REFUSED")


@pytest.fixture
def suspended(composing: Server) -> Iterator[Callable[[], None]]:
    def become(state: str) -> None:
        code = f"from tenants.models import Organisation as O; O.objects.filter(slug='demo').update(state='{state}')"
        made = manage(composing.home, "shell", "-v", "0", "-c", code)
        assert made.returncode == 0, made.stderr

    yield lambda: become("suspended")
    become("active")


def test_a_suspended_organisation(inside: Page, suspended: Callable[[], None], watch: Watch, shot: Shot) -> None:
    suspended()
    ask(inside, LEAVE)  # the line may be closed by now, or closes with it
    expect(inside.locator("[data-chat]")).to_contain_text("This organisation is suspended", timeout=WAIT)
    shot(inside, "43-suspended-chat")
    inside.goto("/")
    expect(inside.get_by_role("heading", name="Fennimore Wraye is suspended")).to_be_visible()
    shot(inside, "44-suspended")
    watch.forgive("status of 403")


def test_who_is_signed_out_elsewhere_keeps_the_question(page: Page, watch: Watch, shot: Shot) -> None:
    sign_in(page)
    leave(page.context.new_page())
    said = "Your session has ended. Reload the page and sign in again."
    expect(page.locator("[data-connection]")).to_have_text(said, timeout=WAIT)
    ask(page, LEAVE)
    expect(page.locator(".toast")).to_contain_text(said)
    expect(page.get_by_label("Your question")).to_have_value(LEAVE)
    expect(page.locator(LAST)).to_have_count(0)
    shot(page, "45-session-ended")
    sign_in(page)
    expect(page.get_by_label("Your question")).to_have_value(LEAVE)
