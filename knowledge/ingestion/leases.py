"""One worker a document. A lease that is not renewed falls, so a killed worker holds nothing up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from knowledge.ingestion.companions import companions
from knowledge.models import Document
from tenants.context import entered

_taking = threading.Lock()
_is_over = False  # this process ends: what waits is another one's


class LeaseLost(Exception):
    """The document was deleted, cancelled, replaced or taken over: this worker's work no longer counts."""


def waiting() -> Q:
    return Q(state=Document.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=timezone.now()))


def take_next() -> Document | None:
    """The document that waits longest, leased to us, or None. Two workers never get the same one."""
    taken, _ = take_turn(most=1)
    return taken[0] if taken else None


def take_turn(*, most: int) -> tuple[list[Document], bool]:
    """The document that waits longest and up to `most` - 1 small ones that may travel with it, under one lease; and
    whether more wait. Two workers never get the same one, and nobody gets one after `take_no_more`."""
    with _taking:
        return ([], False) if _is_over else taken_now(most)


def take_no_more() -> None:
    """This process takes no document from now on. When it returns, none is about to be taken either: what is held is
    to be seen in the rows."""
    global _is_over
    with _taking:
        _is_over = True


@transaction.atomic
def taken_now(most: int) -> tuple[list[Document], bool]:
    rows = list(
        Document.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("newest", "collection")
        .filter(waiting(), newest__isnull=False)
        .order_by("queued_at", "pk")[: most + 1 if most > 1 else 1]
    )
    taken = companions(rows, most)
    if taken:
        lease_to_us(taken)
    return taken, len(taken) < len(rows)


def lease_to_us(documents: Sequence[Document]) -> None:
    now, lease = timezone.now(), uuid.uuid4()
    for document in documents:
        is_cut = document.newest is not None and document.newest.chunked_at is not None
        document.lease = lease
        document.state = Document.State.EMBEDDING if is_cut else Document.State.READING
        document.attempts += 1
        document.work_started_at = now
    Document.objects.filter(pk__in=[document.pk for document in documents]).update(
        lease=lease,
        lease_expires_at=now + lifetime(),
        state=documents[0].state,  # a group has one
        attempts=F("attempts") + 1,
        work_started_at=now,
        progressed_at=now,
        not_before=None,
        failed_stage="",
    )


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


def update_all(document_ids: Sequence[UUID], held: UUID, /, **values: object) -> set[UUID]:
    """The same for a group under one lease, inside a transaction; returns those that are still ours, and only they
    were changed."""
    now = timezone.now()
    rows = Document.objects.filter(pk__in=document_ids, lease=held, state__in=Document.WORKING).order_by("pk")
    ours = set(rows.select_for_update().values_list("pk", flat=True))
    Document.objects.filter(pk__in=ours).update(
        **{"lease_expires_at": now + lifetime(), "progressed_at": now, **values}
    )
    return ours


def give_back(document_id: UUID, held: UUID, **values: object) -> bool:
    """End our hold with the row's next state; False when it was not ours any more."""
    row = Document.objects.filter(pk=document_id, lease=held, state__in=Document.WORKING)
    return bool(row.update(lease=None, lease_expires_at=None, **values))


def lifetime() -> timedelta:
    return timedelta(seconds=settings.VENA_INGESTION_LEASE_SECONDS)


@contextmanager
def renewed(schema_name: str, document_ids: Sequence[UUID], lease: UUID) -> Iterator[None]:
    """Renew from a second thread while a long step runs (a provider tells nothing for a minute)."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(settings.VENA_INGESTION_LEASE_SECONDS / 4):
                with entered(schema_name):
                    Document.objects.filter(pk__in=document_ids, lease=lease).update(
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
