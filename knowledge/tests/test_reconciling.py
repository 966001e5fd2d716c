"""Differences between the stores are found both ways, mended, and reported."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from uuid import uuid4

from django.core.files.storage import default_storage
from django.core.management import call_command

from billing.models import UsageEvent
from knowledge.models import Document, ReconcileReport, TextVectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.reconciling import reconcile
from knowledge.selectors import library_of
from knowledge.tests.conftest import HANDBOOK, Upload, points
from tenants.context import entered
from tenants.models import Organisation


def run(organisation: Organisation) -> ReconcileReport:
    with entered(organisation.schema_name):
        return reconcile(library_of(organisation))


def aged(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    os.utime(path, (1, 1))
    return path


def test_nothing_is_found_where_nothing_is_wrong(live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme)
    upload(live_acme, HANDBOOK + b"\n\nAnd more.")
    report = run(live_acme)
    assert (report.found, report.repaired) == ({}, {})
    assert report.counted["points"] == report.counted["chunks"] > 0


def test_lost_points_are_put_back_from_kept_vectors(live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme)
    before, calls = points(live_acme), UsageEvent.objects.count()
    run_in_loop(vector_index().forget_points(library_of(live_acme).space, sorted(before)))
    assert points(live_acme) == set()
    report = run(live_acme)
    assert report.repaired["missing_points"] == len(before)
    assert points(live_acme) == before
    assert UsageEvent.objects.count() == calls


def test_lost_vectors_are_made_again(live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme)
    before = points(live_acme)
    run_in_loop(vector_index().forget_points(library_of(live_acme).space, sorted(before)))
    with entered(live_acme.schema_name):
        TextVectors.objects.all().delete()
    run(live_acme)
    assert points(live_acme) == before
    with entered(live_acme.schema_name):
        assert TextVectors.objects.count() == len(before)


def test_points_of_a_document_that_is_gone_are_removed(live_acme: Organisation, upload: Upload) -> None:
    kept = upload(live_acme)
    lost = upload(live_acme, b"# Secret\n\nThe merger is on Friday.", "secret.md")
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=lost.pk).update(current=None, newest=None)
        Document.objects.filter(pk=lost.pk).delete()
    report = run(live_acme)
    assert report.found["orphan_points"] > 0
    assert report.found["unused_vectors"] > 0
    assert points(live_acme) == points(live_acme, kept)
    assert run(live_acme).found == {}


def test_files_nobody_knows_are_removed_and_files_that_are_missing_are_told(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    document, theirs = upload(live_acme), upload(live_globex)
    assert document.current is not None
    assert theirs.current is not None
    with entered(live_globex.schema_name):
        their_path = Path(theirs.current.file.path)
        os.utime(their_path, (1, 1))
    with entered(live_acme.schema_name):
        orphan = aged(Path(default_storage.path(f"documents/{uuid4()}.md")))
        checkpoint = aged(Path(default_storage.path(f"checkpoints/{uuid4()}.parsed")))
        young = Path(default_storage.path(f"documents/{uuid4()}.md"))
        young.write_bytes(b"an upload that is not committed yet")
        Path(document.current.file.path).unlink()
    report = run(live_acme)
    assert not orphan.exists()
    assert not checkpoint.exists()
    assert young.exists()
    assert their_path.exists()
    assert report.repaired == {"files_without_rows": 1, "checkpoints_without_rows": 1}
    assert report.found["rows_without_files"] == 1
    assert str(document.pk) in report.examples["rows_without_files"][0]
    young.unlink()


def test_a_deletion_that_stopped_half_way_is_finished(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.DELETING)
    assert run(live_acme).repaired["unfinished_deletions"] == 1
    assert points(live_acme) == set()


def test_only_the_organisation_that_is_asked_for_is_touched(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    upload(live_acme)
    upload(live_globex)
    theirs = points(live_globex)
    run_in_loop(vector_index().forget_points(library_of(live_globex).space, sorted(theirs)))
    assert run(live_acme).found == {}
    assert points(live_globex) == set()


def test_the_command_reports_as_json(live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme)
    out = StringIO()
    call_command("reconcile", "acme", stdout=out)
    report = json.loads(out.getvalue())
    assert report["found"] == {}
    assert report["counted"]["points"] > 0
