"""Doorways: ids in, organisation named, one call. Safe to run twice."""

from __future__ import annotations

import logging
import threading
from uuid import UUID

import redis
from celery import current_app, shared_task
from celery.signals import worker_process_init, worker_ready
from django.conf import settings

from knowledge import deletion, reconciling, reembedding
from knowledge.errors import IndexUnavailable, ProviderUnavailable
from knowledge.evaluation.tasks import run_evaluation
from knowledge.ingestion import leases, turns
from knowledge.ingestion.chunking import preload
from knowledge.ingestion.groups import ingest_together
from knowledge.ingestion.leases import waiting
from knowledge.ingestion.storage import storage_meter
from knowledge.ingestion.watchdog import settle_stuck
from knowledge.models import Document
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import open_organisations

__all__ = ["run_evaluation"]  # registered with Celery by being imported here

logger = logging.getLogger(__name__)

RETRYABLE = (ProviderUnavailable, IndexUnavailable)


@worker_ready.connect
@worker_process_init.connect
def get_ready(**kwargs: object) -> None:
    """The first long text need not wait for an import of a second; nor need the worker's start."""
    threading.Thread(target=preload, name="preload", daemon=True).start()


def organisation_of(schema_name: str) -> Organisation | None:
    """The table is in the public schema alone, where every search path ends: no need to go there."""
    organisation: Organisation | None = Organisation.objects.filter(schema_name=schema_name).order_by().first()
    return organisation


@shared_task(name=turns.WORK, acks_late=True)
def work_on_documents(*, schema_name: str) -> None:
    """A ticket: take in documents of whichever organisation's turn it is. It was sent for `schema_name`."""
    turns.drawn(schema_name)
    for turn in turns.turns(drawn_for=schema_name):
        organisation = organisation_of(turn)
        if organisation is None or not organisation.is_open:
            turns.forget(turn)
        elif work_on_next(organisation, drawn_for=schema_name):
            return


def work_on_next(organisation: Organisation, *, drawn_for: str) -> bool:
    """Take in the document that waits longest, and small ones behind it; False when none waits.

    Whoever still waits gets the next ticket before the work begins, so that another worker draws it meanwhile.
    """
    schema_name = organisation.schema_name
    with entered(schema_name):
        documents, is_more = leases.take_turn(most=settings.VENA_INGESTION_GROUP)
        if not documents:
            turns.leave(schema_name)
            if not Document.objects.filter(waiting()).exists():  # one may have come in before we left
                return False
            turns.enter(schema_name)
            documents, is_more = leases.take_turn(most=settings.VENA_INGESTION_GROUP)
        if not documents:
            return False
        if drawn_for != schema_name:
            turns.send_ticket(drawn_for, at_once=True)
        if is_more:
            turns.send_ticket(schema_name, at_once=True)
        ingest_together(library_of(organisation), documents)
        return True


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, retry_backoff_max=120, max_retries=8)
def forget_document(*, schema_name: str, document_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            deletion.forget_document(library_of(organisation), UUID(document_id))


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, retry_backoff_max=120, max_retries=8)
def relabel_document(*, schema_name: str, document_id: str) -> None:
    """Tell the index of a document's new collection, tags or day."""
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            reconciling.relabel(library_of(organisation), UUID(document_id))


@shared_task
def recover_documents_everywhere() -> None:
    """Put documents back in line whose worker died or whose message was lost; settle those that are stuck."""
    queue_is_empty = queued_tasks() == 0
    for organisation in open_organisations():
        recover_documents(schema_name=organisation.schema_name, include_queued=queue_is_empty)
        resume_reembedding(organisation)


def recover_documents(*, schema_name: str, include_queued: bool, everything: bool = False) -> int:
    """`everything` is for a start after which no other worker can be alive: leases of the dead don't count."""
    with entered(schema_name):
        count = settle_stuck(schema_name, queue_is_empty=include_queued, everybody_died=everything)
        deleting = list(Document.objects.filter(state=Document.State.DELETING).values_list("pk", flat=True))
    if include_queued:
        for document_id in deleting:
            forget_document.delay(schema_name=schema_name, document_id=str(document_id))
    return count


@shared_task
def meter_storage_everywhere() -> None:
    for organisation in open_organisations():
        meter_storage.delay(schema_name=organisation.schema_name)


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=60, max_retries=3)
def meter_storage(*, schema_name: str) -> None:
    """What its documents take up on this day; once a day."""
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            storage_meter(organisation.key)


@shared_task
def reconcile_everywhere() -> None:
    for organisation in open_organisations():
        reconcile_organisation.delay(schema_name=organisation.schema_name)


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=60, max_retries=3)
def reconcile_organisation(*, schema_name: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            reconciling.reconcile(library_of(organisation))


@shared_task(acks_late=True)
def build_embeddings(*, schema_name: str, reembedding_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            reembedding.build(library_of(organisation), UUID(reembedding_id))


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, max_retries=5)
def switch_embeddings(*, schema_name: str, reembedding_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            reembedding.switch(library_of(organisation), UUID(reembedding_id))


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=2, max_retries=5)
def close_embeddings(*, schema_name: str, reembedding_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            reembedding.close(library_of(organisation), UUID(reembedding_id))


def resume_reembedding(organisation: Organisation) -> None:
    """A build whose worker died goes on where it was."""
    with entered(organisation.schema_name):
        stopped = reembedding.stopped_build()
    if stopped:
        build_embeddings.delay(schema_name=organisation.schema_name, reembedding_id=str(stopped))


def queued_tasks() -> int:
    """Messages that wait for a worker, by Redis' own count."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        names = {current_app.conf.task_default_queue, turns.QUEUE}
        return sum(int(client.llen(f"{prefix}{name}")) for name in names)
    finally:
        client.close()
