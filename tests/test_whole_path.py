"""From a file to a cited answer, as a program sees it: REST and WebSocket of a running server."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.stub_provider import StubProvider
from tests.papers import ON_PAGE_4, first_pages, lighthouse_pdf
from tests.server import Api, Server, until
from tests.sockets import Frame, chat, deltas_of, sources_of, text_of

LEAVE = "How many days of annual leave do I get after five years of service?"
PASSWORD = "three lanterns on the quay"


# -- a document is asked --------------------------------------------------------------------------


def test_a_pdf_is_answered_with_its_page(quoting: Server) -> None:
    document = quoting.api.upload("keepers-book.pdf", lighthouse_pdf())
    assert quoting.api.ready(document)["pages"] == 5
    done, frames = asked(quoting, ON_PAGE_4)
    assert "every second Thursday" in done["text"]
    first = done["citations"][0]
    assert (first["document"], first["page"]) == (document, 4)
    assert marks_in(done["text"]) == {one["n"] for one in done["citations"]}
    assert {one["n"] for one in done["citations"]} <= {one["n"] for one in sources_of(frames)}


def test_a_citation_opens_the_passage(quoting: Server) -> None:
    done, _ = asked(quoting, LEAVE)
    cited = done["citations"][0]
    assert (cited["title"], cited["page"]) == ("employee-handbook", 4)
    page = quoting.signed_in().get(cited["url"]).text
    passages = re.findall(r'<section class="chunk chunk-cited".*?</section>', page, flags=re.DOTALL)
    assert "28 days" in "".join(passages)
    assert len(passages) < page.count('<section class="chunk')


def test_a_real_report_is_answered_with_its_page(quoting: Server, office_samples: Path) -> None:
    document = quoting.api.upload("lyft-2021.pdf", first_pages(office_samples / "r2r_lyft_2021.pdf", 14))
    assert quoting.api.ready(document)["pages"] == 14
    done, _ = asked(quoting, "How many issued U.S. patents did Lyft hold as of December 31, 2021?")
    assert "343 issued U.S. patents" in done["text"]
    cited = next(one for one in done["citations"] if "343 issued" in one["snippet"])
    assert (cited["document"], cited["page"], cited["title"]) == (document, 9, "lyft-2021")


def asked(server: Server, question: str) -> tuple[Frame, list[Frame]]:
    """The end of an answer, and all its frames, checked by the rules that hold for each answer."""
    with chat(server, key=server.key) as asker:
        answer = asker.ask(question)["answer"]
        frames = list(asker.frames(answer))
    follows_the_rules(frames)
    assert frames[-1]["status"] == "complete"
    return frames[-1], frames


def follows_the_rules(frames: list[Frame]) -> None:
    """Sources first, the end last, no number left out, and the pieces are the whole."""
    *_, done = frames
    assert frames[0]["type"] == "sources"
    assert [frame["seq"] for frame in [*deltas_of(frames), done]] == list(range(1, len(deltas_of(frames)) + 2))
    assert text_of(frames) == done["text"]


def marks_in(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\[(\d+)\]", text)}


# -- an answer that takes its time ----------------------------------------------------------------


def test_text_is_shown_while_it_is_written(composing: Server, slow: StubProvider) -> None:
    with chat(composing, key=composing.key) as asker:
        answer = asker.ask(LEAVE)["answer"]
        asker.some(answer, 3)
        began = time.monotonic()
        *_, done = asker.frames(answer)
    assert time.monotonic() - began > 2
    assert done["usage"]["model"] == "stub-model"
    assert done["usage"]["output_tokens"] > 50


def test_a_repeated_question_is_asked_once(composing: Server, provider: StubProvider) -> None:
    before, client_id = provider.total("requests"), str(uuid.uuid4())
    with chat(composing, key=composing.key) as first, chat(composing, key=composing.key) as second:
        accepted = first.ask(LEAVE, client_id=client_id)
        again = second.ask(LEAVE, client_id=client_id)
        assert again == accepted
        one, other = list(first.frames(accepted["answer"])), list(second.frames(accepted["answer"]))
        later = first.ask(LEAVE, client_id=client_id)
        told = list(first.frames(later["answer"]))
    assert later == accepted
    assert one[-1] == other[-1]
    assert text_of(one) == text_of(other) == text_of(told) == one[-1]["text"]
    assert provider.total("requests") == before + 1


def test_a_stop_keeps_what_was_shown(composing: Server, slow: StubProvider) -> None:
    with chat(composing, key=composing.key) as asker:
        answer = asker.ask(LEAVE)["answer"]
        frames = asker.some(answer, 3)
        asker.send(type="stop", answer=answer)
        began = time.monotonic()
        frames += asker.frames(answer)
    assert time.monotonic() - began < 8
    follows_the_rules(frames)
    assert frames[-1]["status"] == "stopped"
    assert frames[-1]["text"]


def test_a_second_socket_can_stop(composing: Server, slow: StubProvider) -> None:
    with chat(composing, key=composing.key) as asker, chat(composing, key=composing.key) as other:
        answer = asker.ask(LEAVE)["answer"]
        asker.some(answer, 2)
        other.send(type="stop", answer=answer)
        *_, done = asker.frames(answer)
    assert done["status"] == "stopped"


def test_an_answer_goes_on_without_its_reader(composing: Server, slow: StubProvider) -> None:
    slow.control(token_delay=0.03)
    with chat(composing, key=composing.key) as asker:
        answer = asker.ask(LEAVE)["answer"]
        seen = asker.some(answer, 3)
    with chat(composing, key=composing.key) as back:
        rest = back.resume(answer, after=3)
    follows_the_rules([*seen, *(frame for frame in rest if frame["type"] != "sources")])
    assert rest[-1]["status"] == "complete"
    with chat(composing, key=composing.key) as later:  # now it is over, and replayed
        told = later.resume(answer, after=0)
        end_only = later.resume(answer, after=rest[-1]["seq"] - 1)
    assert text_of(told) == told[-1]["text"] == rest[-1]["text"]
    assert deltas_of(end_only) == []
    assert end_only[-1] == rest[-1]


def test_an_answer_is_finished_when_nobody_comes_back(composing: Server, slow: StubProvider) -> None:
    slow.control(token_delay=0.03)
    answered = slow.total("answered")
    with chat(composing, key=composing.key) as asker:
        accepted = asker.ask(LEAVE)
        asker.some(accepted["answer"], 1)
    until(lambda: slow.total("answered") > answered, "the provider to have said everything")

    def page() -> str:
        return composing.signed_in().get(f"/c/{accepted['conversation']}/").text

    until(lambda: '"status": "complete"' in page(), "the answer to be stored", pause=0.5)


# -- two organisations ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Newcomer:
    """An organisation that was just created through the public form."""

    slug: str
    browser: httpx.Client
    landed_on: str
    seconds: float


@pytest.fixture(scope="module")
def newcomer(composing_server: Server) -> Newcomer:
    server = composing_server.up()
    slug = f"northwind-{uuid.uuid4().hex[:6]}"
    browser = server.browser(None)
    browser.get("/signup/")
    form = {
        "organisation_name": "Northwind Trading",
        "slug": slug,
        "owner_name": "Nora North",
        "email": "nora@northwind.example",
        "password": PASSWORD,
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
    }
    began = time.monotonic()
    asked_for = browser.post("/signup/", data=form)
    assert asked_for.status_code == 302, asked_for.text
    waiting = asked_for.headers["location"]
    assert browser.get(waiting).status_code == 200

    def enter_url() -> str | None:
        status = browser.get(f"{waiting}status/").json()
        assert status["state"] != "failed", status
        return status["enter_url"] or None

    entered = browser.get(until(enter_url, "the organisation to be made"), follow_redirects=True)
    assert entered.status_code == 200
    return Newcomer(slug, browser, str(entered.url), time.monotonic() - began)


def test_a_new_organisation_is_entered_signed_in(
    composing: Server, newcomer: Newcomer, record_property: object
) -> None:
    assert newcomer.landed_on == f"{composing.address(newcomer.slug)}/"
    page = newcomer.browser.get(newcomer.landed_on).text
    assert "Start with your documents" in page
    assert "nora@northwind.example" in page
    assert composing.signed_in("nora@northwind.example", PASSWORD, newcomer.slug).get("/").status_code == 200
    assert newcomer.seconds < 30


@pytest.fixture(scope="module")
def theirs(composing_server: Server) -> dict[str, str]:
    """Ids of the demo organisation, all of which exist."""
    server = composing_server.up()
    with chat(server, key=server.key) as asker:
        accepted = asker.ask(LEAVE)
        list(asker.frames(accepted["answer"]))
    document = server.api.documents()[0]["id"]
    return {**accepted, "document": document, "collection": server.api.collection()}


def test_a_session_opens_nothing_elsewhere(composing: Server, newcomer: Newcomer) -> None:
    cookie = composing.signed_in().cookies["sessionid"]
    with composing.browser(newcomer.slug) as stranger:
        stranger.headers["Cookie"] = f"sessionid={cookie}"
        assert stranger.get("/").headers["location"].startswith("/accounts/login/")
        assert stranger.get("/documents/").status_code == 302
        assert stranger.get("/admin/").status_code == 302
        assert stranger.get("/api/v1/me/").status_code == 401
    assert refused_words(composing, newcomer.slug, cookie=cookie) == "not_signed_in"


def test_a_key_opens_nothing_elsewhere(composing: Server, newcomer: Newcomer) -> None:
    stranger = composing.browser(newcomer.slug, composing.key)
    for path in ("me/", "documents/", "collections/"):
        assert stranger.get(f"/api/v1/{path}").status_code == 401
    assert refused_words(composing, newcomer.slug, key=composing.key) == "not_signed_in"


def refused_words(server: Server, slug: str, *, key: str = "", cookie: str = "") -> str:
    """The error code a socket is told before it is closed."""
    with chat(server, slug, key=key, cookie=cookie) as stranger:
        code = str(stranger.hear()["code"])
        with pytest.raises(ConnectionClosed) as closed:
            stranger.hear()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    return code


def test_ids_open_nothing_elsewhere(composing: Server, newcomer: Newcomer, theirs: dict[str, str]) -> None:
    here = composing.address(newcomer.slug)
    for path in (
        f"/documents/{theirs['document']}/",
        f"/documents/{theirs['document']}/file/",
        f"/c/{theirs['conversation']}/",
        f"/api/v1/documents/{theirs['document']}/",
        f"/api/v1/documents/{theirs['document']}/content/",
        f"/api/v1/documents/?collection={theirs['collection']}",
        f"/api/v1/collections/{theirs['collection']}/",
    ):
        assert newcomer.browser.get(here + path).status_code == 404, path
    assert Api(newcomer_api(composing, newcomer)).documents() == []
    assert Api(newcomer_api(composing, newcomer)).search("annual leave") == []


def newcomer_api(server: Server, newcomer: Newcomer) -> httpx.Client:
    client = server.browser(newcomer.slug)
    client.cookies = newcomer.browser.cookies
    client.headers["X-CSRFToken"] = csrf_of(newcomer, server)
    client.headers["Referer"] = server.address(newcomer.slug)
    return client


def csrf_of(newcomer: Newcomer, server: Server) -> str:
    newcomer.browser.get(f"{server.address(newcomer.slug)}/documents/")
    return cookie_of(newcomer, "csrftoken")


def cookie_of(newcomer: Newcomer, name: str) -> str:
    jar = newcomer.browser.cookies.jar
    return next(str(one.value) for one in jar if one.name == name and one.domain.startswith(newcomer.slug))


def test_ids_do_nothing_over_a_socket_elsewhere(composing: Server, newcomer: Newcomer, theirs: dict[str, str]) -> None:
    with chat(composing, newcomer.slug, cookie=cookie_of(newcomer, "sessionid")) as stranger:
        stranger.send(type="resume", answer=theirs["answer"], after=0)
        assert stranger.hear()["code"] == "answer_not_found"
        stranger.send(type="stop", answer=theirs["answer"])
        assert stranger.hear()["code"] == "answer_not_found"
        stranger.send(type="ask", text=LEAVE, client_id=str(uuid.uuid4()), conversation=theirs["conversation"])
        assert stranger.hear()["code"] == "conversation_not_found"
        accepted = stranger.ask(LEAVE, collections=[theirs["collection"]])
        frames = list(stranger.frames(accepted["answer"]))
    assert (frames[-1]["status"], sources_of(frames)) == ("refused", [])


def test_a_session_of_another_site_is_no_excuse(composing: Server) -> None:
    """A page elsewhere that opens our socket with the person's cookie is turned away."""
    cookie = composing.signed_in().cookies["sessionid"]
    with pytest.raises(InvalidStatus), chat(composing, cookie=cookie, origin="http://evil.example"):
        pass


def test_nobody_lives_at_an_unknown_host(composing: Server) -> None:
    assert composing.browser("nobody").get("/").status_code == 404
    with pytest.raises(InvalidStatus), chat(composing, "nobody", key=composing.key):
        pass
