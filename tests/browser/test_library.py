"""Taking documents in, as people see and steer it: states, versions, the web, the model. A server with a provider."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from bench.stub_provider import StubProvider
from tests.browser.conftest import PHONE, Watch
from tests.server import Server, copied

pytestmark = pytest.mark.browser

Shot = Callable[[Page, str], None]
WAIT = 60_000  # milliseconds
REFUSED = "The search index is not answering right now. Try again in a minute."


@pytest.fixture(scope="module")
def keyed_server(prepared: Path, provider: StubProvider, new_home: Callable[[], Path]) -> Iterator[Server]:
    """A server with a provider's key, so that there is another embedding model to choose."""
    home = copied(prepared, new_home())
    with Server(home, OPENAI_BASE_URL=provider.openai_url, OPENAI_API_KEY="stub", OPENAI_MODEL="gpt-4o-mini") as server:
        yield server


@pytest.fixture
def browsed(keyed_server: Server) -> Server:
    return keyed_server


@pytest.fixture
def library(inside: Page) -> Page:
    """The documents page."""
    inside.goto("/documents/")
    row(inside, "employee-handbook").wait_for()
    return inside


def row(page: Page, title: str) -> Locator:
    return page.locator(".document-row", has_text=title).first


def upload(page: Page, name: str, content: bytes) -> None:
    page.locator("[data-file-input]").set_input_files({"name": name, "mimeType": "", "buffer": content})


def ready(page: Page, title: str) -> Locator:
    found = row(page, title)
    expect(found.locator(".badge")).to_have_text(re.compile("Ready|Failed"), timeout=WAIT)
    expect(found).to_contain_text("Ready")  # of the row, so that a failure says its reason
    return found


def long_book() -> bytes:
    """Takes the local model several seconds; never the same twice, so that nothing was embedded before."""
    unlike = str(time.monotonic())
    parts = (f"## Part {number} {unlike}\n\n" + f"The keeper trims lamp {number}. " * 12 for number in range(250))
    return "\n\n".join(parts).encode()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for number in (10, 2):
            package.writestr(f"note-{number}.md", f"# Note {number}\n\nThe tide of day {number}.")
        package.writestr("blank.txt", "  ")
    return buffer.getvalue()


def refuse(route: Route) -> None:
    body = {"code": "index_unavailable", "detail": REFUSED}
    route.fulfill(status=503, content_type="application/json", body=json.dumps(body))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def nameless(page: Page) -> list[str]:
    """Controls that a screen reader could not name."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main button, main a, main input, main select, main textarea, dialog *")]
            .filter((node) => node.matches("button, a, input, select, textarea"))
            .filter((node) => node.type !== "hidden" && !node.hidden)
            .filter((node) => !(node.labels?.length || node.getAttribute("aria-label") || node.textContent.trim()))
            .map((node) => node.outerHTML.slice(0, 100))"""
    )
    return found


# -- states --------------------------------------------------------------------------------------------


def test_stopping_a_document_and_going_on_with_it(library: Page, shot: Shot) -> None:
    count = library.locator(".collections-count").first
    before = int(count.inner_text())
    upload(library, "keepers book.md", long_book())
    book = row(library, "keepers book")
    expect(book.get_by_text(re.compile(r"Indexing [\d,]+ of [\d,]+ passages"))).to_be_visible(timeout=WAIT)
    expect(count).to_have_text(str(before + 1))
    expect(library.locator("[data-quota]")).to_contain_text(f"{before + 1} of")
    shot(library, "50-indexing")
    book.get_by_role("button", name="Cancel").click()
    expect(book.locator(".badge")).to_have_text("Stopped", timeout=10_000)
    expect(book).to_contain_text("You stopped this. Retry goes on where it was.")
    book.get_by_role("button", name="Retry").click()
    ready(library, "keepers book")
    book.get_by_role("button", name="Delete").click()
    library.get_by_role("button", name="Delete the document").click()
    expect(book).to_have_count(0, timeout=WAIT)
    expect(count).to_have_text(str(before), timeout=WAIT)


