"""A file comes in: a new document, a new version of a known one, or nothing new at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.core.files import File
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from billing.limits import MEGABYTE, limits_of
from knowledge.errors import (
    DocumentTooLarge,
    EmptyDocument,
    IngestionError,
    StorageFull,
    TooManyDocuments,
    UnsupportedFormat,
    UploadConflict,
)
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS, media_type_of
from knowledge.ingestion.turns import send_ticket
from knowledge.models import Collection, Document, DocumentVersion
from knowledge.recipe import recipe_of
from tenants.models import Organisation


class Change(StrEnum):
    CREATED = "created"
    VERSION = "version"  # the document has a new version
    UNCHANGED = "unchanged"  # this very file is what the document already is, or its page is being fetched now
    REFETCHED = "refetched"  # its page is fetched again, and is a new version if it has changed


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known of a file before it is read. `key` says which document it is; see `document_key`."""

    key: str
    name: str  # the file's
    title: str
    external_id: str = ""
    source_url: str = ""
    page_limit: int | None = None  # of a sitemap
    tags: Sequence[str] | None = None  # None leaves a known document's as they are
    dated: date | None = None
    parent: Document | None = None
    person: User | None = None
    person_label: str = field(default="")

    @property
    def label(self) -> str:
        return self.person.email if self.person else self.person_label


def document_key(*, name: str = "", external_id: str = "", url: str = "", parent: UUID | None = None) -> str:
    """What makes an upload the same document: the caller's id, else the address, else the file's name.

    Inside an archive or a mail names count for that document alone.
    """
    if external_id:
        return f"id:{external_id}"
    inside = f"part:{parent}:" if parent else "name:"
    key = f"url:{url}" if url else f"{inside}{name.lower()}"
    return key if len(key) <= 600 else f"{key[:500]}:{hashlib.sha256(key.encode()).hexdigest()}"


def check_upload(name: str, size: int, organisation_id: UUID) -> None:
    if PurePath(name).suffix.lower() not in SUPPORTED_EXTENSIONS:
        raise UnsupportedFormat
    if not size:
        raise EmptyDocument
    most = limits_of(organisation_id).max_bytes
    if size > most:
        raise DocumentTooLarge(
            f"This file is larger than {most // MEGABYTE} MB. "
            "Split it into smaller files, or ask your administrator to raise the limit."
        )


def store_upload(
    *,
    schema_name: str,
    collection: Collection,
    upload: Upload,
    file: File[bytes] | None,
    problem: IngestionError | None = None,
) -> tuple[Document, Change]:
    """Store the file and put its document in line once workers can see the row. No row, no file; no file, no row.

    `file` is None for a web page: the worker fetches it. With a `problem` that is known already, the document is
    failed from the start and says why.
    """
    version = version_of_upload(collection, upload, file)
    known = known_document(collection, upload.key)
    if known and is_same(known, version):
        return Document.objects.select_related("newest", "current").order_by().get(pk=known["pk"]), Change.UNCHANGED
    if file:
        check_storage(schema_name, version.size)
        version.file.save(upload.name, file, save=False)
    try:
        return placed(schema_name, collection, upload, version, problem, is_known=known is not None)
    except Exception:
        if version.file:
            version.file.delete(save=False)
        raise


def version_of_upload(collection: Collection, upload: Upload, file: File[bytes] | None) -> DocumentVersion:
    return DocumentVersion(
        file_name=upload.name,
        media_type=known_media_type(upload.name),
        size=file.size or 0 if file else 0,
        sha256=digest_of(file) if file else "",
        created_by=upload.person,
        created_by_label=upload.label,
        recipe=recipe_of(collection),
    )


def organisation_id(schema_name: str) -> UUID:
    """Who is entered is known already; the row is asked for only from elsewhere."""
    entered = getattr(connection, "tenant", None)
    if isinstance(entered, Organisation) and entered.schema_name == schema_name:
        return entered.key.id
    pk: UUID = Organisation.objects.values_list("pk", flat=True).get(schema_name=schema_name)
    return pk


def check_room(schema_name: str) -> None:
    """Versions of known documents always have room. Uploads at the same moment may pass the limit by their number."""
    most = limits_of(organisation_id(schema_name)).max_documents
    if most is not None and Document.objects.exclude(state=Document.State.DELETING).count() >= most:
        raise TooManyDocuments(detail=f"{most}")


def check_storage(schema_name: str, size: int) -> None:
    """New versions need storage too: the ones before them are kept."""
    left = storage_left(schema_name)
    if left is not None and size > left:
        raise StorageFull(detail=f"{size} of {left}")


def storage_left(schema_name: str) -> int | None:
    """Bytes; None without a limit."""
    most = limits_of(organisation_id(schema_name)).max_stored_bytes
    return None if most is None else max(0, most - stored_bytes())


def stored_bytes() -> int:
    """Of all versions of documents."""
    return DocumentVersion.objects.aggregate(all=Sum("size"))["all"] or 0


