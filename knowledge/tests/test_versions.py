"""Uploading again: what is a new version, what is embedded for it, what readers see meanwhile, and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing.models import UsageEvent
from knowledge.actions import document_reindex, document_take_in, version_restore
from knowledge.ingestion import pipeline
from knowledge.ingestion.uploads import Change
from knowledge.models import Chunk, Collection, Document, DocumentVersion, IngestionAttempt
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload, points
from tenants.context import entered
from tenants.models import Organisation


def handbook(*, leave: int, sections: int = 12) -> bytes:
    parts = [
        f"## Part {n}\nThis part speaks of topic number {n}, of which there is not much to say.\n"
        for n in range(sections)
    ]
    return ("# Handbook\n\n" + "\n".join(parts) + f"\n## Leave\nEverybody has {leave} days of leave.\n").encode()


def texts(organisation: Organisation, who: Any, question: str) -> str:
    with entered(organisation.schema_name):
        scope = scope_of(who)
    found = run_in_loop(retrieve(library_of(organisation), question, scope))
    return " ".join(passage.text for passage in found.passages)


def embedded_calls() -> int:
    return UsageEvent.objects.filter(kind="embedding", subject__isnull=False).count()


def current_points(document: Document) -> set[Any]:
    return set(Chunk.objects.filter(version=document.current).values_list("point_id", flat=True))


def test_the_same_name_again_is_a_new_version_and_embeds_only_what_changed(
    live_acme: Organisation, upload: Upload, make_person: Any
) -> None:
    ada = make_person(live_acme)
    first = upload(live_acme, handbook(leave=25))
    second = upload(live_acme, handbook(leave=28), "HANDBOOK.md")
    assert second.pk == first.pk
    assert second.current is not None
    assert (second.current.number, second.state) == (2, Document.State.READY)
    with entered(live_acme.schema_name):
        attempt = IngestionAttempt.objects.first()
        assert attempt is not None
        assert attempt.embedded == 1
        assert attempt.reused == second.current.chunk_count - 1 > 0
        assert points(live_acme) == current_points(second)
        assert DocumentVersion.objects.count() == 2
    found = texts(live_acme, ada, "How many days of leave?")
    assert "28 days" in found
    assert "25 days" not in found


def test_the_same_bytes_again_are_nothing_new(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    calls = embedded_calls()
    with entered(live_acme.schema_name):
        again, change = document_take_in(
            schema_name=live_acme.schema_name,
            collection=Collection.objects.get(),
            uploaded_by=None,
            file=SimpleUploadedFile("handbook.md", open_bytes(document)),
        )
        assert (again.pk, change) == (document.pk, Change.UNCHANGED)
        assert DocumentVersion.objects.count() == 1
        assert IngestionAttempt.objects.count() == 1
    assert embedded_calls() == calls


def open_bytes(document: Document) -> bytes:
    assert document.current is not None
    with document.current.file.open("rb") as file:
        return bytes(file.read())


def test_an_external_id_is_stronger_than_the_name(live_acme: Organisation, upload: Upload) -> None:
    first = upload(live_acme, b"# One\n\nFirst text.", "one.md", external_id="crm-42")
    second = upload(live_acme, b"# Two\n\nSecond text.", "renamed.md", external_id="crm-42")
    other = upload(live_acme, b"# One\n\nFirst text.", "one.md")
    assert first.pk == second.pk
    assert other.pk != first.pk
    assert second.current is not None
    assert (second.current.number, second.current.file_name) == (2, "renamed.md")


def test_one_name_in_two_collections_and_two_organisations_is_several_documents(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    found = {
        upload(live_acme).pk,
        upload(live_acme, collection="Other").pk,
        upload(live_globex).pk,
    }
    assert len(found) == 3
    with entered(live_globex.schema_name):
        assert Document.objects.count() == 1


def test_readers_see_the_old_version_until_all_of_the_new_one_is_in(
    live_acme: Organisation, upload: Upload, make_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = make_person(live_acme)
    upload(live_acme, handbook(leave=25))
    real, seen = pipeline.publish, []  # type: ignore[attr-defined]

    def look_then_publish(job: Any) -> None:
        seen.append(texts(live_acme, ada, "How many days of leave?"))
        real(job)

    monkeypatch.setattr(pipeline, "publish", look_then_publish)
    upload(live_acme, handbook(leave=28))
    assert "25 days" in seen[0]
    assert "28 days" not in seen[0]
    assert "28 days" in texts(live_acme, ada, "How many days of leave?")


def test_a_version_that_fails_leaves_the_one_before_answering(
    live_acme: Organisation, upload: Upload, make_person: Any
) -> None:
    ada = make_person(live_acme)
    upload(live_acme, handbook(leave=25))
    broken = upload(live_acme, b"   \n", "handbook.md")
    assert (broken.state, broken.failure_code) == (Document.State.FAILED, "empty_document")
    assert broken.current is not None
    assert broken.newest is not None
    assert (broken.current.number, broken.newest.number) == (1, 2)
    assert "25 days" in texts(live_acme, ada, "How many days of leave?")
    with entered(live_acme.schema_name):
        assert points(live_acme) == current_points(broken)


def test_a_version_is_restored_without_a_call_of_the_model(
    live_acme: Organisation, upload: Upload, make_person: Any
) -> None:
    ada = make_person(live_acme)
    upload(live_acme, handbook(leave=25))
    document = upload(live_acme, handbook(leave=28))
    calls = embedded_calls()
    with entered(live_acme.schema_name):
        version_restore(schema_name=live_acme.schema_name, document=document, version=document.versions.get(number=1))
        document.refresh_from_db()
        assert document.current is not None
        assert (document.current.number, document.state) == (1, Document.State.READY)
        assert points(live_acme) == current_points(document)
    assert embedded_calls() == calls
    assert "25 days" in texts(live_acme, ada, "How many days of leave?")
    third = upload(live_acme, handbook(leave=30))
    assert third.current is not None
    assert third.current.number == 3


def test_reading_again_is_a_version_of_its_own_over_the_same_file(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    calls = embedded_calls()
    with entered(live_acme.schema_name):
        document_reindex(schema_name=live_acme.schema_name, document=document)
        document.refresh_from_db()
        versions = list(document.versions.order_by("number"))
        assert [(one.number, one.reason) for one in versions] == [(1, "upload"), (2, "reindex")]
        assert versions[0].file.name == versions[1].file.name
        assert document.current == versions[1]
        assert Chunk.objects.filter(version=versions[0]).exists()  # an old citation opens what it cited
    assert embedded_calls() == calls


def test_a_document_is_replaced_while_it_is_worked_on(
    live_acme: Organisation, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest upload wins, whatever the worker of the one before does next."""
    real, times = pipeline.index_chunks, []  # type: ignore[attr-defined]

    def replace_then_store(job: Any, rows: Any) -> None:
        times.append(job.version.number)
        if len(times) == 1:
            with entered(live_acme.schema_name):
                document_take_in(
                    schema_name=live_acme.schema_name,
                    collection=Collection.objects.get(),
                    uploaded_by=None,
                    file=SimpleUploadedFile("handbook.md", handbook(leave=28)),
                )
        real(job, rows)

    monkeypatch.setattr(pipeline, "index_chunks", replace_then_store)
    document = upload(live_acme, handbook(leave=25))
    assert times == [1, 2]
    assert document.current is not None
    assert (document.current.number, document.state) == (2, Document.State.READY)