def test_a_refusal_is_said_in_the_row_and_changes_nothing_else(library: Page, watch: Watch, shot: Shot) -> None:
    upload(library, "torn.pdf", b"%PDF-1.7\nthis is no PDF")
    torn = row(library, "torn")
    expect(torn.locator(".badge")).to_have_text("Failed", timeout=WAIT)
    facts = torn.locator(".document-failure").inner_text()
    library.route("**/api/v1/documents/*/retry/", refuse)
    torn.get_by_role("button", name="Retry").click()
    expect(torn.get_by_role("alert")).to_have_text(REFUSED)
    library.wait_for_timeout(1500)  # a look at the list in between takes nothing away
    expect(torn.get_by_role("alert")).to_have_text(REFUSED)
    assert torn.locator(".document-failure").inner_text() == facts
    expect(torn.locator(".badge")).to_have_text("Failed")
    shot(library, "51-refused")
    library.unroute("**/api/v1/documents/*/retry/")
    library.route("**/api/v1/documents/*/", lambda route: refuse(route) if route.request.method == "DELETE" else None)
    torn.get_by_role("button", name="Delete").click()
    library.get_by_role("button", name="Delete the document").click()
    expect(torn.get_by_role("alert")).to_have_text(REFUSED)
    expect(torn.locator(".badge")).to_have_text("Failed")
    watch.forgive("status of 503")


def test_a_slow_network_says_that_it_is_loading(library: Page, shot: Shot) -> None:
    session = library.context.new_cdp_session(library)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 1500, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", slow)
    library.reload(wait_until="domcontentloaded")
    expect(library.get_by_text("Loading the documents")).to_be_visible()
    shot(library, "52-slow")
    expect(row(library, "employee-handbook")).to_be_visible(timeout=WAIT)
    expect(library.get_by_text("Loading the documents")).to_be_hidden()


def test_what_is_inside_an_archive_and_finding_it(library: Page, shot: Shot) -> None:
    upload(library, "tides.zip", archive())
    tides = row(library, "tides")
    toggle = tides.get_by_role("button", name="3 files inside: 2 ready, 1 failed")
    expect(toggle).to_be_visible(timeout=WAIT)
    expect(row(library, "note-2.md")).to_have_count(0)
    toggle.press("Enter")
    expect(tides.get_by_role("button", name="3 files inside")).to_have_attribute("aria-expanded", "true")
    expect(library.locator(".document-part .document-title")).to_have_text(["blank.txt", "note-2.md", "note-10.md"])
    shot(library, "53-archive")
    library.get_by_label("Title or file name").fill("note-1")
    expect(library.locator(".document-row .document-title")).to_have_text(["note-10.md"])
    expect(row(library, "note-10.md")).to_contain_text("In tides")
    library.get_by_label("State", exact=True).select_option("failed")
    expect(library.get_by_role("heading", name="No document matches")).to_be_visible()
    library.get_by_role("button", name="Show all documents").click()
    expect(row(library, "employee-handbook")).to_be_visible()


# -- one document --------------------------------------------------------------------------------------


def test_versions_and_the_way_back(library: Page, shot: Shot) -> None:
    upload(library, "fees.md", b"# Fees\n\nThe fee is 100 pounds.")
    ready(library, "fees")
    upload(library, "fees.md", b"# Fees\n\nThe fee is 120 pounds.")
    expect(row(library, "fees")).to_contain_text("Version 2", timeout=WAIT)
    ready(library, "fees")
    row(library, "fees").get_by_role("button", name="Details").click()
    dialog = library.get_by_role("dialog", name="fees")
    versions = dialog.get_by_role("region", name="Versions")
    expect(versions).to_contain_text("Version 2 Answers now")
    expect(versions).to_contain_text("Version 1 Kept")
    expect(dialog).to_contain_text("Reading")  # the time of each stage
    shot(library, "54-versions")
    dialog.get_by_role("button", name="Restore version 1").click()
    expect(versions).to_contain_text("Version 1 Answers now", timeout=WAIT)
    expect(dialog.get_by_role("button", name="Restore version 2")).to_be_visible()
    library.keyboard.press("Escape")
    row(library, "fees").get_by_role("link", name="fees").click()
    expect(library.get_by_text("The fee is 100 pounds.")).to_be_visible()
    library.goto(f"{library.url}?version=2")
    expect(library.get_by_text("The fee is 120 pounds.")).to_be_visible()
    expect(library.get_by_text("Answers quote version 1 now.")).to_be_visible()
    library.get_by_role("link", name="Open version 1").click()
    expect(library.get_by_text("The fee is 100 pounds.")).to_be_visible()


