"""The life of a document, with the real index, model and database; only Celery runs in the same thread."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.models import UsageEvent
from knowledge import tasks
from knowledge.actions import document_delete, document_retry
from knowledge.errors import ProviderUnavailable
from knowledge.ingestion import indexing, leases
from knowledge.ingestion.pipeline import ingest
from knowledge.models import Chunk, Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, vector_index
from knowledge.selectors import library_of
from knowledge.tests.conftest import HANDBOOK, Upload
from tenants.context import entered
from tenants.models import Organisation


def points(organisation: Organisation, document: Document | None = None) -> set[Any]:
    space = library_of(organisation).space
    return run_in_loop(vector_index().point_ids(space, document.pk if document else None))


def chunk_ids(document: Document) -> set[Any]:
    return set(Chunk.objects.filter(document=document).values_list("pk", flat=True))


def test_a_document_ends_ready_with_a_vector_for_each_chunk(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        assert (document.state, document.failure_code) == (Document.State.READY, "")
        assert document.chunk_count == document.progress_done == document.progress_total == len(chunk_ids(document)) > 0
        assert points(live_acme, document) == chunk_ids(document)
        assert document.lease is None
        assert Chunk.objects.get(document=document, position=0).heading_path[0] == "Handbook"


def test_ingestion_is_metered_once_and_named(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    event = UsageEvent.objects.get()
    assert (event.kind, event.provider, event.model) == ("embedding", "local", "all-MiniLM-L6-v2")
    assert (event.organisation_id, event.subject) == (live_acme.pk, document.pk)
    assert event.input_tokens > 0
    assert event.cost_gbp == 0
    assert event.price_id is not None


def test_running_the_task_again_changes_nothing(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    before = points(live_acme)
    tasks.ingest_document(schema_name=live_acme.schema_name, document_id=str(document.pk))
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.attempts) == (Document.State.READY, 1)
        assert points(live_acme) == before == chunk_ids(document)


def test_a_worker_killed_after_storing_vectors_leaves_no_double(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What SIGKILL looks like from inside: no handler of ours runs."""

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    monkeypatch.setattr("knowledge.ingestion.pipeline.publish", die)
    with pytest.raises(Killed):
        upload(live_acme)
    monkeypatch.undo()
    with entered(live_acme.schema_name):
        document = Document.objects.get()
        assert document.state == Document.State.EMBEDDING
        assert chunk_ids(document) == set()
    left = points(live_acme)
    assert left
    assert tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True) == 0  # still leased
    with entered(live_acme.schema_name):
        Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True) == 1
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert (document.state, document.attempts) == (Document.State.READY, 2)
        assert points(live_acme) == left == chunk_ids(document)


def test_a_lost_message_is_sent_again(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.QUEUED)
    tasks.recover_documents_everywhere()
    with entered(live_acme.schema_name):
        document.refresh_from_db()
        assert document.state == Document.State.READY


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
    assert (document.state, document.failure_code) == (Document.State.FAILED, code)
    assert document.failure_message.endswith(".")
    assert points(live_acme) == set()


def test_a_bug_in_a_parser_ends_failed_too(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.ingestion.pipeline.read_document", lambda *args, **kwargs: 1 / 0)
    document = upload(live_acme)
    assert (document.state, document.failure_code) == (Document.State.FAILED, "ingestion_crashed")
    assert "ZeroDivisionError" in document.failure_detail
    assert "Zero" not in document.failure_message


def test_retry_after_a_failure_ends_ready(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.ingestion.pipeline.read_document", lambda *args, **kwargs: 1 / 0)
    document = upload(live_acme)
    monkeypatch.undo()
    with entered(live_acme.schema_name):
        document_retry(schema_name=live_acme.schema_name, document=document)
        document.refresh_from_db()
        assert (document.state, document.failure_code, document.attempts) == (Document.State.READY, "", 2)


def test_an_unavailable_provider_leaves_the_document_queued_and_raises(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = upload(live_acme)

    async def unavailable(texts: object) -> None:
        raise ProviderUnavailable

    monkeypatch.setattr(embedder("local"), "embed_documents", unavailable)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.QUEUED)
        with pytest.raises(ProviderUnavailable):
            ingest(library=library_of(live_acme), document_id=document.pk)
        document.refresh_from_db()
        assert (document.state, document.lease) == (Document.State.QUEUED, None)


@pytest.mark.parametrize("state", Document.State.values)
def test_delete_works_in_every_state(live_acme: Organisation, upload: Upload, state: str) -> None:
    document = upload(live_acme)
    path = Path(document.file.path)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=state)
        document_delete(schema_name=live_acme.schema_name, document=document)
        assert not Document.objects.exists()
        assert not Chunk.objects.exists()
    assert points(live_acme) == set()
    assert not path.exists()


def test_a_document_deleted_while_it_is_read_leaves_nothing(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delete wins: what the worker stores after it goes as well."""
    real = indexing.index_chunks

    def delete_then_store(library: Any, document: Document, drafts: Any, **kwargs: Any) -> None:
        document_delete(schema_name=live_acme.schema_name, document=document)
        real(library, document, drafts, **kwargs)

    monkeypatch.setattr("knowledge.ingestion.pipeline.index_chunks", delete_then_store)
    with pytest.raises(Document.DoesNotExist):
        upload(live_acme)
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()
    assert points(live_acme) == set()


def test_one_lease_at_a_time(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.QUEUED)
        first = leases.take(document.pk)
        assert first is not None
        assert leases.take(document.pk) is None
        with pytest.raises(leases.LeaseLost):
            leases.update(document.pk, uuid4(), progress_done=1)
        leases.update(document.pk, first, progress_done=1)
        Document.objects.filter(pk=document.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert leases.take(document.pk) not in {None, first}


def test_the_same_text_twice_in_one_document_keeps_both_chunks(live_acme: Organisation, upload: Upload) -> None:
    section = b"## Same\n" + b"The very same sentence stands here again. " * 30
    document = upload(live_acme, b"# One\n\n" + section + b"\n\n" + section)
    with entered(live_acme.schema_name):
        assert document.state == Document.State.READY
        assert len(chunk_ids(document)) == document.chunk_count == len(points(live_acme))


def test_files_lie_in_the_organisations_own_folder(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    ours, theirs = upload(live_acme), upload(live_globex)
    with entered(live_acme.schema_name):
        ours_path = ours.file.path
    with entered(live_globex.schema_name):
        theirs_path = theirs.file.path
    assert "/org_acme/documents/" in ours_path
    assert "/org_globex/documents/" in theirs_path
    assert Path(ours_path).read_bytes() == Path(theirs_path).read_bytes() == HANDBOOK
