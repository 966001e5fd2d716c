"""The chat page: branches, drafts, a line that breaks, two tabs, no script at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.stub_provider import StubProvider
from tests.browser.conftest import DESKTOP, PHONE, Watch, sign_in
from tests.conftest import REPLY
from tests.line import Line
from tests.server import REPOSITORY, Server

pytestmark = pytest.mark.browser

Shot = Callable[[Page, str], None]
LEAVE = "How many days of annual leave do I get after five years of service?"
WAIT = 60_000  # milliseconds
LAST = ".turn:last-of-type"
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def has_finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible(timeout=WAIT)


def has_some_text(page: Page, characters: int = 20) -> None:
    expect(page.locator(f"{LAST} .answer-body")).to_have_text(re.compile(f".{{{characters}}}"), timeout=WAIT)


def words(page: Page) -> list[str]:
    """Of the last answer, less the notes that are there for screen readers only."""
    text = page.locator(f"{LAST} .answer-body").inner_text()
    return re.findall(r"\w+", text.replace("(The source does not clearly say this.)", ""))


WHOLE = re.findall(r"\w+", REPLY)


@pytest.fixture
def answered(inside: Page, slow: StubProvider) -> Page:
    """A conversation of one turn."""
    slow.control(token_delay=0.005)
    ask(inside, LEAVE)
    inside.wait_for_url("**/c/*/")
    has_finished(inside)
    return inside


def nothing_wrong(page: Page) -> list[str]:
    """What axe finds, WCAG 2.2 AA and best practices, as lines."""
    page.evaluate(AXE.read_text())  # not a script element: the content security policy refuses those
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(document, options).then((r) => r.violations)", rules
    )
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


# -- branches ---------------------------------------------------------------------------------------


def test_try_again_then_back_by_the_arrows(answered: Page, shot: Shot) -> None:
    answered.get_by_role("button", name="More for this answer").click()
    answered.keyboard.press("Enter")  # the first choice has the focus: Try again
    expect(answered.get_by_role("group", name="Answer 2 of 2")).to_be_visible(timeout=WAIT)
    has_finished(answered)
    assert words(answered) == WHOLE
    answered.get_by_role("button", name="Previous answer").focus()
    answered.keyboard.press("Enter")
    expect(answered.get_by_role("group", name="Answer 1 of 2")).to_be_visible()
    expect(answered.get_by_role("button", name="Next answer")).to_be_focused()
    answered.reload()  # the server keeps which branch is open
    expect(answered.get_by_role("group", name="Answer 1 of 2")).to_be_visible()
    shot(answered, "70-branches")


def test_a_question_in_other_words(answered: Page, shot: Shot) -> None:
    answered.get_by_label("Your question").focus()
    answered.keyboard.press("ArrowUp")
    box = answered.get_by_label("The question in other words")
    expect(box).to_be_focused()
    shot(answered, "71-edit")
    box.fill("And after ten years of service?")
    answered.keyboard.press("Enter")
    expect(answered.get_by_role("group", name="Question 2 of 2")).to_be_visible(timeout=WAIT)
    has_finished(answered)
    expect(answered.locator(".turn")).to_have_count(1)
    answered.get_by_role("button", name="Previous question").click()
    expect(answered.locator(".question")).to_have_text(LEAVE)
    expect(answered.get_by_role("button", name="Next question")).to_be_focused()


# -- what is typed is not lost -----------------------------------------------------------------------


def test_a_draft_survives_a_reload_and_not_a_sign_out(page: Page, slow: StubProvider) -> None:
    sign_in(page)
    slow.control(token_delay=0.005)
    ask(page, LEAVE)
    page.wait_for_url("**/c/*/")
    has_finished(page)
    box = page.get_by_label("Your question")
    box.fill("Half a ques")
    page.reload()
    expect(box).to_have_value("Half a ques")
    page.goto("/")
    expect(box).to_have_value("")  # another conversation, another draft
    page.go_back()
    expect(box).to_have_value("Half a ques")
    page.locator(".account > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Password").wait_for()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('vena-draft:'))") == []


# -- the line ----------------------------------------------------------------------------------------


@pytest.fixture
def on_the_line(chromium: Browser, composing: Server, watch: Watch) -> Iterator[tuple[Page, Line]]:
    with Line(composing.port) as line:
        context = chromium.new_context(base_url=f"http://demo.localhost:{line.port}", viewport=DESKTOP)  # type: ignore[arg-type]
        watch.over(context)
        page = context.new_page()
        sign_in(page)
        yield page, line
        context.close()


def test_ten_seconds_without_a_network_in_mid_answer(
    on_the_line: tuple[Page, Line], slow: StubProvider, watch: Watch, shot: Shot
) -> None:
    page, line = on_the_line
    slow.control(token_delay=0.2)
    ask(page, LEAVE)
    has_some_text(page, 15)
    line.cut()
    before = len(words(page))
    expect(page.get_by_text("Connection lost. Reconnecting; nothing you asked is lost.")).to_be_visible()
    shot(page, "72-line-cut")
    page.wait_for_timeout(8_000)
    assert len(words(page)) <= before + 1
    line.mend()
    page.evaluate("dispatchEvent(new Event('online'))")  # as the browser says when the network is back
    has_finished(page)
    assert words(page) == WHOLE
    expect(page.get_by_text("Connection lost")).to_have_count(0)
    watch.forgive("WebSocket connection", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION")


def test_two_tabs_show_one_answer_and_either_stops_it(inside: Page, slow: StubProvider) -> None:
    slow.control(token_delay=0.1)
    ask(inside, LEAVE)
    inside.wait_for_url("**/c/*/")
    has_some_text(inside, 15)
    second = inside.context.new_page()
    second.goto(inside.url)
    has_some_text(second, 15)
    second.get_by_role("button", name="Stop").click()
    for tab in (inside, second):
        expect(tab.locator(f"{LAST} .answer-status")).to_contain_text("You stopped this answer.", timeout=WAIT)
    assert words(inside) == words(second)
    assert words(inside) == WHOLE[: len(words(inside))]


# -- reading without a script ------------------------------------------------------------------------


def test_reading_without_a_script(answered: Page, chromium: Browser, composing: Server, shot: Shot) -> None:
    context = chromium.new_context(
        base_url=composing.address("demo"),
        java_script_enabled=False,
        storage_state=answered.context.storage_state(),
        viewport=DESKTOP,  # type: ignore[arg-type]
    )
    plain = context.new_page()
    plain.goto(answered.url)
    expect(plain.locator(".question")).to_have_text(LEAVE)
    assert words(plain) == WHOLE
    expect(plain.get_by_text("Asking needs JavaScript")).to_be_visible()
    expect(plain.get_by_label("Your question")).to_be_hidden()
    shot(plain, "73-no-script")
    plain.get_by_role("link", name=re.compile("^Source 1: ")).first.click()
    expect(plain.get_by_role("region", name="Cited passage")).to_be_visible()
    context.close()


def test_the_script_takes_over_without_a_jump(answered: Page) -> None:
    """The page as the server sent it, and as the script left it, stand at the same place."""
    place = "() => document.querySelector('.turn .question').getBoundingClientRect().top"
    plain = answered.context.new_page()
    plain.route("**/dist/chat*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    plain.goto(answered.url)
    drawn_by_server = plain.evaluate(place)
    answered.reload()
    answered.locator(".answer-foot").wait_for()
    assert abs(answered.evaluate(place) - drawn_by_server) < 8  # pixels


# -- keyboard, screen readers, small screens -----------------------------------------------------------


def test_shortcuts_stay_out_of_the_way_of_typing(inside: Page) -> None:
    box = inside.get_by_label("Your question")
    box.focus()
    inside.keyboard.type("a/b? c")
    expect(box).to_have_value("a/b? c")
    expect(inside.get_by_role("dialog")).to_have_count(0)
    box.fill("")
    box.blur()
    inside.keyboard.press("?")
    expect(inside.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    inside.keyboard.press("Escape")
    inside.keyboard.press("/")
    expect(box).to_be_focused()
    inside.keyboard.press("Control+Shift+O")
    inside.wait_for_url("**/")


@pytest.mark.skipif(not AXE.exists(), reason="npm has not brought axe-core")
def test_axe_finds_nothing(answered: Page, shot: Shot) -> None:
    for scheme in ("light", "dark"):
        answered.emulate_media(color_scheme=scheme)
        assert nothing_wrong(answered) == []
    answered.get_by_role("button", name="More for this answer").click()
    assert nothing_wrong(answered) == []
    answered.keyboard.press("Escape")
    answered.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert nothing_wrong(answered) == []
    shot(answered, "74-phone-dark")
    answered.set_viewport_size({"width": 320, "height": 600})
    assert answered.evaluate("document.documentElement.scrollWidth <= innerWidth")


# -- files -------------------------------------------------------------------------------------------


def test_a_file_dropped_into_the_chat(answered: Page, shot: Shot) -> None:
    paper = {"name": "mooring.md", "text": "# Mooring\n\nA ferry is moored with four lines, two at each end."}
    answered.evaluate(
        """({name, text}) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name, {type: "text/markdown"}));
            const event = {bubbles: true, cancelable: true, dataTransfer: transfer};
            for (const type of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(type, event));
            }
        }""",
        paper,
    )
    chooser = answered.get_by_role("dialog", name="Add to which collection?")
    card = answered.get_by_role("article", name="mooring.md", exact=True)
    expect(chooser.or_(card)).to_be_visible()
    if chooser.is_visible():
        chooser.get_by_role("button", name="Add").click()
    expect(card).to_contain_text("Ready: ask about it", timeout=WAIT)
    shot(answered, "75-file-ready")
    card.get_by_role("button", name="Ask about it").click()
    expect(answered.get_by_label("Your question")).to_have_value(re.compile("mooring", re.IGNORECASE))


def test_a_member_is_offered_no_upload(page: Page) -> None:
    sign_in(page, "member@demo.example")
    expect(page.get_by_role("button", name="Add a document")).to_have_count(0)
    assert json.loads(page.locator("#chat-config").inner_text())["upload"] is None
