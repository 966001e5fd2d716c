"""One worker a document. A lease that is not renewed falls, so a killed worker holds nothing up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from knowledge.models import Document
from tenants.context import entered


class LeaseLost(Exception):
    """The document was deleted, cancelled, replaced or taken over: this worker's work no longer counts."""


def waiting() -> Q:
    return Q(state=Document.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=timezone.now()))


@transaction.atomic
def take_next() -> Document | None:
    """The document that waits longest, leased to us, or None. Two workers never get the same one."""
    document = (
        Document.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("newest", "collection")
        .filter(waiting())
        .order_by("queued_at", "pk")
        .first()
    )
    if document is None or document.newest is None:
        return None
    now = timezone.now()
    document.lease = uuid.uuid4()
    document.state = Document.State.EMBEDDING if document.newest.chunked_at else Document.State.READING
    document.attempts += 1
    document.work_started_at = now
    Document.objects.filter(pk=document.pk).update(
        lease=document.lease,
        lease_expires_at=now + lifetime(),
        state=document.state,
        attempts=F("attempts") + 1,
        work_started_at=now,
        progressed_at=now,
        not_before=None,
        failed_stage="",
    )
    return document


def update(document_id: UUID, held: UUID, /, **values: object) -> None:
    """Change the row only while the lease is ours; renews it by the way, and tells the watchdog that we get on."""
    now = timezone.now()
    row = Document.objects.filter(pk=document_id, lease=held, state__in=Document.WORKING)
    if not row.update(**{"lease_expires_at": now + lifetime(), "progressed_at": now, **values}):
        raise LeaseLost


def check(document_id: UUID, held: UUID) -> None:
    """Raise when the work is no longer wanted."""
    if not Document.objects.filter(pk=document_id, lease=held, state__in=Document.WORKING).exists():
        raise LeaseLost


def give_back(document_id: UUID, held: UUID, **values: object) -> bool:
    """End our hold with the row's next state; False when it was not ours any more."""
    row = Document.objects.filter(pk=document_id, lease=held, state__in=Document.WORKING)
    return bool(row.update(lease=None, lease_expires_at=None, **values))


def lifetime() -> timedelta:
    return timedelta(seconds=settings.VENA_INGESTION_LEASE_SECONDS)


@contextmanager
def renewed(schema_name: str, document_id: UUID, lease: UUID) -> Iterator[None]:
    """Renew from a second thread while a long step runs (a provider tells nothing for a minute)."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(settings.VENA_INGESTION_LEASE_SECONDS / 4):
                with entered(schema_name):
                    Document.objects.filter(pk=document_id, lease=lease).update(
                        lease_expires_at=timezone.now() + lifetime()
                    )
        finally:
            connections.close_all()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
