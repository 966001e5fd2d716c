"""The life of a document: fetch, read, chunk, embed, publish. The row knows the stage; every end has a reason."""

from __future__ import annotations

import logging
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from uuid import uuid5

from django.utils import timezone

from billing.limits import limits_of
from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.errors import (
    FileMissing,
    IndexUnavailable,
    IngestionCrashed,
    IngestionError,
    ProviderRefused,
    ProviderUnavailable,
    UrlRateLimited,
)
from knowledge.ingestion import checkpoints, leases
from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.context import add_context
from knowledge.ingestion.indexing import (
    LibraryMoved,
    forget_replaced,
    index_chunks,
    note_attempt,
    publish,
    store_chunks,
)
from knowledge.ingestion.jobs import Job, TurnOver
from knowledge.ingestion.leases import LeaseLost
from knowledge.ingestion.parsed_file import CheckpointUnreadable, read_parsed
from knowledge.ingestion.parts import store_parts
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.ingestion.sandbox import parse
from knowledge.ingestion.turns import Patience, send_ticket
from knowledge.ingestion.web.taking_in import bring_page, bring_pages, entitle, leave_as_it_is
from knowledge.models import Document, DocumentVersion, IngestionAttempt
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, vector_index
from knowledge.types import ChunkDraft, Library, ParsedDocument
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

MOST_TRIES = 8  # of a provider or an index that does not answer
LONGEST_DELAY = 120  # seconds
Outcome = IngestionAttempt.Outcome


def ingest(library: Library, document: Document) -> None:
    """Take in a document that `leases.take_next` gave us, inside the organisation's schema.

    Safe to repeat and to kill: it ends ready, failed, or free for another worker. Raises nothing that we expect.
    """
    job = job_of(library, document, Patience(library.tenant.schema_name))
    try:
        with leases.renewed(job.schema_name, [document.pk], job.lease):
            run_stages(job)
    except LeaseLost:
        forget_if_unwanted(job)
    except (TurnOver, LibraryMoved):
        put_back(job, Outcome.YIELDED)
    except (ProviderUnavailable, IndexUnavailable, UrlRateLimited) as error:
        put_back_or_fail(job, error)
    except (IngestionError, ProviderRefused) as error:
        settle_failed(job, error)
    except Exception as error:
        logger.exception("document.crashed", extra={"document": str(document.pk)})
        settle_failed(job, IngestionCrashed(detail=repr(error)))


def job_of(library: Library, document: Document, patience: Patience) -> Job:
    version, lease = document.newest, document.lease
    if version is None or lease is None:
        raise LeaseLost
    return Job(library, document, version, lease, patience, is_resumed=version.chunked_at is not None)


def run_stages(job: Job) -> None:
    if job.version.chunked_at is None and not cut_up(job):
        leave_as_it_is(job)
        return
    if job.document.collection.is_contextual:
        job.rows = None  # they get a sentence each
        with job.timed("context"):
            add_context(job)
    with job.timed("embedding"):
        index_chunks(job)
    publish(job)
    forget_replaced(job)
    checkpoints.forget_checkpoints(job.version)
    logger.info("document.ingested", extra={"document": str(job.document.pk), "chunks": job.version.chunk_count})


# -- stages ---------------------------------------------------------------------------------------


def cut_up(job: Job) -> bool:
    """Fetch what comes from the web, read it and cut it; False when it is what readers have already."""
    if job.document.page_limit is not None:
        with job.timed("fetching"):
            return bring_pages(job)
    if job.document.source_url and not job.version.file:
        with job.timed("fetching"):
            if not bring_page(job):
                return False
    parsed = read(job)
    meter_recognition(job, parsed)
    entitle(job, parsed)
    with job.timed("chunking"):
        if len(parsed.blocks) > 2000:
            job.update(state=Document.State.CHUNKING)
        drafts = chunk(job, parsed)
        store_parts(job, parsed.parts)
        job.rows = store_chunks(job, drafts, page_count=parsed.page_count, part_count=len(parsed.parts))
    return True


