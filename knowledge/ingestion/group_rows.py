"""Rows of several documents in one transaction and a few statements, however many they are."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from knowledge.ingestion import leases
from knowledge.ingestion.copying import copy_in
from knowledge.ingestion.indexing import check_library, library_changed
from knowledge.ingestion.jobs import Job
from knowledge.ingestion.parts import store_parts
from knowledge.models import Chunk, Document, DocumentVersion, IngestionAttempt

_COUNTED = """
UPDATE knowledge_documentversion AS version
SET chunked_at = %s, page_count = cut.page_count, chunk_count = cut.chunk_count, part_count = 0
FROM unnest(%s::uuid[], %s::int[], %s::int[]) AS cut (id, page_count, chunk_count)
WHERE version.id = cut.id
"""
_TOTALS = """
UPDATE knowledge_document AS document SET progress_total = cut.chunk_count
FROM unnest(%s::uuid[], %s::int[]) AS cut (id, chunk_count)
WHERE document.id = cut.id
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """A document that was read and cut, with the rows to be stored."""

    job: Job
    rows: Sequence[Chunk]
    page_count: int | None


def with_history(jobs: Sequence[Job]) -> set[Job]:
    """Those whose document has other versions."""
    versions = DocumentVersion.objects.filter(document__in=[job.document.pk for job in jobs])
    others = set(versions.exclude(pk__in=[job.version.pk for job in jobs]).values_list("document_id", flat=True))
    return {job for job in jobs if job.document.pk in others}


@transaction.atomic
def store(cuts: Sequence[Cut], history: AnyOf[Job]) -> list[Job]:
    """The checkpoint after cutting: from here a later attempt goes on with the rows. Returns the jobs still ours."""
    ours = hold([cut.job for cut in cuts], state=Document.State.EMBEDDING, progress_done=0)
    cuts = [cut for cut in cuts if cut.job.document.pk in ours]
    copy_in(chain.from_iterable(cut.rows for cut in cuts))
    now = timezone.now()
    counts = [len(cut.rows) for cut in cuts]
    with connection.cursor() as cursor:
        versions = [cut.job.version.pk for cut in cuts]
        cursor.execute(_COUNTED, [now, versions, [cut.page_count for cut in cuts], counts])
        cursor.execute(_TOTALS, [[cut.job.document.pk for cut in cuts], counts])
    for job in (cut.job for cut in cuts if cut.job in history):
        store_parts(job, [])
    transaction.on_commit(lambda: remember(cuts, now))
    return [cut.job for cut in cuts]


def remember(cuts: Sequence[Cut], now: object) -> None:
    """What the rows say now, for whoever goes on with these jobs."""
    for cut in cuts:
        version = cut.job.version
        version.chunked_at, version.page_count, version.chunk_count = now, cut.page_count, len(cut.rows)  # type: ignore[assignment]
        cut.job.rows = cut.rows


@transaction.atomic
def publish(jobs: Sequence[Job]) -> list[Job]:
    """What `indexing.publish` does, for all that are still ours; returns those."""
    now = timezone.now()
    ours = hold(
        jobs,
        lease=None,
        lease_expires_at=None,
        state=Document.State.READY,
        current=F("newest"),
        progress_done=F("progress_total"),
        ready_at=now,
        interruptions=0,
    )
    published = [job for job in jobs if job.document.pk in ours]
    if published:
        check_library(published[0])
        versions = DocumentVersion.objects.filter(pk__in=[job.version.pk for job in published], ready_at=None)
        versions.update(ready_at=now)
        library_changed()
        note_ready(published)
    return published


def hold(jobs: Sequence[Job], **values: object) -> set[UUID]:
    """Change the rows that are still ours; returns their ids."""
    return leases.update_all([job.document.pk for job in jobs], jobs[0].lease, **values) if jobs else set()


def note_ready(jobs: Sequence[Job]) -> None:
    now = timezone.now()
    IngestionAttempt.objects.bulk_create(
        IngestionAttempt(
            document=job.document,
            version=job.version,
            started_at=job.document.work_started_at or now,
            finished_at=now,
            outcome=IngestionAttempt.Outcome.READY,
            **job.figures(),
        )
        for job in jobs
    )
