"""The rows behind vectors: what may still be quoted, its section and its neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db.models import Model, QuerySet

from knowledge.models import Chunk, Collection, Document, TextVectors
from knowledge.retrieval.composing import FoundChunk
from knowledge.retrieval.remembered import remembered_chunks
from knowledge.types import Box, Extent, SearchScope
from tenants.context import active_schema
from tenants.postgresql.rows import read

M = TypeVar("M", bound=Model)

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
    "char_start",
    "document__source_url",
    "content_hash",
)


def chunks_readable(
    point_ids: Sequence[UUID], scope: SearchScope, *, tokens_of: str | None = None
) -> dict[UUID, FoundChunk]:
    """By point. What is not of a document's current version, being deleted or out of scope is not here, so it can't
    be quoted, whatever the index still holds. `tokens_of` names the embedding version whose token vectors are wanted.

    Which rows may be read is asked each time; what stands in them never changes and may be remembered.
    """
    standing = _standing(point_ids, scope)
    keys = {pk: (active_schema(), point, pk, content_hash, tokens_of) for point, pk, content_hash, _ in standing}
    chunks = {pk: chunk for pk, key in keys.items() if (chunk := remembered_chunks.get(key))}
    if missing := [pk for pk in keys if pk not in chunks]:
        fresh = _read(missing, tokens_of)
        chunks |= fresh
        for pk, chunk in fresh.items():
            if tokens_of is None or chunk.tokens:
                remembered_chunks.put(keys[pk], chunk)
    return {point: titled(chunks[pk], title) for point, pk, _, title in standing if pk in chunks}


def titled(chunk: FoundChunk, title: str) -> FoundChunk:
    return chunk if chunk.title == title else replace(chunk, title=title)


def section_of(version_id: UUID, section: int, scope: SearchScope) -> list[FoundChunk]:
    """Every chunk of the section, in reading order. An old version, which an old citation names, is readable too."""
    return _in_order(Chunk.objects.filter(version_id=version_id, section=section), scope)


def neighbours_of(version_id: UUID, first: int, last: int, scope: SearchScope, *, reach: int = 1) -> list[FoundChunk]:
    """The chunks from `reach` before position `first` to `reach` after position `last`, in reading order."""
    around = Chunk.objects.filter(version_id=version_id, position__range=(max(0, first - reach), last + reach))
    return _in_order(around, scope)


def languages_of(scope: SearchScope) -> dict[str, tuple[UUID, ...]]:
    """The collections of a scope by the language their keywords are kept in."""
    sql = f'SELECT id, language FROM "{Collection._meta.db_table}" WHERE id = ANY(%s)'
    return by_language(dict(read(sql, [list(scope.collection_ids)])))


def by_language(languages: Mapping[UUID, str]) -> dict[str, tuple[UUID, ...]]:
    found: dict[str, list[UUID]] = {}
    for collection_id, language in languages.items():
        found.setdefault(language, []).append(collection_id)
    return {language: tuple(sorted(ids)) for language, ids in sorted(found.items())}


def extent_of(scope: SearchScope) -> Extent:
    """What was searched, for people."""
    names = Collection.objects.filter(pk__in=scope.collection_ids).order_by("name").values_list("name", flat=True)
    return Extent(tuple(names), _in_scope(Document.objects.filter(current__isnull=False), scope, "").count())


def _in_order(chunks: QuerySet[Chunk], scope: SearchScope) -> list[FoundChunk]:
    return [_chunk(row, {}) for row in _narrowed(chunks, scope).order_by("position").values_list(*_FIELDS)]


def _narrowed(chunks: QuerySet[Chunk], scope: SearchScope) -> QuerySet[Chunk]:
    return _in_scope(chunks, scope, "document__")


def _in_scope(rows: QuerySet[M], scope: SearchScope, document: str) -> QuerySet[M]:
    """`document` is the way from a row to its document."""
    rows = rows.filter(**{f"{document}collection_id__in": scope.collection_ids})
    rows = rows.exclude(**{f"{document}state": Document.State.DELETING})
    if scope.document_ids is not None:
        rows = rows.filter(**{f"{document}pk__in": scope.document_ids})
    if scope.tags:
        rows = rows.filter(**{f"{document}tags__contains": list(scope.tags)})
    if scope.since:
        rows = rows.filter(**{f"{document}dated__gte": scope.since})
    if scope.until:
        rows = rows.filter(**{f"{document}dated__lte": scope.until})
    return rows


def _standing(point_ids: Sequence[UUID], scope: SearchScope) -> list[tuple[UUID, int, str, str]]:
    """Point, key, content hash and document title of the chunks that may be read, whose number is that of `_narrowed`.

    Not through the ORM, which takes six times as long for this one statement (3 ms of 60 chunks).
    """
    conditions, values = _conditions(scope)
    rows = read(
        "SELECT c.point_id, c.id, c.content_hash, d.title FROM knowledge_chunk c "
        "JOIN knowledge_document d ON d.id = c.document_id "
        f"WHERE c.point_id = ANY(%s) AND c.version_id = d.current_id AND {' AND '.join(conditions)}",
        [list(point_ids), *values],
    )
    return cast("list[tuple[UUID, int, str, str]]", rows)


def _conditions(scope: SearchScope) -> tuple[list[str], list[Any]]:
    asked = [
        ("d.collection_id = ANY(%s)", list(scope.collection_ids)),
        ("d.state <> %s", Document.State.DELETING.value),
        ("d.id = ANY(%s)", None if scope.document_ids is None else list(scope.document_ids)),
        ("d.tags @> %s::varchar[]", list(scope.tags) or None),
        ("d.dated >= %s", scope.since),
        ("d.dated <= %s", scope.until),
    ]
    kept = [(condition, value) for condition, value in asked if value is not None]
    return [condition for condition, _ in kept], [value for _, value in kept]


def _read(keys: Sequence[int], tokens_of: str | None) -> dict[int, FoundChunk]:
    """By key."""
    rows = list(Chunk.objects.filter(pk__in=keys).order_by().values_list(*_FIELDS))
    tokens = _tokens({row[-1] for row in rows}, tokens_of) if tokens_of else {}
    return {row[1]: _chunk(row, tokens) for row in rows}


def _tokens(hashes: Iterable[str], version: str) -> dict[str, bytes]:
    rows = TextVectors.objects.filter(embedding_version=version, content_hash__in=list(hashes), tokens__isnull=False)
    return {content_hash: bytes(tokens or b"") for content_hash, tokens in rows.values_list("content_hash", "tokens")}


def _chunk(row: Sequence[Any], tokens: Mapping[str, bytes]) -> FoundChunk:
    point, pk, document, title, text, position, path, version, number, section = row[:10]
    page, last, place, boxes, start, url, digest = row[10:]
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
        char_start=start,
        source_url=url,
        content_hash=digest,
        tokens=tokens.get(digest),
    )
