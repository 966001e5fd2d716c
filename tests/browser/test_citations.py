"""From a number in an answer to the words it rests on: the document beside the chat, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bench.stub_provider import StubProvider
from tests.browser.conftest import PHONE, Watch
from tests.browser.test_whole_path import LAST, LEAVE, Shot, ask, fits, has_finished
from tests.conftest import REPLY
from tests.server import Server

pytestmark = pytest.mark.browser

LAPTOP = "How must a lost or stolen laptop be reported?"
WAIT = 20_000  # milliseconds
Says = Callable[[str], None]


@pytest.fixture
def says(provider: StubProvider) -> Iterator[Says]:
    """What the model answers from now on."""
    yield lambda text: provider.control(text=text, token_delay=0.0)
    provider.control(text=REPLY, token_delay=0.02)


def answered(page: Page, question: str) -> Locator:
    ask(page, question)
    has_finished(page)
    expect(page.locator(f"{LAST} .cite").first).to_be_visible()
    return page.locator(f"{LAST} .cite")


def reader(page: Page) -> Locator:
    return page.get_by_role("region", name="Cited document")


def marked(page: Page) -> str:
    """The marked words of the document, once there are some."""
    marks = reader(page).locator("mark")
    expect(marks.first).to_be_visible(timeout=WAIT)
    return " ".join(marks.all_inner_texts())


def read_on(page: Page, key: str, until: str) -> None:
    """The key reads through a page before it turns it."""
    number = reader(page).locator(".pdf-number")
    for _ in range(4):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        if number.inner_text() == until:
            return
    expect(number).to_have_text(until)


def is_shown(mark: Locator) -> bool:
    """Inside the part of the page that can be seen, not scrolled away."""
    expect(mark).to_be_in_viewport()
    return True


def test_a_number_opens_the_page_of_the_pdf_with_its_words_marked(inside: Page, says: Says, shot: Shot) -> None:
    says("After five to nine years you get 28 days of annual leave [1]. Nobody gets 47 days of annual leave [1].")
    answered(inside, LEAVE).first.click()
    words = marked(inside)
    assert "5 to 9 years" in words
    assert "28 days" in words
    assert "33 days" not in words
    expect(reader(inside).get_by_role("heading", name="employee-handbook")).to_be_focused()
    number = reader(inside).locator(".pdf-number")
    expect(number).to_have_text("Page 4 of 7")
    assert is_shown(reader(inside).locator("mark").first)
    assert inside.evaluate("document.querySelector('.pdf-sheet canvas').width") > 300
    shot(inside, "40-citation-pdf")

    inside.locator(".pdf-scroll").focus()
    read_on(inside, "PageDown", "Page 5 of 7")
    expect(reader(inside).locator("mark")).to_have_count(0)
    read_on(inside, "PageUp", "Page 4 of 7")
    assert "28 days" in marked(inside)
    inside.keyboard.press("+")
    expect(reader(inside).locator(".pdf-scale")).to_have_text("125 %")
    inside.keyboard.press("0")
    expect(reader(inside).locator(".pdf-scale")).to_have_text("100 %")

    inside.get_by_role("button", name="Next citation").click()
    expect(reader(inside).locator(".pdf-box").first).to_be_in_viewport(timeout=WAIT)
    expect(reader(inside).locator("mark")).to_have_count(0)
    expect(number).to_have_text("Page 4 of 7")
    shot(inside, "41-citation-pdf-boxes")
    inside.get_by_role("button", name="Previous citation").click()
    assert "28 days" in marked(inside)

    inside.get_by_role("button", name=re.compile("Switch to the (dark|light) theme")).click()
    shot(inside, "42-citation-pdf-dark")
    inside.set_viewport_size(PHONE)  # type: ignore[arg-type]
    expect(reader(inside).locator("mark").first).to_be_in_viewport()
    inside.wait_for_timeout(500)  # it rises, and the page is drawn again for the new width
    box = reader(inside).bounding_box()
    assert box
    assert [round(box[side]) for side in ("x", "y", "width", "height")] == [0, 0, PHONE["width"], PHONE["height"]]
    assert fits(inside)
    shot(inside, "47-citation-phone")
    inside.keyboard.press("Escape")
    expect(reader(inside)).to_be_hidden()


def test_words_of_a_markdown_document_are_marked_where_they_stand(inside: Page, says: Says, shot: Shot) -> None:
    quote = (
        "A lost or stolen laptop, telephone or security key must be reported to extension 444 within 1 hour of your "
        "noticing, at any time of day."
    )
    says("Report a lost or stolen laptop to extension 444 within 1 hour [1].")
    answered(inside, LAPTOP).first.click()
    assert re.sub(r"\s+", " ", marked(inside)) == quote.replace("lost or stolen", "lost or stolen")
    assert is_shown(reader(inside).locator("mark").first)
    shot(inside, "43-citation-markdown")
    with inside.expect_popup() as opened:
        reader(inside).get_by_role("link", name="Open in full").click()
    whole = opened.value
    expect(whole.locator("mark.quote").first).to_be_in_viewport()
    assert re.sub(r"\s+", " ", "".join(whole.locator("mark.quote").all_inner_texts())) == quote
    whole.close()

    inside.reload()
    expect(inside.locator(f"{LAST} .cite").first).to_be_visible()
    inside.locator(f"{LAST} .cite").first.click()
    assert re.sub(r"\s+", " ", marked(inside)) == quote
    reader(inside).get_by_role("button", name="Back to all sources").click()
    expect(inside.get_by_role("article", name="Source 1, it-and-security")).to_be_focused()
    expect(inside.locator(".source[data-active] mark").first).to_have_text(re.compile("^A "))


def test_a_sentence_that_is_not_borne_out_is_marked_softly(inside: Page, says: Says, shot: Shot) -> None:
    says(
        "Report a **lost or stolen laptop** to extension 444 within 1 hour [1]. It must be reported to extension 555 "
        "within 3 hours [1].\n\n- Screens lock after 5 minutes [1]."
    )
    chips = answered(inside, LAPTOP)
    doubtful = inside.locator(f"{LAST} .unsupported")
    expect(doubtful.first).to_contain_text("It must be reported to extension 555")
    assert "Screens lock" not in " ".join(doubtful.all_inner_texts())
    assert "stolen laptop" not in " ".join(doubtful.all_inner_texts())
    expect(inside.locator(f"{LAST} .answer-body")).to_contain_text("(The source does not clearly say this.)")
    expect(chips.nth(1)).to_have_accessible_name("Source 1, which does not clearly say this")
    expect(chips.nth(0)).to_have_accessible_name("Source 1")
    shot(inside, "44-not-borne-out")

    chips.nth(1).click()
    expect(reader(inside).get_by_role("note")).to_contain_text("The source does not clearly say this.")
    expect(reader(inside)).to_contain_text("Citation 2 of 3")
    shot(inside, "45-not-borne-out-open")
    reader(inside).get_by_role("button", name="Next citation").click()
    expect(reader(inside)).to_contain_text("Citation 3 of 3")
    expect(reader(inside).locator("mark").first).to_have_text(re.compile("Screens lock after 5 minutes"), timeout=WAIT)
    expect(reader(inside).get_by_role("note")).to_be_hidden()
    expect(reader(inside).get_by_role("button", name="Next citation")).to_be_disabled()


def test_what_was_cited_stays_readable(inside: Page, composing: Server, says: Says, watch: Watch, shot: Shot) -> None:
    """An older version opens as it was; of a deleted document the passage is kept."""
    said = "The pelican lamp is polished with walnut oil on the second Tuesday of the month."
    document = composing.api.upload("pelican.md", f"# Pelican\n\n{said}\n\nThe lamp is old.".encode())
    composing.api.ready(document)
    says("The pelican lamp is polished with walnut oil [1].")
    answered(inside, "What is the pelican lamp polished with?")
    composing.api.upload("pelican.md", b"# Pelican\n\nThe pelican lamp is never polished.")
    composing.api.ready(document)

    inside.locator(f"{LAST} .cite").first.click()
    assert re.sub(r"\s+", " ", marked(inside)) == said
    expect(reader(inside)).to_contain_text("an older version, number 1")
    inside.keyboard.press("Escape")

    assert composing.api.client.delete(f"/api/v1/documents/{document}/").status_code == 202
    expect(inside.locator(f"{LAST} .cite").first).to_be_focused()
    inside.wait_for_timeout(1500)  # it is deleted behind the scenes
    inside.keyboard.press("Enter")
    expect(reader(inside)).to_contain_text("This document has been deleted.", timeout=WAIT)
    assert re.sub(r"\s+", " ", marked(inside)) == said
    watch.forgive("404")
    shot(inside, "46-deleted")
