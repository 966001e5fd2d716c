"""Organisations take turns, however many files each has waiting."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from knowledge import tasks
from knowledge.actions import document_upload
from knowledge.ingestion import indexing, turns
from knowledge.models import Collection, Document, IngestionAttempt
from knowledge.tests.conftest import Upload
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def tickets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tickets are kept instead of drawn at once, as a busy worker would leave them."""
    kept: list[str] = []

    def keep(schema_name: str, *, delay: float = 0, at_once: bool = False) -> None:
        turns.enter(schema_name)
        kept.append(schema_name)

    for module in ("uploads", "pipeline", "watchdog", "turns"):
        monkeypatch.setattr(f"knowledge.ingestion.{module}.send_ticket", keep)
    return kept


def waiting_files(organisation: Organisation, count: int, ready_index: Any) -> None:
    ready_index(organisation)
    with entered(organisation.schema_name):
        collection, _ = Collection.objects.get_or_create(name="Documents")
        for number in range(count):
            document_upload(
                schema_name=organisation.schema_name,
                collection=collection,
                uploaded_by=None,
                file=SimpleUploadedFile(f"{number}.txt", f"Text number {number} of this organisation.".encode()),
            )


def ready(organisation: Organisation) -> int:
    with entered(organisation.schema_name):
        return Document.objects.filter(state=Document.State.READY).count()


def test_one_file_is_not_held_up_by_another_organisations_many(
    live_acme: Organisation, live_globex: Organisation, ready_index: Any, tickets: list[str]
) -> None:
    waiting_files(live_acme, 30, ready_index)
    waiting_files(live_globex, 1, ready_index)
    for schema_name in tickets[:2]:  # both tickets are the big organisation's
        tasks.work_on_documents(schema_name=schema_name)
    assert (ready(live_acme), ready(live_globex)) == (settings.VENA_INGESTION_GROUP, 1)


def test_every_ticket_takes_one_document_and_none_is_left(
    live_acme: Organisation, live_globex: Organisation, ready_index: Any, tickets: list[str]
) -> None:
    waiting_files(live_acme, 5, ready_index)
    waiting_files(live_globex, 3, ready_index)
    for schema_name in list(tickets):
        tasks.work_on_documents(schema_name=schema_name)
    assert (ready(live_acme), ready(live_globex)) == (5, 3)
    tasks.work_on_documents(schema_name="org_acme")  # finds nothing, and says so
    assert not turns.others_wait("nobody")


def test_without_redis_memory_a_ticket_serves_who_drew_it(
    live_acme: Organisation, ready_index: Any, tickets: list[str]
) -> None:
    waiting_files(live_acme, 1, ready_index)
    turns.client().flushdb()
    tasks.work_on_documents(schema_name=live_acme.schema_name)
    assert ready(live_acme) == 1


def test_a_long_document_lets_others_go_first_and_loses_nothing(
    live_acme: Organisation,
    live_globex: Organisation,
    ready_index: Any,
    tickets: list[str],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.VENA_INGESTION_TURN_SECONDS = 0
    monkeypatch.setattr(indexing, "window_of", lambda library: 2)
    ready_index(live_acme)
    long = "# Long\n\n" + "\n".join(f"## Part {n}\nThis is what part {n} says about its topic.\n" for n in range(9))
    with entered(live_acme.schema_name):
        document = document_upload(
            schema_name=live_acme.schema_name,
            collection=Collection.objects.create(name="Documents"),
            uploaded_by=None,
            file=SimpleUploadedFile("long.md", long.encode()),
        )
    waiting_files(live_globex, 2, ready_index)
    tasks.work_on_documents(schema_name=live_acme.schema_name)
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert document.state == Document.State.QUEUED
        assert 0 < document.progress_done < document.progress_total
    for _ in range(9):
        tasks.work_on_documents(schema_name=live_acme.schema_name)
    assert (ready(live_acme), ready(live_globex)) == (1, 2)
    with entered(live_acme.schema_name):
        attempts = list(IngestionAttempt.objects.order_by("pk"))
        assert attempts[0].outcome == "yielded"
        assert attempts[-1].outcome == "ready"
        document.refresh_from_db()
        assert document.current is not None
        assert sum(one.embedded for one in attempts) == document.current.chunk_count


def test_places_in_line(live_acme: Organisation, upload: Upload, ready_index: Any, tickets: list[str]) -> None:
    from knowledge.selectors import places_in_line

    waiting_files(live_acme, 3, ready_index)
    with entered(live_acme.schema_name):
        ordered = Document.objects.order_by("queued_at").values_list("pk", flat=True)
        assert list(places_in_line().items()) == [(pk, place) for place, pk in enumerate(ordered, start=1)]


# -- tickets --------------------------------------------------------------------------------------


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the broker."""
    sent: list[str] = []

    def apply(*, kwargs: dict[str, str], **options: Any) -> None:
        sent.append(kwargs["schema_name"])

    monkeypatch.setattr(tasks.work_on_documents, "apply_async", apply)
    return sent


def test_an_organisation_has_one_ticket_in_the_queue(
    live_acme: Organisation, live_globex: Organisation, ready_index: Any, queue: list[str]
) -> None:
    waiting_files(live_acme, 4, ready_index)
    waiting_files(live_globex, 2, ready_index)
    assert queue == ["org_acme", "org_globex"]
    turns.drawn("org_acme")  # from here on it may have looked at the rows already
    waiting_files(live_acme, 5, ready_index)  # four of them are known
    assert queue == ["org_acme", "org_globex", "org_acme"]


def test_a_ticket_is_followed_by_another_while_there_is_more(
    live_acme: Organisation, live_globex: Organisation, ready_index: Any, queue: list[str], settings: Any
) -> None:
    settings.VENA_INGESTION_GROUP = 3
    waiting_files(live_acme, 7, ready_index)
    waiting_files(live_globex, 1, ready_index)
    served = 0
    while queue:
        served += 1
        tasks.work_on_documents(schema_name=queue.pop(0))
        if served == 2:
            assert (ready(live_acme), ready(live_globex)) == (3, 1)
    assert (ready(live_acme), ready(live_globex)) == (7, 1)
    assert served <= 6


def test_a_lost_ticket_stands_in_the_way_of_none(live_acme: Organisation, ready_index: Any, queue: list[str]) -> None:
    waiting_files(live_acme, 2, ready_index)
    queue.clear()
    tasks.recover_documents(schema_name="org_acme", include_queued=True)
    assert queue == ["org_acme"]


def test_a_file_that_comes_in_waits_a_moment_for_others(
    live_acme: Organisation, queue: list[str], settings: Any
) -> None:
    settings.VENA_INGESTION_GATHER_SECONDS = 0.2
    turns.send_ticket("org_acme")
    assert 0.1 < seconds_of(turns.drawn, "org_acme") < 2
    turns.send_ticket("org_acme", at_once=True)
    assert seconds_of(turns.drawn, "org_acme") < 0.1


def seconds_of(work: Any, *args: Any) -> float:
    started = time.monotonic()
    work(*args)
    return time.monotonic() - started