def known_document(collection: Collection, key: str) -> Mapping[str, Any] | None:
    """What must be known of the document with this key to tell whether anything is new. A few columns: it is asked for
    with every upload."""
    rows = Document.objects.filter(collection=collection, key=key).exclude(state=Document.State.DELETING)
    return rows.order_by().values("pk", "state", "newest__sha256", "newest__recipe").first()


def is_same(known: Mapping[str, Any], version: DocumentVersion) -> bool:
    """The same bytes, read with the same recipe, and not failed: then there is nothing to do."""
    is_read_so = (known["newest__sha256"], known["newest__recipe"]) == (version.sha256, version.recipe)
    return bool(version.sha256) and is_read_so and known["state"] != Document.State.FAILED


def placed(
    schema_name: str,
    collection: Collection,
    upload: Upload,
    version: DocumentVersion,
    problem: IngestionError | None,
    *,
    is_known: bool,
) -> tuple[Document, Change]:
    for look in (is_known, True):
        try:
            with transaction.atomic():
                document = locked(collection, upload.key) if look else None
                if document is None:
                    check_room(schema_name)
                    return created(schema_name, collection, upload, version, problem), Change.CREATED
                change = change_of(document, version)
                if change is Change.UNCHANGED:
                    return document, change
                if version.file or not awaits_fetch(document):
                    add_version(document, version)
                document_queue(schema_name, document, problem=problem, **changed_facts(upload, change))
                return document, change
        except IntegrityError:  # somebody else uploaded the same name at this moment: ours is the next version
            continue
    raise UploadConflict


def change_of(document: Document, version: DocumentVersion) -> Change:
    if version.file:
        return Change.VERSION
    return Change.UNCHANGED if document.is_busy else Change.REFETCHED


def awaits_fetch(document: Document) -> bool:
    """Its newest version is a page that was never brought: that one is fetched, however often it is asked for."""
    return document.newest is not None and not document.newest.file and document.newest.ready_at is None


def locked(collection: Collection, key: str) -> Document | None:
    return (
        Document.objects.select_for_update(of=("self",))
        .select_related("newest", "current")
        .filter(collection=collection, key=key)
        .exclude(state=Document.State.DELETING)
        .order_by()
        .first()
    )


def created(
    schema_name: str, collection: Collection, upload: Upload, version: DocumentVersion, problem: IngestionError | None
) -> Document:
    """Both rows in two statements: each names the other, and the database looks at that when they are committed."""
    document = new_document(collection, upload, version, problem)
    document.save(force_insert=True)
    version.save(force_insert=True)
    if not problem:
        transaction.on_commit(lambda: send_ticket(schema_name))
    return document


def new_document(
    collection: Collection, upload: Upload, version: DocumentVersion, problem: IngestionError | None = None
) -> Document:
    """Not stored yet, with its first version."""
    document = Document(
        collection=collection,
        parent=upload.parent,
        key=upload.key,
        external_id=upload.external_id,
        source_url=upload.source_url,
        page_limit=upload.page_limit,
        title=upload.title[:255] or upload.name,
        tags=list(upload.tags or ()),
        dated=upload.dated or timezone.now().date(),
        uploaded_by=upload.person,
        uploaded_by_label=upload.label,
        newest=version,
        **waiting_facts(problem),
    )
    document.clean_fields(exclude=["collection", "uploaded_by", "current", "newest", "parent", "source_url"])
    version.document, version.number = document, 1
    return document


def add_version(document: Document, version: DocumentVersion) -> None:
    latest = document.versions.order_by("-number").values_list("number", flat=True).first()
    version.document = document
    version.number = (latest or 0) + 1
    version.save(force_insert=True)
    document.newest = version


def changed_facts(upload: Upload, change: Change) -> dict[str, Any]:
    if change is Change.REFETCHED and upload.parent:  # a page keeps its own tags
        return {}
    tags = None if upload.tags is None else list(upload.tags)
    told = {"tags": tags, "dated": upload.dated, "page_limit": upload.page_limit}
    return {name: value for name, value in told.items() if value is not None}


def document_queue(
    schema_name: str, document: Document, *, problem: IngestionError | None = None, **values: object
) -> None:
    """Put the newest version in line, whatever the document was doing: a worker that has it loses its hold."""
    facts = waiting_facts(problem) | values
    for name, value in facts.items():
        setattr(document, name, value)
    Document.objects.filter(pk=document.pk).update(newest=document.newest, **facts)
    if not problem:
        transaction.on_commit(lambda: send_ticket(schema_name))


def waiting_facts(problem: IngestionError | None) -> dict[str, Any]:
    """What a row says that stands in line, or that has failed from the start."""
    return {
        "state": Document.State.FAILED if problem else Document.State.QUEUED,
        "queued_at": timezone.now(),
        "not_before": None,
        "attempts": 0,
        "interruptions": 0,
        "progress_done": 0,
        "progress_total": 0,
        "failure_code": problem.code if problem else "",
        "failure_message": problem.text if problem else "",
        "failure_detail": problem.detail if problem else "",
        "lease": None,
        "lease_expires_at": None,
    }


def known_media_type(name: str) -> str:
    try:
        return media_type_of(name)
    except UnsupportedFormat:
        return ""


def digest_of(file: File[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()
