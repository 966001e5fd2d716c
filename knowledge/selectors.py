"""Reads. Ids from outside go only through here, with the person who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from accounts.audit.facts import key_used
from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import group_ids_of, require
from knowledge.access import readable_by, writable_by
from knowledge.errors import (
    CollectionNotFound,
    CollectionReadOnly,
    DocumentNotFound,
    ReembeddingNotFound,
    SectionNotFound,
    VersionNotFound,
)
from knowledge.models import Collection, Document, DocumentVersion, LibraryState, Reembedding
from knowledge.providers.registry import embedder
from knowledge.recipe import recipe_of
from knowledge.types import Asker, Library, Placement, VectorSpace
from tenants.models import Organisation
from vena_platform.errors import VenaError

LONGEST_LINE = 10_000


def library_of(organisation: Organisation) -> Library:
    """Where the organisation's vectors are, by the model they were made with."""
    model = embedder(organisation.embedding_provider)
    space = VectorSpace(
        tenant=organisation.key,
        version=organisation.embedding_version,
        dimensions=model.dimensions,
        placement=Placement(organisation.vector_placement),
    )
    return Library(
        space=space,
        embedding_provider=organisation.embedding_provider,
        organisation_name=organisation.name,
        is_reranked=organisation.is_reranked,
    )


def asker_of(user: User) -> Asker:
    """On whose account something is asked."""
    return asker_with(user, group_ids_of(user.pk))


def asker_with(user: User, group_ids: tuple[UUID, ...]) -> Asker:
    """With the API key that is behind it, if there is one."""
    asker = Asker(id=user.pk, label=user.email, group_ids=group_ids)
    key = key_used()
    return replace(asker, api_key_id=key.id, api_key_label=key.label) if key else asker


def index_version() -> int:
    """It grows with every change of what can be found in the organisation whose schema is entered."""
    found = LibraryState.objects.values_list("index_version", flat=True).first()
    return found or 1


def collections_readable(user: User) -> QuerySet[Collection]:
    require(user, Can.READ_DOCUMENTS)
    return Collection.objects.filter(readable_by(user))


def collections_visible_to(user: User) -> QuerySet[Collection]:
    """With the number of documents in each, for people."""
    return counted(collections_readable(user))


def counted(collections: QuerySet[Collection]) -> QuerySet[Collection]:
    number = Count("documents", filter=~Q(documents__state=Document.State.DELETING))
    return collections.annotate(document_count=number).prefetch_related("readers", "writers")


def collections_writable(user: User) -> QuerySet[Collection]:
    require(user, Can.EDIT_DOCUMENTS)
    return Collection.objects.filter(writable_by(user))


def collection_visible_to(user: User, collection_id: UUID) -> Collection:
    return found(collections_readable(user), collection_id)


def collection_shown_to(user: User, collection_id: UUID) -> Collection:
    """With the number of its documents."""
    return found(collections_visible_to(user), collection_id)


def found(collections: QuerySet[Collection], collection_id: UUID) -> Collection:
    collection = collections.filter(pk=collection_id).order_by().first()
    if collection is None:
        raise CollectionNotFound
    return collection


def collection_editable_by(user: User, collection_id: UUID) -> Collection:
    require(user, Can.EDIT_DOCUMENTS)
    is_writable = ExpressionWrapper(writable_by(user), output_field=BooleanField())
    collection = found(collections_readable(user).annotate(is_writable=is_writable), collection_id)
    if not collection.is_writable:  # type: ignore[attr-defined]
        raise CollectionReadOnly
    return collection


def require_writable(user: User, collection_id: UUID) -> None:
    if not collections_writable(user).filter(pk=collection_id).exists():
        raise CollectionReadOnly


def collection_governed_by(user: User, collection_id: UUID) -> Collection:
    """To say who may read and write it: that can be done by somebody who may not read it, too."""
    require(user, Can.MANAGE_ACCESS)
    return found(counted(Collection.objects.all()), collection_id)


def documents_visible_to(user: User) -> QuerySet[Document]:
    rows = Document.objects.filter(collection__in=collections_readable(user).order_by())
    return rows.select_related("collection", "current", "newest", "parent")


def documents_hidden_from(user: User) -> QuerySet[Document]:
    """Those that are there, but not for this person."""
    return Document.objects.exclude(collection__in=collections_readable(user).order_by())


def document_visible_to(user: User, document_id: UUID) -> Document:
    document = documents_visible_to(user).filter(pk=document_id).first()
    if document is None:
        raise DocumentNotFound
    return document


