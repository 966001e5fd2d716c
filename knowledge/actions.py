"""Writes. Each is atomic; what follows from it leaves after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.facts import facts_now
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.actions import MOST_NAMED
from accounts.selectors import groups_by_id
from knowledge import reembedding
from knowledge.errors import ContextImpossible, IngestionCancelled, IngestionError, NotFromWeb, UnknownLanguage
from knowledge.ingestion.context import can_compose
from knowledge.ingestion.indexing import library_changed, note_attempt
from knowledge.ingestion.many_uploads import Outcome, store_uploads
from knowledge.ingestion.uploads import (
    Change,
    Upload,
    add_version,
    check_upload,
    document_key,
    document_queue,
    organisation_id,
    store_upload,
)
from knowledge.ingestion.web.addresses import address_of
from knowledge.ingestion.web.taking_in import rules, upload_of
from knowledge.models import Collection, Document, DocumentVersion, IngestionAttempt, Reembedding
from knowledge.providers.bm25 import LANGUAGES
from knowledge.recipe import recipe_of
from knowledge.selectors import documents_with_another_recipe
from knowledge.tasks import build_embeddings, close_embeddings, forget_document, relabel_document, switch_embeddings
from knowledge.types import Library
from tenants.queueing import delay_on_commit
from vena_platform.errors import VenaError

MOST_TAGS = 20


@transaction.atomic
def collection_create(*, name: str, description: str = "", language: str = "english", **access: Any) -> Collection:
    """`access` as in `collection_open_to`."""
    collection = Collection(name=name.strip(), description=description.strip(), language=known_language(language))
    collection.full_clean()
    collection.save()
    audit(Action.COLLECTION_ADDED, target=collection.name, target_id=str(collection.pk))
    return collection_open_to(collection=collection, **access)


@transaction.atomic
def collection_open_to(
    *,
    collection: Collection,
    access: str | None = None,
    readers: Sequence[UUID] | None = None,
    writers: Sequence[UUID] | None = None,
) -> Collection:
    """Who may read and write it, by ids of groups; what is None stays. Counts from the next question and click on:
    the scope of each is worked out afresh, and is part of the key of every cached answer."""
    if access is not None:
        collection.access = access
        collection.save(update_fields=["access"])
    for named, ids in ((collection.readers, readers), (collection.writers, writers)):
        if ids is not None:
            named.set(groups_by_id(ids))
    if not (access is None and readers is None and writers is None):
        audit(
            Action.COLLECTION_ACCESS_CHANGED,
            target=collection.name,
            target_id=str(collection.pk),
            detail={"access": collection.access, "readers": ids_of(readers), "writers": ids_of(writers)},
        )
    return collection


def ids_of(groups: Sequence[UUID] | None) -> list[str] | None:
    """As the audit log keeps them; None: they stayed as they were."""
    return None if groups is None else sorted(str(one) for one in groups)[:MOST_NAMED]


@transaction.atomic
def collection_change(*, collection: Collection, **changes: Any) -> Collection:
    """Name, description, language of keyword search, contextual sentences. Documents keep what they were read with
    until they are read again: `documents_reindex`."""
    if changes.get("is_contextual") and not can_compose():
        raise ContextImpossible
    if "language" in changes:
        known_language(changes["language"])
    for name, value in changes.items():
        setattr(collection, name, value)
    collection.full_clean()
    collection.save()
    fields = sorted(changes)
    audit(Action.COLLECTION_CHANGED, target=collection.name, target_id=str(collection.pk), detail={"fields": fields})
    return collection


def known_language(language: str) -> str:
    if language not in LANGUAGES:
        raise UnknownLanguage
    return language


# -- coming in ------------------------------------------------------------------------------------


def document_upload(
    *,
    schema_name: str,
    collection: Collection,
    uploaded_by: User | None,
    file: File[bytes],
    title: str = "",
    external_id: str = "",
    tags: Sequence[str] | None = None,
    dated: date | None = None,
) -> Document:
    document, _ = document_take_in(
        schema_name=schema_name,
        collection=collection,
        uploaded_by=uploaded_by,
        file=file,
        title=title,
        external_id=external_id,
        tags=tags,
        dated=dated,
    )
    return document


def document_take_in(
    *,
    schema_name: str,
    collection: Collection,
    uploaded_by: User | None,
    file: File[bytes],
    title: str = "",
    external_id: str = "",
    tags: Sequence[str] | None = None,
    dated: date | None = None,
) -> tuple[Document, Change]:
    """A new document, or a new version of the one that has this external id, else this file name."""
    upload = upload_for(
        file, organisation_id(schema_name), title=title, external_id=external_id, tags=tags, dated=dated, by=uploaded_by
    )
    return noted(store_upload(schema_name=schema_name, collection=collection, upload=upload, file=file))


def documents_take_in(
    *,
    schema_name: str,
    collection: Collection,
    uploaded_by: User | None,
    files: Sequence[File[bytes]],
    tags: Sequence[str] | None = None,
    dated: date | None = None,
) -> list[Outcome]:
    """The same for many files at once, each a document or a version by its name. What is wrong with one of them stands
    in its place of the list and keeps none of the others out."""
    organisation, refused = organisation_id(schema_name), dict[int, Outcome]()
    uploads: list[tuple[Upload, File[bytes]]] = []
    for place, file in enumerate(files):
        try:
            uploads.append((upload_for(file, organisation, tags=tags, dated=dated, by=uploaded_by), file))
        except IngestionError as error:
            refused[place] = error
    stored = iter(store_uploads(schema_name=schema_name, collection=collection, uploads=uploads))
    outcomes = [refused.get(place) or next(stored) for place in range(len(files))]
    note_uploads([one for one in outcomes if not isinstance(one, VenaError)])
    return outcomes


def noted(outcome: tuple[Document, Change]) -> tuple[Document, Change]:
    note_uploads([outcome])
    return outcome


def note_uploads(outcomes: Sequence[tuple[Document, Change]]) -> None:
    """One entry of the audit log for whatever came in together; none for files that were here already."""
    new = [document for document, change in outcomes if change is not Change.UNCHANGED]
    if new:
        only = new[0] if len(new) == 1 else None
        audit(
            Action.DOCUMENTS_UPLOADED,
            actor=new[0].uploaded_by if facts_now() is None else None,
            target=only.title if only else f"{len(new)} documents",
            target_id=str(only.pk) if only else "",
            detail={"documents": [str(document.pk) for document in new]},
        )


def upload_for(
    file: File[bytes],
    organisation: UUID,
    *,
    by: User | None,
    title: str = "",
    external_id: str = "",
    tags: Sequence[str] | None = None,
    dated: date | None = None,
) -> Upload:
    """Raises what the file is refused for before it is read."""
    name = PurePath(file.name or "document").name[-255:]
    check_upload(name, file.size or 0, organisation)
    return Upload(
        key=document_key(name=name, external_id=external_id),
        name=name,
        title=title or PurePath(name).stem,
        external_id=external_id,
        tags=None if tags is None else cleaned_tags(tags),
        dated=dated,
        person=by,
    )


def document_add_url(
    *,
    schema_name: str,
    collection: Collection,
    uploaded_by: User | None,
    url: str,
    is_sitemap: bool = False,
    max_pages: int | None = None,
    title: str = "",
    tags: Sequence[str] | None = None,
    dated: date | None = None,
) -> tuple[Document, Change]:
    """A page of the web, or the pages a sitemap names. A worker fetches it; a known address is fetched again."""
    most = settings.VENA_WEB_MAX_PAGES
    upload = upload_of(
        address_of(url, rules()),
        title=title,
        page_limit=min(max_pages or most, most) if is_sitemap else None,
        tags=None if tags is None else cleaned_tags(tags),
        dated=dated,
        person=uploaded_by,
    )
    return noted(store_upload(schema_name=schema_name, collection=collection, upload=upload, file=None))


def cleaned_tags(tags: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(" ".join(tag.split())[:60] for tag in tags if tag.strip()))
    return wanted[:MOST_TAGS]


# -- changing -------------------------------------------------------------------------------------


@transaction.atomic
def document_change(*, schema_name: str, document: Document, **changes: Any) -> Document:
    """Title, tags, day, collection. The index learns of it in the background; scopes are checked in rows at once."""
    if "tags" in changes:
        changes["tags"] = cleaned_tags(changes["tags"])
    for name, value in changes.items():
        setattr(document, name, value)
    document.full_clean(exclude=["uploaded_by", "current", "newest", "parent", "source_url"])
    document.save(update_fields=list(changes))
    library_changed()  # at once: an answer from the cache would show it where, and as what, it was
    moved = parts_move(document) if "collection" in changes else []
    if changes.keys() & {"tags", "dated", "collection"}:
        for each in (document.pk, *moved):
            delay_on_commit(relabel_document, schema_name=schema_name, document_id=str(each))
    return document


def parts_move(document: Document) -> list[UUID]:
    """The files inside go where the document goes: else they would stay readable where it no longer is."""
    moved: list[UUID] = []
    inside = list(document.parts.values_list("pk", flat=True))
    while inside:
        Document.objects.filter(pk__in=inside).update(collection=document.collection)
        moved += inside
        inside = list(Document.objects.filter(parent__in=inside).values_list("pk", flat=True))
    return moved


@transaction.atomic
def document_retry(*, schema_name: str, document: Document) -> Document:
    """Put a failed document back in line: it goes on at the stage that failed. Others stay as they are."""
    row = Document.objects.select_for_update().get(pk=document.pk)
    if row.state == Document.State.FAILED and row.newest:
        document_queue(schema_name, row)
    document.refresh_from_db()
    return document


@transaction.atomic
def document_cancel(*, schema_name: str, document: Document) -> Document:
    """Stop taking it in. At once for everybody who looks; the worker lets go within seconds."""
    row = Document.objects.select_for_update().get(pk=document.pk)
    if row.is_busy:
        note_attempt(row, row.newest, IngestionAttempt.Outcome.CANCELLED)
        stage = row.state
        row.fail(IngestionCancelled())
        row.lease = row.lease_expires_at = None
        row.failed_stage = stage
        row.save()
    document.refresh_from_db()
    return document


def document_refetch(*, schema_name: str, document: Document) -> Document:
    """Fetch a page, or a sitemap and its pages, again: a new version if it has changed."""
    if not document.source_url:
        raise NotFromWeb
    if document.state == Document.State.DELETING:
        return document
    upload = Upload(
        key=document.key,
        name=document.newest.file_name if document.newest else document.title,
        title=document.title,
        source_url=document.source_url,
        person=document.uploaded_by,
        person_label=document.uploaded_by_label,
    )
    store_upload(schema_name=schema_name, collection=document.collection, upload=upload, file=None)
    document.refresh_from_db()
    return document


@transaction.atomic
def document_reindex(*, schema_name: str, document: Document) -> Document:
    """Read the same file again, as a version of its own: the one before answers until this one is in."""
    rows = Document.objects.select_for_update(of=("self",)).select_related("current", "newest", "collection")
    row = rows.get(pk=document.pk)
    base = row.newest or row.current
    if base and not base.file:
        return document_refetch(schema_name=schema_name, document=document)
    if base and row.state not in (Document.State.DELETING, *Document.BUSY):
        add_version(row, again(base, recipe_of(row.collection)))
        document_queue(schema_name, row)
    document.refresh_from_db()
    return document


def again(base: DocumentVersion, recipe: str) -> DocumentVersion:
    return DocumentVersion(
        reason=DocumentVersion.Reason.REINDEX,
        file=base.file.name,
        file_name=base.file_name,
        media_type=base.media_type,
        size=base.size,
        sha256=base.sha256,
        created_by=base.created_by,
        created_by_label=base.created_by_label,
        recipe=recipe,
    )


def documents_reindex(*, schema_name: str, collection: Collection) -> int:
    """Read every document again that was read with other settings than the collection has now."""
    rows = list(documents_with_another_recipe(collection))
    for document in rows:
        document_reindex(schema_name=schema_name, document=document)
    return len(rows)


@transaction.atomic
def version_restore(*, schema_name: str, document: Document, version: DocumentVersion) -> Document:
    """Let an earlier version answer again. Its vectors were kept, so nothing is embedded."""
    row = Document.objects.select_for_update().get(pk=document.pk)
    if row.state != Document.State.DELETING:
        row.newest = version
        document_queue(schema_name, row)
    document.refresh_from_db()
    return document


@transaction.atomic
def document_delete(*, schema_name: str, document: Document) -> None:
    """Works in every state. From the commit on no answer quotes it; vectors and file follow in the background."""
    Document.objects.filter(pk=document.pk).update(state=Document.State.DELETING, lease=None, lease_expires_at=None)
    library_changed()  # with the same commit: no answer from the cache quotes it either
    audit(Action.DOCUMENT_DELETED, target=document.title, target_id=str(document.pk))
    delay_on_commit(forget_document, schema_name=schema_name, document_id=str(document.pk))


# -- another embedding model ----------------------------------------------------------------------


def reembedding_start(*, schema_name: str, library: Library, provider: str, started_by: User) -> Reembedding:
    row = reembedding.start(library, provider, started_by_label=started_by.email)
    delay_on_commit(build_embeddings, schema_name=schema_name, reembedding_id=str(row.pk))
    return row


def reembedding_switch(*, schema_name: str, row: Reembedding) -> None:
    delay_on_commit(switch_embeddings, schema_name=schema_name, reembedding_id=str(row.pk))


def reembedding_close(*, schema_name: str, row: Reembedding) -> None:
    delay_on_commit(close_embeddings, schema_name=schema_name, reembedding_id=str(row.pk))
