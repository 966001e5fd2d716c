"""A version's chunks: from drafts to rows, from rows to points, from points to what readers see."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from knowledge.ingestion.copying import copy_in
from knowledge.ingestion.jobs import Job, TurnOver
from knowledge.ingestion.vectors import Passenger, Payer, bring_in, window_of
from knowledge.models import Chunk, Document, DocumentVersion, IngestionAttempt, LibraryState
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.types import ChunkDraft, Labels
from tenants.models import Organisation

logger = logging.getLogger(__name__)


AT_HAND = 500  # rows kept in memory until they are embedded; of a longer document they are read again


class LibraryMoved(Exception):
    """The organisation switched to another embedding model while this document was on its way."""


def point_id(document_id: UUID, content_hash: str, occurrence: int) -> UUID:
    """The same text of the same document always has the same id: a repeat is harmless."""
    return uuid5(document_id, f"{content_hash}:{occurrence}")


# -- rows -----------------------------------------------------------------------------------------


@transaction.atomic
def store_chunks(
    job: Job, drafts: Sequence[ChunkDraft], *, page_count: int | None, part_count: int
) -> Sequence[Chunk] | None:
    """The checkpoint after cutting: from here a later attempt goes on with the rows. Returns those of a document that
    is not too long to keep them in memory."""
    job.update(state=Document.State.EMBEDDING, progress_done=0, progress_total=len(drafts))
    version = job.version
    rows = [row(job.document, version, draft) for draft in drafts]
    copy_in(rows)
    version.chunked_at = timezone.now()
    version.page_count, version.chunk_count, version.part_count = page_count, len(drafts), part_count
    version.save(update_fields=["chunked_at", "page_count", "chunk_count", "part_count"])
    return rows if len(rows) <= AT_HAND else None


def row(document: Document, version: DocumentVersion, draft: ChunkDraft) -> Chunk:
    return Chunk(
        document_id=document.pk,
        version_id=version.pk,
        point_id=point_id(document.pk, draft.content_hash, draft.occurrence),
        position=draft.position,
        section=draft.section,
        text=draft.text,
        embedding_text=draft.embedding_text,
        heading_path=[heading[:500] for heading in draft.heading_path],
        page=draft.page,
        last_page=draft.last_page,
        boxes=[
            [box.page, *(round(side, 1) for side in (box.left, box.top, box.right, box.bottom))] for box in draft.boxes
        ],
        place=draft.place[:200],
        char_start=draft.char_start,
        char_end=draft.char_end,
        content_hash=draft.content_hash,
    )


# -- points ---------------------------------------------------------------------------------------


def index_chunks(job: Job) -> None:
    """Give every chunk of the version its point; what is there already is left alone. Yields to others in between."""
    run_in_loop(vector_index().prepare(job.library.space))
    done = 0
    payer = payer_of(job, job.document.pk)
    windows = windows_stored(job) if job.rows is None else windows_at_hand(job, job.rows)
    for passengers in windows:
        new = absent(job, passengers)
        asked = len(bring_in(job.library, new, payer)) if new else 0
        job.embedded += asked
        job.reused += len(passengers) - asked
        done += len(passengers)
        if done < job.version.chunk_count:
            job.update(progress_done=done)
            if job.patience.is_over():
                raise TurnOver


def windows_at_hand(job: Job, rows: Sequence[Chunk]) -> Iterator[list[Passenger]]:
    size = window_of(job.library)
    passengers = passengers_at_hand(job.document, rows)
    for start in range(0, len(rows), size):
        yield passengers[start : start + size]


def passengers_at_hand(document: Document, rows: Sequence[Chunk]) -> list[Passenger]:
    labels, language = labels_of(document), document.collection.language
    return [
        Passenger(one.point_id, document.pk, labels, language, one.content_hash, one.embedding_text) for one in rows
    ]


def payer_of(job: Job, subject: UUID | None) -> Payer:
    return Payer(job.lease, subject, job.version.created_by_id, job.version.created_by_label)


def windows_stored(job: Job) -> Iterator[list[Passenger]]:
    size = window_of(job.library)
    labels, language = labels_of(job.document), job.document.collection.language
    fields = ("position", "point_id", "content_hash", "embedding_text")
    last = -1
    while True:
        rows = list(
            Chunk.objects.filter(version=job.version, position__gt=last)
            .order_by("position")
            .values_list(*fields)[:size]
        )
        if rows:
            last = rows[-1][0]
            yield [Passenger(point, job.document.pk, labels, language, digest, text) for _, point, digest, text in rows]
        if len(rows) < size:
            return


def absent(job: Job, passengers: list[Passenger]) -> list[Passenger]:
    """A first attempt at a first version finds nothing stored, so it does not ask."""
    if not job.is_resumed and job.version.number == 1:
        return passengers
    there = run_in_loop(vector_index().existing(job.library.space, [one.point_id for one in passengers]))
    return [one for one in passengers if one.point_id not in there]


def labels_of(document: Document) -> Labels:
    return Labels(collection_id=document.collection_id, tags=tuple(document.tags), dated=document.dated)


# -- what readers see -----------------------------------------------------------------------------


@transaction.atomic
def publish(job: Job) -> None:
    """Rows and state change together: readers see the old version until they see all of the new one."""
    now = timezone.now()
    job.update(
        lease=None,
        lease_expires_at=None,
        state=Document.State.READY,
        current=job.version,
        progress_done=job.version.chunk_count,
        progress_total=job.version.chunk_count,
        ready_at=now,
        interruptions=0,
    )
    check_library(job)
    if job.version.ready_at is None:
        DocumentVersion.objects.filter(pk=job.version.pk).update(ready_at=now)
    library_changed()
    note_attempt(job.document, job.version, IngestionAttempt.Outcome.READY, **job.figures())


def check_library(job: Job) -> None:
    active = Organisation.objects.values_list("embedding_version", flat=True).get(pk=job.library.tenant.id)
    if active != job.library.space.version:
        raise LibraryMoved


def library_changed() -> None:
    """Answers that were cached before this are not found any more."""
    if not LibraryState.objects.filter(pk=1).update(index_version=F("index_version") + 1):
        LibraryState.objects.bulk_create([LibraryState(pk=1, index_version=2)], ignore_conflicts=True)


def forget_replaced(job: Job) -> None:
    """Points that only earlier versions had. A kill before this leaves points nobody reads, for the reconcile."""
    if job.version.number == 1 and job.document.versions.count() == 1:
        return
    Chunk.objects.filter(document=job.document, version__ready_at=None).exclude(version=job.version).delete()
    space, index = job.library.space, vector_index()
    wanted = set(Chunk.objects.filter(version=job.version).values_list("point_id", flat=True))
    stale = run_in_loop(index.point_ids(space, job.document.pk)) - wanted
    if stale:
        run_in_loop(index.forget_points(space, sorted(stale)))


def note_attempt(document: Document, version: DocumentVersion | None, outcome: str, **values: Any) -> None:
    if version is None:
        return
    IngestionAttempt.objects.create(
        document=document,
        version=version,
        started_at=document.work_started_at or timezone.now(),
        finished_at=timezone.now(),
        outcome=outcome,
        **values,
    )