def read(job: Job) -> ParsedDocument:
    """In a child process that can be stopped. What it found is kept, so that a later attempt need not read again."""
    output = checkpoints.parsed_path(job.version)
    with job.timed("reading"):
        if parsed := kept(output):
            return parsed
        path = Path(job.version.file.path)
        if not path.exists():
            raise FileMissing(detail=str(path))
        return parse(
            path,
            file_name=job.version.file_name,
            limits=limits_for(job),
            output=output,
            parts_folder=checkpoints.empty_parts_folder(job.version),
            check=job.check,
        )


def kept(output: Path) -> ParsedDocument | None:
    """What an earlier attempt read, if it can still be used."""
    try:
        return read_parsed(output) if output.exists() else None
    except CheckpointUnreadable:
        return None


def meter_recognition(job: Job, parsed: ParsedDocument) -> None:
    """Pages whose text was recognised, once for each version however often it is read."""
    if parsed.recognised_pages:
        record_usage([recognition_record(job, parsed.recognised_pages)])


def recognition_record(job: Job, pages: int) -> UsageRecord:
    return UsageRecord(
        key=uuid5(job.version.pk, "ocr"),
        tenant=job.library.tenant,
        kind="ocr",
        outcome="complete",
        provider="local",
        model="tesseract",
        input_tokens=0,
        cached_input_tokens=0,
        output_tokens=0,
        quantity=pages,
        member_id=job.version.created_by_id,
        member_label=job.version.created_by_label,
        subject=job.document.pk,
        collection_ids=(job.document.collection_id,),
    )


def limits_for(job: Job) -> ReadLimits:
    allowed = limits_of(job.library.tenant.id)
    names = {field.name for field in fields(ReadLimits)}
    return ReadLimits(**{field.name: getattr(allowed, field.name) for field in fields(allowed) if field.name in names})


def chunk(job: Job, parsed: ParsedDocument) -> list[ChunkDraft]:
    model = embedder(job.library.embedding_provider)
    return chunk_document(parsed, title=job.document.title, count_tokens=model.count_tokens)


# -- ends -----------------------------------------------------------------------------------------


def put_back(job: Job, outcome: str, *, delay: float = 0) -> None:
    """Free for another worker, in its old place in line."""
    later = timezone.now() + timedelta(seconds=delay) if delay else None
    held = leases.give_back(job.document.pk, job.lease, state=Document.State.QUEUED, not_before=later)
    if held:
        note_attempt(job.document, job.version, outcome, **job.figures())
        send_ticket(job.schema_name, delay=delay)
    else:
        forget_if_unwanted(job)


def put_back_or_fail(job: Job, error: VenaError) -> None:
    before = job.document.ingestion_attempts.filter(outcome=Outcome.PUT_BACK, started_at__gte=job.document.queued_at)
    tries = before.count() + 1
    if tries >= MOST_TRIES:
        settle_failed(job, error)
        return
    logger.warning("document.put_back", extra={"document": str(job.document.pk), "code": error.code})
    wished = getattr(error, "retry_after", None) or 2**tries
    put_back(job, Outcome.PUT_BACK, delay=min(float(wished), LONGEST_DELAY))


def settle_failed(job: Job, error: VenaError) -> None:
    logger.warning(
        "document.failed", extra={"document": str(job.document.pk), "code": error.code, "detail": error.detail}
    )
    failed = leases.give_back(
        job.document.pk,
        job.lease,
        state=Document.State.FAILED,
        failed_stage=job.stage,
        failure_code=error.code,
        failure_message=error.text,
        failure_detail=error.detail,
    )
    if failed:
        note_attempt(job.document, job.version, Outcome.FAILED, failure_code=error.code, **job.figures())
    else:
        forget_if_unwanted(job)


def forget_if_unwanted(job: Job) -> None:
    """The document was deleted under our hands: what we stored after that must go as well."""
    if not Document.objects.filter(pk=job.document.pk).exclude(state=Document.State.DELETING).exists():
        run_in_loop(vector_index().forget_document(job.library.space, job.document.pk))
        version: DocumentVersion = job.version
        checkpoints.forget_checkpoints(version)
