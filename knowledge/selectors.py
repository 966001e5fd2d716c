"""Reads. Ids from outside go only through here, with the person who asks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from knowledge.errors import CollectionNotFound, DocumentNotFound
from knowledge.models import Chunk, Collection, Document
from knowledge.providers.registry import embedder
from knowledge.types import Library, Placement, VectorSpace
from tenants.models import Organisation


def library_of(organisation: Organisation) -> Library:
    """Where the organisation's vectors are, by the model they were made with."""
    model = embedder(organisation.embedding_provider)
    space = VectorSpace(
        tenant=organisation.key,
        version=organisation.embedding_version,
        dimensions=model.dimensions,
        placement=Placement(organisation.vector_placement),
    )
    return Library(space=space, embedding_provider=organisation.embedding_provider, organisation_name=organisation.name)


def collections_readable(user: User) -> QuerySet[Collection]:
    require(user, Can.READ_DOCUMENTS)
    return Collection.objects.all()


def collections_visible_to(user: User) -> QuerySet[Collection]:
    """With the number of documents in each, for people."""
    return collections_readable(user).annotate(
        document_count=Count("documents", filter=~Q(documents__state=Document.State.DELETING))
    )


def collection_visible_to(user: User, collection_id: UUID) -> Collection:
    collection = collections_visible_to(user).filter(pk=collection_id).first()
    if collection is None:
        raise CollectionNotFound
    return collection


def collection_editable_by(user: User, collection_id: UUID) -> Collection:
    require(user, Can.EDIT_DOCUMENTS)
    return collection_visible_to(user, collection_id)


def documents_visible_to(user: User) -> QuerySet[Document]:
    require(user, Can.READ_DOCUMENTS)
    return Document.objects.select_related("collection")


def document_visible_to(user: User, document_id: UUID) -> Document:
    document = documents_visible_to(user).filter(pk=document_id).first()
    if document is None:
        raise DocumentNotFound
    return document


def document_editable_by(user: User, document_id: UUID) -> Document:
    require(user, Can.EDIT_DOCUMENTS)
    return document_visible_to(user, document_id)


def chunks_readable(chunk_ids: Sequence[UUID], collection_ids: Sequence[UUID]) -> dict[UUID, Chunk]:
    """The rows behind vectors. A chunk whose document is not ready, gone or out of scope is not here, so it can't
    be quoted, whatever the index still holds."""
    rows = Chunk.objects.select_related("document").filter(
        pk__in=chunk_ids, document__state=Document.State.READY, document__collection_id__in=collection_ids
    )
    return {row.pk: row for row in rows}
