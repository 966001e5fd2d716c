"""What both Qdrant indexes agree on: names, point ids and payload, and who may see them.

Names. A collection is `vena_<owner>__<version>`, an alias `vena_<owner>`. The version has no underscore, so the last
`__` of a collection splits it without doubt; an owner whose name holds `__` or says "shared" gets a trailing `@`,
which no schema and no version can hold. So no two organisations, and no alias and collection, ever share a name.

Point ids. In a shared collection the stored id is the point's id XOR the organisation's: two organisations that hold
the same document (one restored from a copy of the other) can't overwrite or delete each other's points.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

import numpy as np

from knowledge.types import (
    EmbeddedChunk,
    Hit,
    KeywordQuery,
    Labels,
    Placement,
    SearchScope,
    SparseVector,
    Vector,
    VectorSpace,
)
from tenants.types import TenantKey

DENSE = "dense"
SPARSE = "bm25"
DOCUMENT = "document"
COLLECTION = "collection"
TAGS = "tags"
DATED = "dated"  # the day as a number, for ranges
ORG = "org"

SHARED_OWNER = "shared"

_SPARSE_SCAN_LIMIT = 2_000

Item = TypeVar("Item")

_SCHEMA = re.compile(r"[a-z0-9_-]{1,63}")
_VERSION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def owner_name(tenant: TenantKey) -> str:
    schema = tenant.schema_name
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"{schema!r} can't name a vector collection: use a-z, 0-9, _ and -")
    return f"{schema}@" if "__" in schema or schema == SHARED_OWNER else schema


def collection_name(space: VectorSpace) -> str:
    if not _VERSION.fullmatch(space.version):
        raise ValueError(f"{space.version!r} is not an embedding version: use a-z, 0-9 and -")
    if space.dimensions < 1:
        raise ValueError("a vector space needs at least one dimension")
    owner = owner_name(space.tenant)
    return f"vena_{owner if space.placement is Placement.DEDICATED else SHARED_OWNER}__{space.version}"


def alias_name(tenant: TenantKey) -> str:
    return f"vena_{owner_name(tenant)}"


def dedicated_collections(tenant: TenantKey, names: Iterable[str]) -> list[str]:
    """Of these collections, the ones of every embedding version that belong to this organisation alone."""
    return _collections_of(owner_name(tenant), names)


def shared_collections(names: Iterable[str]) -> list[str]:
    return _collections_of(SHARED_OWNER, names)


def _collections_of(owner: str, names: Iterable[str]) -> list[str]:
    prefix = f"vena_{owner}__"
    return [name for name in names if name.startswith(prefix) and _VERSION.fullmatch(name.removeprefix(prefix))]


def stored_id(space: VectorSpace, point_id: UUID) -> UUID:
    """The id inside the engine; applied to a stored id, it gives the point's id back."""
    if space.placement is Placement.DEDICATED:
        return point_id
    return UUID(int=point_id.int ^ space.tenant.id.int)


def point_id_of(space: VectorSpace, stored: object) -> UUID:
    return stored_id(space, stored if isinstance(stored, UUID) else UUID(str(stored)))


def sparse_scan_limit(space: VectorSpace) -> int | None:
    """Readable points up to which keyword search weighs each one instead of walking the posting lists.

    Walking is faster once a good part of a collection is readable (3,000 of 10,000: 0.5 ms against 1.5), slower for a
    small part of a big one (1,000 of 50,000: 8 ms against 1), which is every search of a shared collection: there the
    engine's own limit, 5,000, stays.
    """
    return _SPARSE_SCAN_LIMIT if space.placement is Placement.DEDICATED else None


def org_value(tenant: TenantKey) -> str:
    return str(tenant.id)


def payload_of(space: VectorSpace, chunk: EmbeddedChunk) -> dict[str, Any]:
    return {
        DOCUMENT: str(chunk.document_id),
        ORG: org_value(space.tenant),
        **payload_of_labels(chunk.labels),
    }


def payload_of_labels(labels: Labels) -> dict[str, Any]:
    return {
        COLLECTION: str(labels.collection_id),
        TAGS: list(labels.tags),
        DATED: labels.dated.toordinal() if labels.dated else None,
    }


def labels_of(payload: Mapping[str, Any]) -> Labels:
    """Points that were stored before there were tags and days have neither."""
    day = payload.get(DATED)
    return Labels(
        collection_id=UUID(payload[COLLECTION]),
        tags=tuple(payload.get(TAGS) or ()),
        dated=date.fromordinal(int(day)) if day else None,
    )


def chunk_of(
    space: VectorSpace, stored: object, payload: Mapping[str, Any], dense: Sequence[float], sparse: SparseVector
) -> EmbeddedChunk:
    return EmbeddedChunk(
        point_id=point_id_of(space, stored),
        document_id=UUID(payload[DOCUMENT]),
        labels=labels_of(payload),
        dense=dense,
        sparse=sparse,
    )


def floats(vector: Vector) -> list[float]:
    """Plain floats: engines don't take NumPy's."""
    plain: list[float] = vector.tolist() if isinstance(vector, np.ndarray) else [float(value) for value in vector]
    return plain


def id_values(ids: Iterable[UUID]) -> list[str]:
    return [str(one) for one in ids]


def worth_asking(keywords: Sequence[KeywordQuery], scope: SearchScope) -> list[KeywordQuery]:
    """The keyword queries that can find something, each narrowed to those of its collections that may be read."""
    readable = set(scope.collection_ids)
    narrowed = (
        replace(query, collection_ids=tuple(sorted(readable & set(query.collection_ids)))) for query in keywords
    )
    return [query for query in narrowed if query.collection_ids and query.terms.indices]


def is_searchable(dense: Vector | None, keywords: Sequence[KeywordQuery], scope: SearchScope, limit: int) -> bool:
    """False when the answer is empty whatever is stored; then the engine is not asked."""
    is_narrowed_to_nothing = not scope.collection_ids or scope.document_ids == ()
    return not is_narrowed_to_nothing and limit > 0 and (dense is not None or bool(keywords))


def merged(lists: Sequence[Sequence[Hit]], limit: int) -> tuple[Hit, ...]:
    """Keyword lists of several languages as one: their collections are disjoint, so no point comes twice."""
    if len(lists) == 1:
        return tuple(lists[0])
    return tuple(sorted(chain.from_iterable(lists), key=lambda hit: -hit.score)[:limit])


def days(scope: SearchScope) -> tuple[int | None, int | None] | None:
    """The first and the last day as numbers, None where a side is open; None when days do not matter."""
    if scope.since is None and scope.until is None:
        return None
    return (
        scope.since.toordinal() if scope.since else None,
        scope.until.toordinal() if scope.until else None,
    )


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
