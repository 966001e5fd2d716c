"""The life of a document, with the real index, model, parser process and database; only Celery runs in this thread."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.models import UsageEvent
from knowledge import tasks
from knowledge.actions import document_cancel, document_delete, document_retry
from knowledge.errors import ProviderUnavailable
from knowledge.ingestion import leases, pipeline
from knowledge.models import Chunk, Document, IngestionAttempt, LibraryState, TextVectors
from knowledge.providers.registry import embedder
from knowledge.tests.conftest import HANDBOOK, Upload, points
from tenants.context import entered
from tenants.models import Organisation

State = Document.State


class Killed(BaseException):
    """What SIGKILL looks like from inside: no handler of ours runs."""


def chunk_points(document: Document) -> set[Any]:
    return set(Chunk.objects.filter(document=document).values_list("point_id", flat=True))


def work(organisation: Organisation) -> None:
    tasks.work_on_documents(schema_name=organisation.schema_name)


def back_in_line(organisation: Organisation, document: Document, **values: Any) -> None:
    with entered(organisation.schema_name):
        Document.objects.filter(pk=document.pk).update(state=State.QUEUED, lease=None, **values)


def test_a_document_ends_ready_with_a_vector_for_each_chunk(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        assert (document.state, document.failure_code, document.lease) == (State.READY, "", None)
        assert document.current == document.newest
        assert document.current is not None
        assert document.current.number == 1
        count = document.current.chunk_count
        assert count == document.progress_done == document.progress_total == len(chunk_points(document)) > 0
        assert points(live_acme, document) == chunk_points(document)
        assert Chunk.objects.get(document=document, position=0).heading_path[0] == "Handbook"


def test_an_attempt_tells_the_time_of_each_stage(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        attempt = IngestionAttempt.objects.get(document=document)
        assert attempt.outcome == "ready"
        assert attempt.stages.keys() == {"reading", "chunking", "embedding"}
        assert all(0 < seconds < 60 for seconds in attempt.stages.values())
        assert (attempt.embedded, attempt.reused) == (len(chunk_points(document)), 0)
        assert attempt.started_at <= attempt.finished_at


def test_what_can_be_found_has_a_number_that_grows(live_acme: Organisation, upload: Upload) -> None:
    def number() -> int:
        with entered(live_acme.schema_name):
            row = LibraryState.objects.filter(pk=1).first()
            return row.index_version if row else 1

    document = upload(live_acme)
    after_upload = number()
    assert after_upload > 1
    with entered(live_acme.schema_name):
        document_delete(schema_name=live_acme.schema_name, document=document)
    assert number() > after_upload


def test_ingestion_is_metered_once_and_named(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    event = UsageEvent.objects.get()
    assert (event.kind, event.provider, event.model) == ("embedding", "local", "all-MiniLM-L6-v2")
    assert (event.organisation_id, event.subject) == (live_acme.pk, document.pk)
    assert event.input_tokens > 0
    assert event.cost_gbp == 0
    assert event.price_id is not None


def test_a_ticket_too_many_changes_nothing(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    before = points(live_acme)
    work(live_acme)
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.attempts) == (State.READY, 1)
        assert points(live_acme) == before == chunk_points(document)


@pytest.mark.parametrize("stage", ["read", "store_chunks", "index_chunks", "publish"])
def test_a_worker_killed_in_any_stage_leaves_nothing_lost_and_nothing_double(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    monkeypatch.setattr(pipeline, stage, die)
    with pytest.raises(Killed):
        upload(live_acme)
    monkeypatch.undo()
    with entered(live_acme.schema_name):
        document = Document.objects.get()
        assert document.state in Document.WORKING
        assert document.current is None
    recover = {"schema_name": live_acme.schema_name, "include_queued": True}
    assert tasks.recover_documents(**recover) == 0  # still leased
    with entered(live_acme.schema_name):
        Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.recover_documents(**recover) == 1
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.attempts, document.interruptions) == (State.READY, 2, 0)
        assert points(live_acme) == chunk_points(document)
        positions = list(Chunk.objects.filter(document=document).values_list("position", flat=True))
        assert positions == list(range(len(positions)))
        outcomes = IngestionAttempt.objects.order_by("pk").values_list("outcome", flat=True)
        assert list(outcomes) == ["interrupted", "ready"]
    assert UsageEvent.objects.filter(kind="embedding").count() == 1  # what was embedded before the kill was kept


def test_a_document_that_ends_its_worker_again_and_again_is_not_tried_for_ever(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    monkeypatch.setattr(pipeline, "read", die)
    with pytest.raises(Killed):
        upload(live_acme)
    for _ in range(4):
        with entered(live_acme.schema_name):
            Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(Killed):
            tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True)
    with entered(live_acme.schema_name):
        Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True) == 0
    with entered(live_acme.schema_name):
        document = Document.objects.get()
        assert (document.state, document.failure_code) == (State.FAILED, "ingestion_interrupted")
        assert document.failed_stage == "reading"


def test_work_that_gets_no_further_is_ended_with_a_reason(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        long_ago = timezone.now() - timedelta(seconds=601)
        hour = timezone.now() + timedelta(hours=1)
        Document.objects.update(state=State.EMBEDDING, lease=uuid4(), lease_expires_at=hour, progressed_at=long_ago)
    tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=False)
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.failure_code) == (State.FAILED, "ingestion_stalled")
        assert document.failed_stage == "embedding"


def test_a_lost_message_is_sent_again(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    back_in_line(live_acme, document)
    tasks.recover_documents_everywhere()
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert document.state == State.READY


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.md", b"   \n\n ", "empty_document"),
        ("broken.pdf", b"%PDF-1.7\nnot really", "damaged_document"),
        ("really-a-pdf.txt", b"%PDF-1.4 and then nothing", "mislabelled_document"),
    ],
)
def test_a_file_that_cannot_be_read_ends_failed_with_a_sentence(
    live_acme: Organisation, upload: Upload, name: str, content: bytes, code: str
) -> None:
    document = upload(live_acme, content, name)
    assert (document.state, document.failure_code, document.failed_stage) == (State.FAILED, code, "reading")
    assert document.failure_message.endswith(".")
    assert points(live_acme) == set()


def test_a_bug_in_our_code_ends_failed_too(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "chunk_document", lambda *args, **kwargs: 1 / 0)
    document = upload(live_acme)
    assert (document.state, document.failure_code) == (State.FAILED, "ingestion_crashed")
    assert "ZeroDivisionError" in document.failure_detail
    assert "Zero" not in document.failure_message


def test_a_retry_goes_on_at_the_stage_that_failed(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "index_chunks", lambda job: 1 / 0)
    document = upload(live_acme)
    assert (document.state, document.failed_stage) == (State.FAILED, "embedding")
    monkeypatch.undo()
    monkeypatch.setattr(pipeline, "parse", lambda *args, **kwargs: pytest.fail("the file was read again"))
    with entered(live_acme.schema_name):
        document_retry(schema_name=live_acme.schema_name, document=document)
        document.refresh_from_db()
        assert (document.state, document.failure_code, document.failed_stage) == (State.READY, "", "")
        assert points(live_acme) == chunk_points(document)
        last = IngestionAttempt.objects.first()
        assert last is not None
        assert last.stages.keys() == {"embedding"}


def test_a_provider_that_is_away_puts_the_document_back_and_then_fails_it(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(texts: object) -> None:
        raise ProviderUnavailable

    for name in ("embed_documents", "embed_documents_with_tokens"):
        monkeypatch.setattr(embedder("local"), name, unavailable, raising=False)
    document = upload(live_acme)  # tickets run at once here, and find that it is not time yet
    assert (document.state, document.lease) == (State.QUEUED, None)
    assert document.not_before is not None
    assert document.not_before > timezone.now()
    for _ in range(pipeline.MOST_TRIES - 1):
        back_in_line(live_acme, document, not_before=None)
        work(live_acme)
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.failure_code) == (State.FAILED, "provider_unavailable")
        assert document.failed_stage == "embedding"
        monkeypatch.undo()
        document_retry(schema_name=live_acme.schema_name, document=document)
        document.refresh_from_db()
        assert document.state == State.READY


@pytest.mark.parametrize("state", State.values)
def test_delete_works_in_every_state(live_acme: Organisation, upload: Upload, state: str) -> None:
    document = upload(live_acme)
    assert document.current is not None
    path = Path(document.current.file.path)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=state)
        document_delete(schema_name=live_acme.schema_name, document=document)
        assert not Document.objects.exists()
        assert not Chunk.objects.exists()
        assert not TextVectors.objects.exists()
    assert points(live_acme) == set()
    assert not path.exists()


@pytest.mark.parametrize("end", [document_delete, document_cancel])
def test_a_document_that_is_not_wanted_any_more_while_it_is_worked_on(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    """The person wins: what the worker stores after it does not count, or goes as well."""
    real = pipeline.index_chunks  # type: ignore[attr-defined]

    def end_then_store(job: Any) -> None:
        end(schema_name=live_acme.schema_name, document=job.document)
        real(job)

    monkeypatch.setattr(pipeline, "index_chunks", end_then_store)
    if end is document_delete:
        with pytest.raises(Document.DoesNotExist):
            upload(live_acme)
        assert points(live_acme) == set()
        return
    document = upload(live_acme)
    assert (document.state, document.failure_code, document.current) == (State.FAILED, "cancelled", None)
    monkeypatch.undo()
    with entered(live_acme.schema_name):
        document_retry(schema_name=live_acme.schema_name, document=document)
        document.refresh_from_db()
        assert document.state == State.READY


def test_the_oldest_is_taken_first_and_by_one_worker(live_acme: Organisation, upload: Upload) -> None:
    first, second = upload(live_acme), upload(live_acme, HANDBOOK + b"more", "second.md")
    with entered(live_acme.schema_name):
        Document.objects.update(state=State.QUEUED)
        taken = [leases.take_next(), leases.take_next(), leases.take_next()]
        assert [one.pk if one else None for one in taken] == [first.pk, second.pk, None]
        mine = taken[0]
        assert mine is not None
        assert mine.lease is not None
        with pytest.raises(leases.LeaseLost):
            leases.update(first.pk, uuid4(), progress_done=1)
        leases.update(first.pk, mine.lease, progress_done=1)
        leases.check(first.pk, mine.lease)
        document_cancel(schema_name=live_acme.schema_name, document=first)
        with pytest.raises(leases.LeaseLost):
            leases.check(first.pk, mine.lease)


def test_who_leaves_takes_no_document(live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(live_acme)
    monkeypatch.setattr(leases, "_is_over", False)
    with entered(live_acme.schema_name):
        Document.objects.update(state=State.QUEUED)
        leases.take_no_more()
        assert leases.take_turn(most=5) == ([], False)
        tasks.work_on_documents(schema_name=live_acme.schema_name)  # its ticket was drawn in vain
        assert Document.objects.get().state == State.QUEUED
        monkeypatch.undo()
        assert leases.take_next() is not None


def test_the_same_text_twice_in_one_document_keeps_both_chunks(live_acme: Organisation, upload: Upload) -> None:
    section = b"## Same\n" + b"The very same sentence stands here again. " * 30
    document = upload(live_acme, b"# One\n\n" + section + b"\n\n" + section)
    with entered(live_acme.schema_name):
        assert document.state == State.READY
        assert document.current is not None
        assert len(chunk_points(document)) == document.current.chunk_count == len(points(live_acme))


def test_files_lie_in_the_organisations_own_folder(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    ours, theirs = upload(live_acme), upload(live_globex)
    assert ours.current is not None
    assert theirs.current is not None
    with entered(live_acme.schema_name):
        ours_path = ours.current.file.path
    with entered(live_globex.schema_name):
        theirs_path = theirs.current.file.path
    assert "/org_acme/documents/" in ours_path
    assert "/org_globex/documents/" in theirs_path
    assert Path(ours_path).read_bytes() == Path(theirs_path).read_bytes() == HANDBOOK
    checkpoint = Path(ours_path).parent.parent / "checkpoints" / f"{ours.current.pk}.parsed"
    assert not checkpoint.exists()  # a checkpoint goes when it is of no use
