"""Every document ends ready, failed, or visibly waits its turn: this settles the ones that got stuck.

Runs every minute. A document whose worker died is back in line at most VENA_INGESTION_LEASE_SECONDS and a minute
later; one that gets no further for VENA_INGESTION_STALL_SECONDS fails with a reason; one that ended its worker
VENA_INGESTION_INTERRUPTIONS times is not tried again.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from knowledge.errors import IngestionInterrupted, IngestionStalled
from knowledge.ingestion.indexing import note_attempt
from knowledge.ingestion.leases import waiting
from knowledge.ingestion.turns import forget_ticket, send_ticket
from knowledge.models import Document, IngestionAttempt
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


def settle_stuck(schema_name: str, *, queue_is_empty: bool, everybody_died: bool = False) -> int:
    """Run inside the organisation's schema. Returns how many documents were put back in line.

    `everybody_died` is for a start after which no other worker can be alive: leases of the dead don't count.
    """
    end_stalled()
    back = put_back_lost(everybody_died)
    if queue_is_empty:
        back = max(back, Document.objects.filter(waiting()).count())
    if back:
        forget_ticket(schema_name)  # one that got lost would stand in the way of this one
        send_ticket(schema_name)
    return back


def put_back_lost(everybody_died: bool) -> int:
    lost = Q(state__in=Document.WORKING)
    if not everybody_died:
        lost &= Q(lease=None) | Q(lease_expires_at__lt=timezone.now())
    count = 0
    for document in Document.objects.filter(lost).select_related("newest"):
        note_attempt(document, document.newest, IngestionAttempt.Outcome.INTERRUPTED)
        counted = 0 if everybody_died else 1  # when all stopped at once, it was not this document
        if document.interruptions + counted >= settings.VENA_INGESTION_INTERRUPTIONS:
            end(document, IngestionInterrupted(detail=f"{document.attempts} attempts"))
        else:
            count += moved(document, state=Document.State.QUEUED, interruptions=F("interruptions") + counted)
    return count


def end_stalled() -> None:
    before = timezone.now() - timedelta(seconds=settings.VENA_INGESTION_STALL_SECONDS)
    for document in Document.objects.filter(state__in=Document.WORKING, progressed_at__lt=before):
        note_attempt(document, document.newest, IngestionAttempt.Outcome.FAILED, failure_code=IngestionStalled.code)
        end(document, IngestionStalled(detail=f"no progress since {document.progressed_at}"))


def end(document: Document, error: VenaError) -> None:
    logger.error("document.settled", extra={"document": str(document.pk), "code": error.code})
    moved(
        document,
        state=Document.State.FAILED,
        failed_stage=document.state,
        failure_code=error.code,
        failure_message=error.text,
        failure_detail=error.detail,
    )


def moved(document: Document, **values: object) -> int:
    """Only as we found it: a worker that got on meanwhile keeps it."""
    row = Document.objects.filter(pk=document.pk, state=document.state, lease=document.lease)
    return row.update(lease=None, lease_expires_at=None, **values)
