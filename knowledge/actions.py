"""Writes. Each is atomic; what follows from it leaves after the commit."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.db import transaction

from accounts.models import User
from knowledge.errors import DocumentTooLarge, EmptyDocument, UnsupportedFormat
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS, media_type_of
from knowledge.models import Collection, Document
from knowledge.tasks import forget_document, ingest_document
from tenants.queueing import delay_on_commit


@transaction.atomic
def collection_create(*, name: str, description: str = "") -> Collection:
    collection = Collection(name=name.strip(), description=description.strip())
    collection.full_clean()
    collection.save()
    return collection


def document_upload(
    *, schema_name: str, collection: Collection, uploaded_by: User | None, file: File[bytes]
) -> Document:
    """Store the file; queue its ingestion once workers can see the row."""
    name = PurePath(file.name or "document").name[:255]
    check_upload(name, file)
    document = Document(
        collection=collection,
        uploaded_by=uploaded_by,
        uploaded_by_label=uploaded_by.email if uploaded_by else "",
        title=PurePath(name).stem[:255] or name,
        file_name=name,
        media_type=media_type_of(name),
        size=file.size or 0,
        sha256=digest_of(file),
    )
    document.file.save(name, file, save=False)
    try:
        with transaction.atomic():
            document.full_clean(exclude=["uploaded_by"])
            document.save(force_insert=True)
            queue(schema_name, document.pk)
    except Exception:
        document.file.delete(save=False)  # no row, no file
        raise
    return document


def check_upload(name: str, file: File[bytes]) -> None:
    if PurePath(name).suffix.lower() not in SUPPORTED_EXTENSIONS:
        raise UnsupportedFormat
    if not file.size:
        raise EmptyDocument
    if file.size > settings.VENA_MAX_UPLOAD_BYTES:
        raise DocumentTooLarge(
            f"This file is larger than {settings.VENA_MAX_UPLOAD_BYTES // 1024**2} MB. "
            "Split it into smaller files, or ask your administrator to raise the limit."
        )


def digest_of(file: File[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


@transaction.atomic
def document_retry(*, schema_name: str, document: Document) -> Document:
    """Put a failed document back in line; one that is busy or ready stays as it is."""
    reset = Document.objects.filter(pk=document.pk, state=Document.State.FAILED).update(
        state=Document.State.QUEUED, failure_code="", failure_message="", failure_detail="", lease=None
    )
    if reset:
        queue(schema_name, document.pk)
    document.refresh_from_db()
    return document


@transaction.atomic
def document_delete(*, schema_name: str, document: Document) -> None:
    """Works in every state. From the commit on no answer quotes it; vectors and file follow in the background."""
    Document.objects.filter(pk=document.pk).update(state=Document.State.DELETING, lease=None, lease_expires_at=None)
    delay_on_commit(forget_document, schema_name=schema_name, document_id=str(document.pk))


def queue(schema_name: str, document_id: UUID) -> None:
    delay_on_commit(ingest_document, schema_name=schema_name, document_id=str(document_id))
