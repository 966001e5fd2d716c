"""From an address to an answerable document, with the real site, index, model, parser process and database."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from billing.limits import forget_limits
from billing.models import UsageEvent
from knowledge import tasks
from knowledge.actions import (
    document_add_url,
    document_cancel,
    document_change,
    document_refetch,
    document_reindex,
    document_retry,
)
from knowledge.errors import NotFromWeb, UrlNotAllowed
from knowledge.ingestion import pipeline
from knowledge.ingestion.uploads import Change
from knowledge.ingestion.web import taking_in
from knowledge.models import Chunk, Collection, Document, DocumentVersion, IngestionAttempt
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload, points
from knowledge.tests.ingestion.web.conftest import Site, answer
from tenants.context import entered
from tenants.models import Organisation

State = Document.State
Add = Callable[..., tuple[Document, Change]]


class Killed(BaseException):
    """What SIGKILL looks like from inside: no handler of ours runs."""


@pytest.fixture
def add(live_acme: Organisation, ready_index: Any, web: Site) -> Add:
    """Add an address to the organisation's only collection; the worker runs at once."""
    ready_index(live_acme)

    def run(path: str, **facts: Any) -> tuple[Document, Change]:
        with entered(live_acme.schema_name):
            collection, _ = Collection.objects.get_or_create(name="Documents")
            document, change = document_add_url(
                schema_name=live_acme.schema_name, collection=collection, uploaded_by=None, url=web.url(path), **facts
            )
            return again(document), change

    return run


def again(document: Document) -> Document:
    return Document.objects.select_related("current", "newest", "collection", "parent").get(pk=document.pk)


def answers(organisation: Organisation, make_person: Any, question: str) -> list[str]:
    person = make_person(organisation)
    with entered(organisation.schema_name):
        scope = scope_of(person)
    return [passage.text for passage in run_in_loop(retrieve(library_of(organisation), question, scope)).passages]


def outcomes(document: Document) -> list[str]:
    return list(document.ingestion_attempts.order_by("pk").values_list("outcome", flat=True))


def recover(organisation: Organisation) -> None:
    with entered(organisation.schema_name):
        Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    tasks.recover_documents(schema_name=organisation.schema_name, include_queued=True)


def test_a_page_is_fetched_and_found(live_acme: Organisation, add: Add, web: Site, make_person: Any) -> None:
    web.page("/leave", "Leave  of\nabsence", "Everybody has 28 days of annual leave after five years.")
    document, change = add("/leave#top", tags=["people"])
    assert change is Change.CREATED
    assert (document.state, document.failure_message) == (State.READY, "")
    assert (document.title, document.source_url, document.tags) == ("Leave of absence", web.url("/leave"), ["people"])
    version = document.current
    assert version is not None
    assert (version.number, version.file_name, version.media_type) == (1, "leave.html", "text/html")
    assert version.size > 0
    assert web.paths() == ["/robots.txt", "/leave"]
    with entered(live_acme.schema_name):
        assert Path(version.file.path).read_bytes().startswith(b"<html>")
        attempt = IngestionAttempt.objects.get()
        assert attempt.stages.keys() == {"fetching", "reading", "chunking", "embedding"}
    assert any("28 days" in text for text in answers(live_acme, make_person, "How many days of leave?"))


def test_a_title_that_a_person_gave_stays(add: Add, web: Site) -> None:
    web.page("/", "Home", "Welcome to this page.")
    assert add("/", title="Our site")[0].title == "Our site"


def test_the_same_page_again_is_nothing_new(live_acme: Organisation, add: Add, web: Site) -> None:
    web.page("/", "Home", "Welcome to this page.")
    first, _ = add("/")
    before, events = points(live_acme), UsageEvent.objects.count()
    second, change = add("/")
    assert (second.pk, change, second.state) == (first.pk, Change.REFETCHED, State.READY)
    assert second.current == second.newest == first.current
    with entered(live_acme.schema_name):
        assert DocumentVersion.objects.count() == 1
        assert outcomes(second) == ["ready", "unchanged"]
        assert second.ingestion_attempts.latest("pk").stages.keys() == {"fetching"}
    assert points(live_acme) == before
    assert UsageEvent.objects.count() == events
    assert web.paths().count("/") == 2


