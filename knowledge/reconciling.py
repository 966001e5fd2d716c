"""Comparing what the stores hold, both ways, and mending the difference: rows, points, files, kept vectors.

Runs every night for every organisation, and now by `manage.py reconcile <organisation>`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from django.core.files.storage import default_storage
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from knowledge.deletion import forget_document, forget_unused_vectors
from knowledge.ingestion.checkpoints import FOLDER
from knowledge.ingestion.indexing import labels_of, library_changed
from knowledge.ingestion.vectors import Passenger, Payer, bring_in, window_of
from knowledge.models import Chunk, Document, DocumentVersion, ReconcileReport
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.spaces import spaces_of
from knowledge.types import Labels, Library

logger = logging.getLogger(__name__)

YOUNG = 3600  # seconds: a file this new may belong to an upload whose row is not committed yet
EXAMPLES = 10


@dataclass(slots=True)
class Findings:
    counted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, things: Iterable[object]) -> None:
        names = [str(thing) for thing in things]
        if names:
            self.found[kind] += len(names)
            self.examples.setdefault(kind, []).extend(names[:EXAMPLES])


def reconcile(library: Library) -> ReconcileReport:
    """Compare, repair, report. Run inside the organisation's schema; what a worker has in hand is left alone."""
    report = ReconcileReport(started_at=timezone.now())
    findings = Findings()
    for step in (finish_deletions, missing_points, orphan_points, files_without_rows, rows_without_files, unused):
        step(library, findings)
    if findings.repaired:
        library_changed()
    report.counted, report.found = dict(findings.counted), dict(findings.found)
    report.repaired, report.examples = dict(findings.repaired), findings.examples
    report.finished_at = timezone.now()
    report.save()
    level = logging.WARNING if findings.found else logging.INFO
    logger.log(level, "library.reconciled", extra={"found": report.found, "repaired": report.repaired})
    return report


# -- rows and points ------------------------------------------------------------------------------


def readable_chunks() -> QuerySet[Chunk]:
    """What readers are promised: the chunks of every document's current version."""
    return Chunk.objects.filter(document__current=F("version")).exclude(document__state=Document.State.DELETING)


def missing_points(library: Library, findings: Findings) -> None:
    """Chunks that readers should find and the index does not hold."""
    run_in_loop(vector_index().prepare(library.space))
    points = run_in_loop(vector_index().point_ids(library.space))
    rows = set(readable_chunks().values_list("point_id", flat=True))
    findings.counted["chunks"], findings.counted["points"] = len(rows), len(points)
    missing = rows - points
    findings.note("missing_points", missing)
    if missing:
        findings.repaired["missing_points"] += fill(library, missing)


def fill(library: Library, point_ids: Iterable[UUID]) -> int:
    """Bring chunks into the library's space, mostly from kept vectors. Returns how many."""
    count = 0
    payer = Payer(uuid4())
    for some in slices(sorted(point_ids), window_of(library)):
        passengers = passengers_of(readable_chunks().filter(point_id__in=some))
        bring_in(library, passengers, payer)
        count += len(passengers)
    return count


def passengers_of(rows: QuerySet[Chunk]) -> list[Passenger]:
    found = rows.select_related("document", "document__collection").only(
        "point_id",
        "content_hash",
        "embedding_text",
        "document__tags",
        "document__dated",
        "document__collection__language",
    )
    return [
        Passenger(
            chunk.point_id,
            chunk.document_id,
            labels_of(chunk.document),
            chunk.document.collection.language,
            chunk.content_hash,
            chunk.embedding_text,
        )
        for chunk in found
    ]


def slices(items: Sequence[UUID], size: int) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def orphan_points(library: Library, findings: Findings) -> None:
    """Points that belong to no current version and to none that is on its way."""
    for space in spaces_of(library):
        points = run_in_loop(vector_index().point_ids(space))
        on_their_way = Q(document__newest=F("version"), document__state__in=Document.BUSY)
        wanted = set(
            Chunk.objects.filter(Q(document__current=F("version")) | on_their_way).values_list("point_id", flat=True)
        )
        orphans = points - wanted
        findings.note("orphan_points", orphans)
        if orphans:
            run_in_loop(vector_index().forget_points(space, sorted(orphans)))
            findings.repaired["orphan_points"] += len(orphans)


# -- rows and files -------------------------------------------------------------------------------


def finish_deletions(library: Library, findings: Findings) -> None:
    stuck = list(Document.objects.filter(state=Document.State.DELETING).values_list("pk", flat=True))
    findings.note("unfinished_deletions", stuck)
    for document_id in stuck:
        forget_document(library, document_id)
        findings.repaired["unfinished_deletions"] += 1


def files_without_rows(library: Library, findings: Findings) -> None:
    known = set(DocumentVersion.objects.exclude(file="").values_list("file", flat=True))
    unfinished = Document.objects.exclude(state=Document.State.READY).values_list("newest", flat=True)
    versions = {str(pk) for pk in unfinished}
    for path in old_files("documents"):
        findings.counted["files"] += 1
        if f"documents/{path.name}" not in known:
            remove(path, "files_without_rows", findings)
    for path in old_files(FOLDER):
        if path.relative_to(default_storage.path(FOLDER)).parts[0].split(".")[0] not in versions:
            remove(path, "checkpoints_without_rows", findings)


def old_files(folder: str) -> Iterator[Path]:
    root, youngest = Path(default_storage.path(folder)), time.time() - YOUNG
    paths = root.rglob("*") if root.exists() else iter(())
    return (path for path in paths if path.is_file() and path.stat().st_mtime < youngest)


def remove(path: Path, kind: str, findings: Findings) -> None:
    findings.note(kind, [path.name])
    path.unlink(missing_ok=True)
    findings.repaired[kind] += 1


def rows_without_files(library: Library, findings: Findings) -> None:
    """Nothing of ours can bring an original back: it is said, and the text goes on answering."""
    versions = DocumentVersion.objects.exclude(file="").exclude(document__state=Document.State.DELETING)
    for version in versions.only("pk", "file", "document_id").iterator():
        if not Path(version.file.path).exists():
            findings.note("rows_without_files", [f"{version.document_id} {version.file.name}"])


def unused(library: Library, findings: Findings) -> None:
    count = forget_unused_vectors()
    if count:
        findings.found["unused_vectors"] = findings.repaired["unused_vectors"] = count


# -- labels ---------------------------------------------------------------------------------------


def relabel(library: Library, document_id: UUID) -> None:
    document = Document.objects.select_related("collection").filter(pk=document_id).first()
    if document is None:
        return
    labels: Labels = labels_of(document)
    for space in spaces_of(library):
        run_in_loop(vector_index().relabel(space, document.pk, labels))
    library_changed()

