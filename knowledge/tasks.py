"""Doorways: ids in, organisation named, one call. Safe to run twice."""

from __future__ import annotations

import logging
from uuid import UUID

import redis
from celery import current_app, shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from knowledge.errors import IndexUnavailable, ProviderUnavailable
from knowledge.ingestion.pipeline import ingest
from knowledge.models import Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import open_organisations

logger = logging.getLogger(__name__)

RETRYABLE = (ProviderUnavailable, IndexUnavailable)


def organisation_of(schema_name: str) -> Organisation:
    with entered("public"):
        organisation: Organisation = Organisation.objects.get(schema_name=schema_name)
        return organisation


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, retry_backoff_max=120, max_retries=8)
def ingest_document(*, schema_name: str, document_id: str) -> None:
    library = library_of(organisation_of(schema_name))
    with entered(schema_name):
        ingest(library=library, document_id=UUID(document_id))


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, retry_backoff_max=120, max_retries=8)
def forget_document(*, schema_name: str, document_id: str) -> None:
    """Remove vectors, then the file, then the row: a kill in between leaves a row that says `deleting`."""
    library = library_of(organisation_of(schema_name))
    with entered(schema_name):
        document = Document.objects.filter(pk=document_id, state=Document.State.DELETING).first()
        if document is None:
            return
        run_in_loop(vector_index().forget_document(library.space, document.pk))
        document.file.delete(save=False)
        document.delete()
    logger.info("document.deleted", extra={"document": document_id})


@shared_task
def recover_documents_everywhere() -> None:
    """Put documents back in line whose worker died or whose message was lost."""
    queue_is_empty = queued_tasks() == 0
    for organisation in open_organisations():
        recover_documents(schema_name=organisation.schema_name, include_queued=queue_is_empty)


def recover_documents(*, schema_name: str, include_queued: bool, everything: bool = False) -> int:
    """`everything` is for a start after which no other worker can be alive: leases of the dead don't count."""
    with entered(schema_name):
        expired = Q() if everything else Q(lease_expires_at__lt=timezone.now())
        lost = Q(state__in=Document.BUSY, lease__isnull=False) & expired
        if include_queued:
            lost |= Q(state=Document.State.QUEUED, lease=None)
        documents = list(Document.objects.filter(lost).values_list("pk", flat=True))
        Document.objects.filter(pk__in=documents).update(lease=None, lease_expires_at=None, state=Document.State.QUEUED)
        deleting = list(Document.objects.filter(state=Document.State.DELETING).values_list("pk", flat=True))
    for document_id in documents:
        ingest_document.delay(schema_name=schema_name, document_id=str(document_id))
    if include_queued:
        for document_id in deleting:
            forget_document.delay(schema_name=schema_name, document_id=str(document_id))
    return len(documents)


def queued_tasks() -> int:
    """Messages that wait for a worker, by Redis' own count."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        names = {current_app.conf.task_default_queue, "ingestion"}
        return sum(int(client.llen(f"{prefix}{name}")) for name in names)
    finally:
        client.close()