def test_a_page_that_has_changed_is_a_new_version(
    live_acme: Organisation, add: Add, web: Site, make_person: Any
) -> None:
    web.page("/", "Hours", "The office opens at nine in the morning.")
    first, _ = add("/", tags=["old"])
    web.page("/", "Hours", "The office opens at seven in the morning.")
    with entered(live_acme.schema_name):
        document_refetch(schema_name=live_acme.schema_name, document=first)
        second = again(first)
        assert second.current is not None
        assert (second.current.number, second.state, second.tags) == (2, State.READY, ["old"])
        assert points(live_acme) == set(Chunk.objects.filter(version=second.current).values_list("point_id", flat=True))
    found = answers(live_acme, make_person, "When does the office open?")
    assert any("seven" in text for text in found)
    assert not any("nine" in text for text in found)


def test_a_page_that_is_gone_fails_with_a_sentence_and_the_version_before_answers(
    live_acme: Organisation, add: Add, web: Site, make_person: Any
) -> None:
    missing, _ = add("/missing")
    assert (missing.state, missing.failure_code, missing.failed_stage) == (State.FAILED, "url_not_found", "fetching")
    assert missing.failure_message.endswith(".")
    web.page("/", "Hours", "The office opens at nine in the morning.")
    document, _ = add("/")
    web.pages["/"] = answer(status=410)
    with entered(live_acme.schema_name):
        document_refetch(schema_name=live_acme.schema_name, document=document)
        assert again(document).failure_code == "url_not_found"
    assert any("nine" in text for text in answers(live_acme, make_person, "When does the office open?"))
    web.page("/", "Hours", "The office opens at six in the morning.")
    for page in (document, missing):
        web.page("/missing", "Found", "This page was missing.")
        with entered(live_acme.schema_name):
            document_retry(schema_name=live_acme.schema_name, document=again(page))
            row = again(page)
            assert row.state == State.READY
            assert row.current is not None
            assert row.current.number == (2 if page is document else 1)


def test_a_page_that_failed_makes_no_version_for_every_try(live_acme: Organisation, add: Add, web: Site) -> None:
    for _ in range(3):
        document, _ = add("/missing")
    with entered(live_acme.schema_name):
        assert DocumentVersion.objects.count() == 1
        document_reindex(schema_name=live_acme.schema_name, document=document)
        assert DocumentVersion.objects.count() == 1
        assert outcomes(document) == ["failed"] * 4


@pytest.mark.parametrize(
    ("body", "media_type", "name", "state"),
    [
        (b"# Rules\n\nNobody may park here.", "text/markdown", "x.md", State.READY),
        (b"a,b\n1,2\n", "text/csv", "x.csv", State.READY),
        ("<p>Größe der Räume</p>".encode("latin-1"), "text/html; charset=iso-8859-1", "x.html", State.READY),
        (b"\x00\x01\x02" * 500, "text/html", "", State.FAILED),
        (b"%PDF-1.7 but no more", "application/pdf", "x.pdf", State.FAILED),
        (b"", "text/html", "x.html", State.FAILED),
    ],
)
def test_what_comes_is_read_as_what_it_is(
    live_acme: Organisation, add: Add, web: Site, body: bytes, media_type: str, name: str, state: str
) -> None:
    web.pages["/x"] = answer(body, content_type=media_type)
    document, _ = add("/x")
    assert document.state == state, document.failure_detail
    assert document.newest is not None
    if name:
        assert document.newest.file_name == name
    if "8859" in media_type:
        with entered(live_acme.schema_name):
            assert "Größe der Räume" in Chunk.objects.get().text


def test_an_address_that_is_not_allowed_makes_no_row(live_acme: Organisation, add: Add, web: Site) -> None:
    with pytest.raises(UrlNotAllowed):
        add("@127.0.0.1/")
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()


def test_a_page_from_a_private_network_fails_when_the_operator_has_not_named_it(
    add: Add, web: Site, settings: Any, live_acme: Organisation
) -> None:
    web.page("/", "Secret", "Not for you.")
    settings.VENA_WEB_ALLOWED_NETWORKS = []
    with entered(live_acme.schema_name):
        document, _ = document_add_url(
            schema_name=live_acme.schema_name,
            collection=Collection.objects.create(name="Documents"),
            uploaded_by=None,
            url=f"http://localhost:{web.port}/",
        )
        document = again(document)
    assert (document.state, document.failure_code) == (State.FAILED, "url_not_allowed")
    assert web.visits == []


