"""Taking a document out of every store: points, files, rows, kept vectors."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import connection, transaction

from knowledge.ingestion import checkpoints
from knowledge.ingestion.indexing import library_changed
from knowledge.models import Chunk, Document, DocumentVersion, TextVectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.spaces import spaces_of
from knowledge.types import Library

logger = logging.getLogger(__name__)


def forget_document(library: Library, document_id: UUID) -> None:
    """Points first, then files, then the rows: a kill in between leaves a row that says `deleting`, to go on from."""
    document = Document.objects.filter(pk=document_id, state=Document.State.DELETING).first()
    if document is None:
        return
    parts = document.parts.all()
    if parts:
        library_changed()  # from here on they are not found, nor is what was answered from them
    for part in parts:
        Document.objects.filter(pk=part.pk).update(state=Document.State.DELETING, lease=None)
        forget_document(library, part.pk)
    for space in spaces_of(library):
        run_in_loop(vector_index().forget_document(space, document.pk))
    for version in document.versions.all():
        forget_files(version)
    with transaction.atomic():
        hashes = set(Chunk.objects.filter(document=document).values_list("content_hash", flat=True))
        document.delete()
        forget_vectors(hashes)
        library_changed()
    logger.info("document.deleted", extra={"document": str(document_id)})


def forget_files(version: DocumentVersion) -> None:
    """A version that was only read again shares its file with the one it was read from: both go with the document."""
    if version.file:
        version.file.delete(save=False)
    checkpoints.forget_checkpoints(version)


def forget_vectors(hashes: set[str]) -> int:
    """Kept vectors of texts that no chunk holds any more."""
    if not hashes:
        return 0
    still = set(Chunk.objects.filter(content_hash__in=hashes).values_list("content_hash", flat=True))
    return TextVectors.objects.filter(content_hash__in=hashes - still).delete()[0]


def forget_unused_vectors() -> int:
    table, chunks = TextVectors._meta.db_table, Chunk._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} v WHERE NOT EXISTS "  # noqa: S608 (our own table names)
            f"(SELECT 1 FROM {chunks} c WHERE c.content_hash = v.content_hash)"
        )
        return int(cursor.rowcount)
