"""The rows behind vectors: what may still be quoted, its section and its neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from knowledge.models import Chunk, Collection, Document, TextVectors
from knowledge.retrieval.composing import FoundChunk
from knowledge.types import Box, SearchScope

_FIELDS = (
    "point_id",
    "pk",
    "document_id",
    "document__title",
    "text",
    "position",
    "heading_path",
    "version_id",
    "version__number",
    "section",
    "page",
    "last_page",
    "place",
    "boxes",
    "content_hash",
)


def chunks_readable(
    point_ids: Sequence[UUID], scope: SearchScope, *, tokens_of: str | None = None
) -> dict[UUID, FoundChunk]:
    """By point. What is not of a document's current version, being deleted or out of scope is not here, so it can't
    be quoted, whatever the index still holds. `tokens_of` names the embedding version whose token vectors are wanted.
    """
    chunks = Chunk.objects.filter(point_id__in=point_ids, version_id=F("document__current_id"))
    rows = list(_narrowed(chunks, scope).values_list(*_FIELDS))
    tokens = _tokens({row[-1] for row in rows}, tokens_of) if tokens_of else {}
    return {row[0]: _chunk(row, tokens) for row in rows}


def section_of(version_id: UUID, section: int, scope: SearchScope) -> list[FoundChunk]:
    """Every chunk of the section, in reading order. An old version, which an old citation names, is readable too."""
    return _in_order(Chunk.objects.filter(version_id=version_id, section=section), scope)


def neighbours_of(version_id: UUID, first: int, last: int, scope: SearchScope, *, reach: int = 1) -> list[FoundChunk]:
    """The chunks from `reach` before position `first` to `reach` after position `last`, in reading order."""
    around = Chunk.objects.filter(version_id=version_id, position__range=(max(0, first - reach), last + reach))
    return _in_order(around, scope)


def languages_of(scope: SearchScope) -> dict[str, tuple[UUID, ...]]:
    """The collections of a scope by the language their keywords are kept in."""
    found: dict[str, list[UUID]] = {}
    for collection_id, language in Collection.objects.filter(pk__in=scope.collection_ids).values_list("pk", "language"):
        found.setdefault(language, []).append(collection_id)
    return {language: tuple(sorted(ids)) for language, ids in sorted(found.items())}


def _in_order(chunks: QuerySet[Chunk], scope: SearchScope) -> list[FoundChunk]:
    return [_chunk(row, {}) for row in _narrowed(chunks, scope).order_by("position").values_list(*_FIELDS)]


def _narrowed(chunks: QuerySet[Chunk], scope: SearchScope) -> QuerySet[Chunk]:
    chunks = chunks.filter(document__collection_id__in=scope.collection_ids)
    chunks = chunks.exclude(document__state=Document.State.DELETING)
    if scope.document_ids is not None:
        chunks = chunks.filter(document_id__in=scope.document_ids)
    if scope.tags:
        chunks = chunks.filter(document__tags__contains=list(scope.tags))
    if scope.since:
        chunks = chunks.filter(document__dated__gte=scope.since)
    if scope.until:
        chunks = chunks.filter(document__dated__lte=scope.until)
    return chunks


def _tokens(hashes: Iterable[str], version: str) -> dict[str, bytes]:
    rows = TextVectors.objects.filter(embedding_version=version, content_hash__in=list(hashes), tokens__isnull=False)
    return {content_hash: bytes(tokens) for content_hash, tokens in rows.values_list("content_hash", "tokens")}


def _chunk(row: Sequence[Any], tokens: Mapping[str, bytes]) -> FoundChunk:
    point, pk, document, title, text, position, path, version, number, section, page, last, place, boxes, digest = row
    return FoundChunk(
        point_id=point,
        chunk_id=pk,
        document_id=document,
        title=title,
        text=text,
        position=position,
        heading_path=tuple(path),
        version_id=version,
        version_number=number,
        section=section,
        page=page,
        last_page=last,
        place=place,
        boxes=tuple(Box(*box) for box in boxes),
        content_hash=digest,
        tokens=tokens.get(digest),
    )
