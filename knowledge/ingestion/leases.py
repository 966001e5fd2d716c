"""One worker a document. A lease that is not renewed falls, so a killed worker holds nothing up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import F, Q
from django.utils import timezone

from knowledge.models import Document
from tenants.context import entered


class LeaseLost(Exception):
    """The document was deleted, cancelled or taken over: this worker's work no longer counts."""


def take(document_id: UUID) -> UUID | None:
    """The right to ingest the document, or None when it needs no work or another worker has it. One UPDATE."""
    now = timezone.now()
    lease = uuid.uuid4()
    taken = (
        Document.objects.filter(pk=document_id, state__in=Document.BUSY)
        .filter(Q(lease=None) | Q(lease_expires_at__lt=now))
        .update(lease=lease, lease_expires_at=now + lifetime(), attempts=F("attempts") + 1)
    )
    return lease if taken else None


def update(document_id: UUID, held: UUID, /, **values: object) -> None:
    """Change the row only while the lease is ours; renews it by the way."""
    row = Document.objects.filter(pk=document_id, lease=held, state__in=Document.BUSY)
    if not row.update(**{"lease_expires_at": timezone.now() + lifetime(), **values}):
        raise LeaseLost


def lifetime() -> timedelta:
    return timedelta(seconds=settings.VENA_INGESTION_LEASE_SECONDS)


@contextmanager
def renewed(schema_name: str, document_id: UUID, lease: UUID) -> Iterator[None]:
    """Renew from a second thread while a long step runs (a parser tells nothing for minutes)."""
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