def test_tags_are_kept_and_shown(library: Page) -> None:
    row(library, "expenses-policy").get_by_role("button", name="Details").click()
    dialog = library.get_by_role("dialog", name="expenses-policy")
    dialog.get_by_label("Tags").fill("travel, travel,  money ")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Saved.")).to_be_visible()
    library.keyboard.press("Escape")
    expect(row(library, "expenses-policy").locator(".tag")).to_have_text(["travel", "money"])
    library.reload()
    expect(row(library, "expenses-policy").locator(".tag")).to_have_text(["travel", "money"])


def test_a_dialog_keeps_the_keyboard_and_gives_it_back(library: Page, shot: Shot) -> None:
    opener = row(library, "it-and-security").get_by_role("button", name="Details")
    opener.focus()
    library.keyboard.press("Enter")
    dialog = library.get_by_role("dialog", name="it-and-security")
    expect(dialog.get_by_role("button", name="Close the details")).to_be_focused()
    for _ in range(25):
        library.keyboard.press("Tab")
        where = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        assert library.evaluate(where), "the focus left the dialog for the page behind it"
    shot(library, "55-keyboard-details")
    library.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    row(library, "it-and-security").get_by_role("button", name="Delete").press("Enter")
    expect(library.get_by_role("button", name="Keep it")).to_be_focused()
    library.keyboard.press("Escape")
    expect(row(library, "it-and-security").get_by_role("button", name="Delete")).to_be_focused()


# -- adding from the web -------------------------------------------------------------------------------


def test_a_web_page_by_its_address(library: Page, watch: Watch, shot: Shot) -> None:
    asked: list[dict[str, object]] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        asked.append(dict(route.request.post_data_json or {}))
        if len(asked) > 1:
            return route.fulfill(status=202, content_type="application/json", body=json.dumps(web_page(asked[1])))
        refusal = {"code": "url_not_allowed", "detail": "Only public web pages can be added."}
        return route.fulfill(status=422, content_type="application/json", body=json.dumps(refusal))

    library.route("**/api/v1/documents/", answer)
    library.get_by_role("button", name="Add a web page").press("Enter")
    dialog = library.get_by_role("dialog", name="Add a web page")
    address = dialog.get_by_label("Address")
    expect(address).to_be_focused()
    library.keyboard.press("Enter")
    expect(dialog.get_by_text("Give the address of the page.")).to_be_visible()
    expect(address).to_have_attribute("aria-invalid", "true")
    address.fill("intranet.example/rules")
    library.keyboard.press("Enter")
    expect(dialog.get_by_text("Only public web pages can be added.")).to_be_visible()
    expect(address).to_be_focused()
    shot(library, "56-web-refused")
    address.fill("https://example.com/")
    dialog.get_by_label("The whole site, by its sitemap").check()
    dialog.get_by_label("Pages at most").fill("25")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(library.get_by_role("button", name="Add a web page")).to_be_focused()
    expect(row(library, "Rules of the example")).to_be_visible()
    assert asked[0] | {"collection": ""} == {
        "url": "https://intranet.example/rules",
        "collection": "",
        "sitemap": False,
    }
    assert (asked[1]["url"], asked[1]["sitemap"], asked[1]["max_pages"]) == ("https://example.com/", True, 25)
    watch.forgive("status of 422")


def web_page(wanted: dict[str, object]) -> dict[str, object]:
    """What the API answers when a page was put in line."""
    nothing = {"parent": None, "failure": None, "version": None, "pages": None, "dated": None, "ready_at": None}
    return nothing | {
        "id": "00000000-0000-4000-8000-000000000001",
        "title": "Rules of the example",
        "file_name": "example.com.html",
        "external_id": "",
        "source_url": "https://example.com/",
        "collection": wanted["collection"],
        "parent_title": "",
        "tags": [],
        "state": "queued",
        "place_in_line": 1,
        "progress": {"done": 0, "total": 0},
        "newest_version": 1,
        "chunks": 0,
        "parts": 0,
        "parts_by_state": {},
        "size": 0,
        "media_type": "text/html",
        "attempts": 0,
        "created_at": "2036-01-01T00:00:00Z",
        "uploaded_by": "owner@demo.example",
        "url": "/documents/00000000-0000-4000-8000-000000000001/",
        "change": "created",
    }


# -- a collection --------------------------------------------------------------------------------------