def test_a_site_that_asks_for_patience_is_asked_again(add: Add, web: Site, live_acme: Organisation) -> None:
    web.pages["/"] = answer(status=429, retry_after="20")
    document, _ = add("/")
    assert (document.state, document.failure_code) == (State.QUEUED, "")
    assert document.not_before is not None
    assert 10 < (document.not_before - timezone.now()).total_seconds() <= 20
    web.page("/", "Home", "Welcome to this page.")
    with entered(live_acme.schema_name):
        Document.objects.update(not_before=None)
    tasks.work_on_documents(schema_name=live_acme.schema_name)
    with entered(live_acme.schema_name):
        assert again(document).state == State.READY
        assert outcomes(document) == ["put_back", "ready"]


@pytest.mark.parametrize("stage", ["bring_page", "read", "publish"])
@pytest.mark.parametrize("is_known", [False, True])
def test_a_worker_killed_around_the_fetch_loses_and_doubles_nothing(
    live_acme: Organisation, add: Add, web: Site, monkeypatch: pytest.MonkeyPatch, stage: str, is_known: bool
) -> None:
    if is_known:
        web.page("/", "Home", "Welcome to the page that was here before.")
        add("/")
    web.page("/", "Home", "Welcome to this page.")

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    monkeypatch.setattr(pipeline, stage, die)
    with pytest.raises(Killed):
        add("/")
    monkeypatch.undo()
    visits = web.paths().count("/")
    recover(live_acme)
    with entered(live_acme.schema_name):
        document = Document.objects.select_related("current").get()
        assert document.current is not None
        assert (document.state, document.current.number) == (State.READY, 1 + is_known)
        assert DocumentVersion.objects.count() == 1 + is_known
        chunks = set(Chunk.objects.filter(version=document.current).values_list("point_id", flat=True))
    assert points(live_acme) == chunks
    assert web.paths().count("/") - visits == (stage == "bring_page")


