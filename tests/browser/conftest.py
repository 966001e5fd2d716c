"""A real Chromium, watched: nothing may go wrong in silence, and nothing may leave this machine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.server import REPOSITORY, Server
from vena_platform import demo

CHROMIUM = Path("/usr/bin/chromium")
ARTIFACTS = REPOSITORY / "test-artifacts"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass
class Watch:
    """What the pages of one test said and asked for."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self.note(request.url))

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}".rstrip())

    def note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and not f".{parts.hostname}".endswith(".localhost"):
            self.elsewhere.append(url)

    def forgive(self, *words: str) -> None:
        """Errors that the test has caused itself; some are heard of later than the page shows them."""
        self.forgiven += words

    @property
    def wrong(self) -> list[str]:
        return [error for error in self.errors if not any(word in error for word in self.forgiven)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ends with its module: while it runs, its event loop keeps Django from the database on this thread."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    ARTIFACTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Console errors include broken content security policies."""
    seen = Watch()
    yield seen
    assert (seen.wrong, seen.elsewhere) == ([], [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the server said, beside what the browser saw."""
    report = yield
    if report.failed and isinstance(server := item.funcargs.get("browsed"), Server):
        report.sections.append(("The server said", server.err[-8000:]))
    return report


@pytest.fixture
def browsed(composing: Server) -> Server:
    """The server whose pages are looked at."""
    return composing


@pytest.fixture
def page(chromium: Browser, watch: Watch, browsed: Server) -> Iterator[Page]:
    context = chromium.new_context(base_url=browsed.address("demo"), viewport=DESKTOP)  # type: ignore[arg-type]
    watch.over(context)
    yield context.new_page()
    context.close()


def sign_in(page: Page, email: str = demo.OWNER) -> None:
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Your question").wait_for()
    page.wait_for_load_state()  # its scripts have run


@pytest.fixture
def inside(page: Page, browsed: Server) -> Page:
    """The chat, signed in."""
    page.context.add_cookies(browsed.cookies)  # type: ignore[arg-type]
    page.goto("/")
    page.get_by_label("Your question").wait_for()
    return page


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    def take(page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(300)  # transitions end
        page.screenshot(path=str(ARTIFACTS / f"{name}.png"))

    return take