def documents_matching(user: User, wanted: Mapping[str, str]) -> QuerySet[Document]:
    """The documents a list is asked for: by collection, states, parent, external id, words of title or file name.

    `parent=none` leaves out the files inside others; several states stand with commas between them.
    """
    rows = documents_visible_to(user)
    if "collection" in wanted:
        rows = rows.filter(collection=collection_visible_to(user, as_uuid(wanted["collection"], CollectionNotFound)))
    if wanted.get("parent") == "none":
        rows = rows.filter(parent=None)
    elif "parent" in wanted:
        rows = rows.filter(parent=document_visible_to(user, as_uuid(wanted["parent"], DocumentNotFound)))
    if words := wanted.get("q", "")[:200]:
        rows = rows.filter(Q(title__icontains=words) | Q(newest__file_name__icontains=words))
    if states := wanted.get("state"):
        rows = rows.filter(state__in=states.split(","))
    if external_id := wanted.get("external_id"):
        rows = rows.filter(external_id=external_id)
    return rows


def as_uuid(text: str, missing: type[VenaError]) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise missing from None


def document_editable_by(user: User, document_id: UUID) -> Document:
    require(user, Can.EDIT_DOCUMENTS)
    document = document_visible_to(user, document_id)
    require_writable(user, document.collection_id)
    return document


def version_of(document: Document, number: int | None) -> DocumentVersion:
    """The version of that number; without one, what readers see, else what was uploaded last."""
    found = document.current or document.newest if number is None else document.versions.filter(number=number).first()
    if found is None:
        raise VersionNotFound
    return found


def versions_of(document: Document) -> QuerySet[DocumentVersion]:
    """Newest first, each with `is_current`."""
    return document.versions.annotate(is_current=Q(pk=document.current_id))


def section_of(version: DocumentVersion, section: int) -> dict[str, Any]:
    """All of the section, its chunks joined as the document had them."""
    chunks = list(version.chunks.filter(section=section).order_by("position"))
    if not chunks:
        raise SectionNotFound
    return {
        "document": version.document_id,
        "version": version.number,
        "section": section,
        "heading": chunks[0].heading_path,
        "text": "\n\n".join(chunk.text for chunk in chunks),
    }


def text_between(version: DocumentVersion, characters: range) -> str:
    """A stretch of the version's plain text, which is its chunks with a blank line between them."""
    chunks = version.chunks.filter(char_start__lt=characters.stop - 1, char_end__gt=characters.start)
    rows = list(chunks.order_by("position").values_list("char_start", "text")) if characters else []
    if not rows:
        return ""
    text = "\n\n".join(text for _, text in rows)
    first = rows[0][0]
    return text[max(0, characters.start - first) : characters.stop - 1 - first]


def boxes_of(version: DocumentVersion, cited: range) -> list[list[float]]:
    """Where the chunks stand on their pages: [page, left, top, right, bottom], in points from the top left."""
    rows = version.chunks.filter(position__in=cited).order_by("position").values_list("boxes", flat=True)
    return [box for boxes in rows for box in boxes]


def reembedding_editable_by(user: User, reembedding_id: UUID) -> Reembedding:
    require(user, Can.MANAGE_ANSWERS)
    row = Reembedding.objects.filter(pk=reembedding_id).first()
    if row is None:
        raise ReembeddingNotFound
    return row


def is_switching(row: Reembedding) -> bool:
    """Between the click and the moment the other model answers."""
    is_held = row.lease_expires_at is not None and row.lease_expires_at > timezone.now()
    return is_held and row.state in (Reembedding.State.BUILT, Reembedding.State.SWITCHED)


def places_in_line() -> dict[UUID, int]:
    """Queued document → its place in the organisation's line, from 1. One look for a whole page of documents."""
    queued = Document.objects.filter(state=Document.State.QUEUED).order_by("queued_at", "pk")
    return {pk: place for place, pk in enumerate(queued.values_list("pk", flat=True)[:LONGEST_LINE], start=1)}


def states_of_parts(documents: Sequence[Document]) -> dict[UUID, dict[str, int]]:
    """Document → state → how many of the files inside it are in that state. One look for a whole page."""
    rows = Document.objects.filter(parent__in=[document.pk for document in documents])
    counts: dict[UUID, dict[str, int]] = {}
    for parent, state, count in rows.values_list("parent_id", "state").annotate(count=Count("pk")).order_by():
        counts.setdefault(parent, {})[state] = count
    return counts


def place_in_line(document: Document) -> dict[UUID, int]:
    """The same for a single document, which need not list the line."""
    before = Q(queued_at__lt=document.queued_at) | Q(queued_at=document.queued_at, pk__lt=document.pk)
    return {document.pk: 1 + Document.objects.filter(before, state=Document.State.QUEUED).count()}


def documents_with_another_recipe(collection: Collection) -> QuerySet[Document]:
    """Readable documents that were read or cut with other settings than the collection has now."""
    recipe = recipe_of(collection)
    ready = Document.objects.filter(collection=collection, state=Document.State.READY, page_limit=None)
    return ready.exclude(current__recipe=recipe)