def test_a_kill_while_an_unchanged_page_is_told_leaves_one_version(
    live_acme: Organisation, add: Add, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.page("/", "Home", "Welcome to this page.")
    add("/")
    real = DocumentVersion.delete

    def die(version: Any) -> None:
        real(version)
        raise Killed

    monkeypatch.setattr(DocumentVersion, "delete", die)
    with pytest.raises(Killed):
        add("/")
    monkeypatch.undo()
    recover(live_acme)
    with entered(live_acme.schema_name):
        document = Document.objects.get()
        assert (document.state, document.newest_id) == (State.READY, document.current_id)
        assert DocumentVersion.objects.count() == 1


def test_a_fetch_can_be_stopped_while_it_waits(live_acme: Organisation, add: Add, web: Site) -> None:
    def stop(handler: Any) -> None:
        with entered(live_acme.schema_name):
            document_cancel(schema_name=live_acme.schema_name, document=Document.objects.get())
        cancelled.append(time.monotonic())
        web.closing.wait(10)

    cancelled: list[float] = []
    web.pages["/"] = stop
    document, _ = add("/")
    assert time.monotonic() - cancelled[0] < 2.5
    assert (document.state, document.failure_code, document.failed_stage) == (State.FAILED, "cancelled", "reading")
    assert document.newest is not None
    assert not document.newest.file


def test_a_host_that_is_no_public_name_can_be_added_and_its_document_changed(
    live_acme: Organisation, add: Add, settings: Any
) -> None:
    settings.VENA_WEB_MAX_SECONDS = 1
    with entered(live_acme.schema_name):
        document, _ = document_add_url(
            schema_name=live_acme.schema_name,
            collection=Collection.objects.create(name="Documents"),
            uploaded_by=None,
            url="http://our_wiki.invalid/",
        )
        document = again(document)
        assert document.failure_code in ("url_unreachable", "url_too_slow")
        document_change(schema_name=live_acme.schema_name, document=document, tags=["wiki"])
        assert again(document).tags == ["wiki"]


def test_only_a_page_can_be_fetched_again(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name), pytest.raises(NotFromWeb):
        document_refetch(schema_name=live_acme.schema_name, document=document)


# -- sitemaps -------------------------------------------------------------------------------------


def sitemap(web: Site, *paths: str) -> None:
    entries = "".join(f"<url><loc>{web.url(path)}</loc></url>" for path in paths)
    web.pages["/sitemap.xml"] = answer(f"<urlset>{entries}</urlset>".encode(), content_type="application/xml")


def test_a_sitemap_brings_a_document_for_each_page(live_acme: Organisation, add: Add, web: Site) -> None:
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    sitemap(web, "/a", "/b", "/c", "/a#x", "/gone")
    document, change = add("/sitemap.xml", is_sitemap=True, max_pages=4, tags=["site"])
    assert (change, document.state, document.page_limit) == (Change.CREATED, State.READY, 4)
    assert document.current is not None
    assert (document.current.part_count, document.current.chunk_count) == (4, 0)
    with entered(live_acme.schema_name):
        parts = {part.source_url: part for part in document.parts.all()}
        assert parts.keys() == {web.url(path) for path in ("/a", "/b", "/c", "/gone")}
        assert [part.state for part in parts.values()].count(State.READY) == 3
        assert parts[web.url("/gone")].failure_code == "url_not_found"
        assert (parts[web.url("/a")].title, parts[web.url("/a")].tags) == ("Page a", ["site"])
    assert web.paths().count("/robots.txt") == 1


def test_a_sitemap_again_fetches_its_pages_again(live_acme: Organisation, add: Add, web: Site) -> None:
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    sitemap(web, "/a", "/b")
    document, _ = add("/sitemap.xml", is_sitemap=True)
    web.page("/b", "Page b", "Page b has changed its mind.")
    with entered(live_acme.schema_name):
        document_refetch(schema_name=live_acme.schema_name, document=document)
        versions = {part.source_url: part.versions.count() for part in document.parts.all()}
        assert versions == {web.url("/a"): 1, web.url("/b"): 2}
        assert DocumentVersion.objects.filter(document=document).count() == 1
        assert outcomes(document) == ["ready", "unchanged"]
    sitemap(web, "/b", "/c")
    with entered(live_acme.schema_name):
        document_refetch(schema_name=live_acme.schema_name, document=document)
        states = dict(document.parts.values_list("source_url", "state"))
        assert states[web.url("/c")] == State.READY
        assert states.get(web.url("/a"), State.DELETING) == State.DELETING
        assert document.versions.count() == 2


def test_a_sitemap_cut_off_by_its_limit_deletes_nothing(live_acme: Organisation, add: Add, web: Site) -> None:
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    sitemap(web, "/a", "/b")
    document, _ = add("/sitemap.xml", is_sitemap=True, max_pages=2)
    sitemap(web, "/c", "/b", "/a")
    with entered(live_acme.schema_name):
        document_refetch(schema_name=live_acme.schema_name, document=document)
        assert document.parts.filter(state=State.READY).count() == 3


def test_a_worker_killed_between_the_pages_of_a_sitemap_loses_and_doubles_nothing(
    live_acme: Organisation, add: Add, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    sitemap(web, "/a", "/b", "/c")
    real = taking_in.queue_page

    def die(job: Any, page: Any) -> str:
        if page.path == "/b":
            raise Killed
        return real(job, page)

    monkeypatch.setattr(taking_in, "queue_page", die)
    with pytest.raises(Killed):
        add("/sitemap.xml", is_sitemap=True)
    monkeypatch.undo()
    recover(live_acme)
    with entered(live_acme.schema_name):
        assert set(Document.objects.values_list("state", flat=True)) == {State.READY}
        assert Document.objects.count() == DocumentVersion.objects.count() == 4
        chunks = set(Chunk.objects.values_list("point_id", flat=True))
    assert points(live_acme) == chunks


def test_a_page_and_a_sitemap_of_the_same_address_are_two_documents(add: Add, web: Site) -> None:
    web.page("/a", "Page a", "This is what page a has to say.")
    sitemap(web, "/a")
    assert add("/sitemap.xml")[0].pk != add("/sitemap.xml", is_sitemap=True)[0].pk


def test_what_is_no_sitemap_fails_with_a_sentence(add: Add, web: Site) -> None:
    web.page("/", "Home", "Welcome.")
    document, _ = add("/", is_sitemap=True)
    assert (document.state, document.failure_code) == (State.FAILED, "sitemap_unreadable")


def test_the_plan_limits_the_pages_of_a_sitemap(live_acme: Organisation, add: Add, web: Site, settings: Any) -> None:
    settings.VENA_MAX_PARTS = 2
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    sitemap(web, "/a", "/b", "/c")
    document, _ = add("/sitemap.xml", is_sitemap=True, max_pages=3)
    with entered(live_acme.schema_name):
        assert document.parts.count() == 2


def test_the_plan_limits_the_size_of_a_page(add: Add, web: Site, settings: Any) -> None:
    settings.VENA_MAX_UPLOAD_BYTES = 1000
    web.page("/", "Long", "word " * 1000)
    assert add("/")[0].failure_code == "url_too_large"


@pytest.fixture(autouse=True)
def _fresh_limits() -> Any:
    forget_limits()
    yield
    forget_limits()