def test_settings_say_what_they_cost_first(library: Page, shot: Shot) -> None:
    library.get_by_role("button", name="Settings").click()
    dialog = library.get_by_role("dialog", name="Settings of this collection")
    expect(dialog).to_contain_text(re.compile(r"For the \d+ passages here now this costs (about|less than) £\d"))
    expect(dialog.get_by_label("Contextual sentences")).not_to_be_checked()
    expect(dialog).to_contain_text("Every document was read with the settings above.")
    dialog.get_by_label("Language of keyword search").select_option("german")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text(re.compile(r"\d+ documents were read with other settings"))
    expect(dialog.get_by_role("button", name="Read them again")).to_be_visible()
    shot(library, "57-settings")
    dialog.get_by_label("Language of keyword search").select_option("english")
    dialog.get_by_label("Name").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Give the collection a name.")
    dialog.get_by_label("Name").fill("Papers")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Every document was read with the settings above.")
    library.keyboard.press("Escape")
    expect(library.get_by_role("heading", name="Papers")).to_be_visible()


# -- the model -----------------------------------------------------------------------------------------


def test_the_second_look_is_switched_off_and_on(inside: Page, shot: Shot) -> None:
    inside.goto("/knowledge/models/")
    option = inside.get_by_role("checkbox", name="Look at the best passages twice")
    for is_on in (False, True):
        option.set_checked(is_on)
        inside.get_by_role("button", name="Save").click()
        expect(inside.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
        inside.goto("/knowledge/models/")
        expect(option).to_be_checked(checked=is_on)
    shot(inside, "57-second-look")


def test_another_model_and_back(inside: Page, shot: Shot) -> None:
    inside.get_by_role("link", name="Model", exact=True).click()
    now = inside.get_by_role("region", name="Answers now")
    expect(now).to_contain_text("all-MiniLM-L6-v2")
    expect(inside.get_by_role("button", name="Start building")).to_be_hidden()
    inside.get_by_role("radio", name="text-embedding-3-small").check()
    expect(inside.get_by_role("status").filter(has_text="Building text-embedding-3-small")).to_contain_text(
        re.compile(r"takes \d+ passages, about [\d,]+ tokens\. It costs less than £0\.01\.")
    )
    shot(inside, "58-model-estimate")
    inside.get_by_role("button", name="Start building").click()
    inside.get_by_role("button", name="Switch to text-embedding-3-small").click(timeout=WAIT)
    expect(now).to_contain_text("text-embedding-3-small", timeout=WAIT)
    shot(inside, "59-model-switched")
    inside.get_by_role("button", name="Switch back to all-MiniLM-L6-v2").click()
    expect(now).to_contain_text("all-MiniLM-L6-v2", timeout=WAIT)
    discard = inside.get_by_role("button", name="Discard text-embedding-3-small")
    discard.click()
    expect(inside.get_by_role("button", name="Keep it")).to_be_focused()
    inside.keyboard.press("Escape")
    expect(discard).to_be_focused()
    discard.click()
    inside.get_by_role("button", name="Discard it").click()
    expect(inside.get_by_role("heading", name="Choose another")).to_be_visible(timeout=WAIT)
    expect(inside.get_by_role("region", name="Earlier changes")).to_contain_text("Closed")


# -- everywhere ----------------------------------------------------------------------------------------

PAGES = ["/documents/", "/knowledge/models/", "/knowledge/answers/", "/knowledge/quality/", "/knowledge/try/?q=leave"]


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_in_the_dark(inside: Page, path: str, shot: Shot) -> None:
    inside.emulate_media(color_scheme="dark")
    inside.set_viewport_size(PHONE)  # type: ignore[arg-type]
    inside.goto(path)
    inside.wait_for_load_state("networkidle")
    assert fits(inside)
    assert nameless(inside) == []
    shot(inside, f"60-phone{re.sub(r'[^a-z]+', '-', path)}")


def test_no_dot_stands_alone_on_a_phone(library: Page) -> None:
    library.set_viewport_size(PHONE)  # type: ignore[arg-type]
    seen: list[bool] = library.evaluate(
        """() => [...document.querySelectorAll(".document-facts")].flatMap((facts) => {
            const dot = parseFloat(getComputedStyle(facts.firstElementChild).paddingLeft);
            const edge = facts.getBoundingClientRect().left + dot; // what lies left of it is cut off
            let top = -Infinity;
            return [...facts.children].flatMap((fact) => {
                const box = fact.getBoundingClientRect();
                const begins = box.top > top + 4;
                top = Math.max(top, box.top);
                return begins ? [box.left + dot <= edge + 0.5] : [];
            });
        })"""
    )
    assert len(seen) > library.locator(".document-facts").count()  # some have wrapped
    assert all(seen)
