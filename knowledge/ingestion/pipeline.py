"""The life of a document: read, chunk, embed, publish. Every stage is told to the row; every end has a reason."""

from __future__ import annotations

import logging
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from knowledge.errors import IndexUnavailable, IngestionError, ProviderRefused, ProviderUnavailable
from knowledge.ingestion import leases
from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.indexing import index_chunks, publish
from knowledge.ingestion.leases import LeaseLost
from knowledge.ingestion.reading import ReadLimits, read_document
from knowledge.models import Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, vector_index
from knowledge.types import ChunkDraft, Library, ParsedDocument
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


class IngestionCrashed(VenaError):
    code = "ingestion_crashed"
    message = "Something went wrong on our side while reading this file. Try again; we have been told about it."


class FileMissing(IngestionError):
    code = "file_missing"
    message = "The stored file is missing. Upload it again."


def ingest(*, library: Library, document_id: UUID) -> None:
    """Run inside the organisation's schema. Safe to repeat and to kill: ends ready, failed, or free for another worker.

    Raises ProviderUnavailable and IndexUnavailable, with the document queued again, so that the task can retry.
    """
    lease = leases.take(document_id)
    if lease is None:
        return
    document = Document.objects.select_related("collection").get(pk=document_id)
    try:
        with leases.renewed(library.tenant.schema_name, document_id, lease):
            run_stages(library, document, lease)
        logger.info("document.ingested", extra={"document": str(document_id)})
    except LeaseLost:
        forget_if_unwanted(library, document_id)
    except (ProviderUnavailable, IndexUnavailable):
        release(document_id, lease)
        raise
    except (IngestionError, ProviderRefused) as error:
        settle_failed(library, document_id, lease, error)
    except Exception as error:
        logger.exception("document.crashed", extra={"document": str(document_id)})
        settle_failed(library, document_id, lease, IngestionCrashed(detail=repr(error)))


def run_stages(library: Library, document: Document, lease: UUID) -> None:
    leases.update(document.pk, lease, state=Document.State.READING, progress_done=0, progress_total=0)
    parsed = read(document)
    leases.update(document.pk, lease, state=Document.State.CHUNKING, page_count=parsed.page_count)
    drafts = chunk(library, document, parsed)
    leases.update(document.pk, lease, state=Document.State.EMBEDDING, progress_total=len(drafts))
    run_in_loop(vector_index().prepare(library.space))
    index_chunks(
        library,
        document,
        drafts,
        lease=lease,
        report=lambda done: leases.update(document.pk, lease, progress_done=done),
    )
    publish(document, drafts, lease=lease, ready_at=timezone.now())


def read(document: Document) -> ParsedDocument:
    path = Path(document.file.path)
    if not path.exists():
        raise FileMissing(detail=str(path))
    limits = ReadLimits(max_pages=settings.VENA_MAX_PAGES)
    return read_document(path, file_name=document.file_name, limits=limits)


def chunk(library: Library, document: Document, parsed: ParsedDocument) -> list[ChunkDraft]:
    model = embedder(library.embedding_provider)
    return chunk_document(parsed, title=document.title, count_tokens=model.count_tokens)


def release(document_id: UUID, lease: UUID) -> None:
    held = Document.objects.filter(pk=document_id, lease=lease, state__in=Document.BUSY)
    held.update(lease=None, lease_expires_at=None, state=Document.State.QUEUED)


def settle_failed(library: Library, document_id: UUID, lease: UUID, error: VenaError) -> None:
    logger.warning("document.failed", extra={"document": str(document_id), "code": error.code, "detail": error.detail})
    failed = Document.objects.filter(pk=document_id, lease=lease, state__in=Document.BUSY).update(
        state=Document.State.FAILED,
        lease=None,
        lease_expires_at=None,
        failure_code=error.code,
        failure_message=error.text,
        failure_detail=error.detail,
    )
    if not failed:
        forget_if_unwanted(library, document_id)


def forget_if_unwanted(library: Library, document_id: UUID) -> None:
    """The document was deleted under our hands: what we stored after that must go as well."""
    if not Document.objects.filter(pk=document_id).exclude(state=Document.State.DELETING).exists():
        run_in_loop(vector_index().forget_document(library.space, document_id))
