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
from typing import Any, TypeVar
from uuid import UUID

from knowledge.types import EmbeddedChunk, Placement, SearchScope, SparseVector, Vector, VectorSpace
from tenants.types import TenantKey

DENSE = "dense"
SPARSE = "bm25"
DOCUMENT = "document"
COLLECTION = "collection"
POSITION = "position"
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
        COLLECTION: str(chunk.collection_id),
        POSITION: chunk.position,
        ORG: org_value(space.tenant),
    }


def chunk_of(
    space: VectorSpace, stored: object, payload: Mapping[str, Any], dense: Sequence[float], sparse: SparseVector
) -> EmbeddedChunk:
    return EmbeddedChunk(
        point_id=point_id_of(space, stored),
        document_id=UUID(payload[DOCUMENT]),
        collection_id=UUID(payload[COLLECTION]),
        position=int(payload[POSITION]),
        dense=dense,
        sparse=sparse,
    )


def floats(vector: Vector) -> list[float]:
    """Plain floats: engines don't take NumPy's."""
    return [float(value) for value in vector]


def scope_values(scope: SearchScope) -> list[str]:
    return [str(collection_id) for collection_id in scope.collection_ids]


def is_searchable(dense: Vector | None, sparse: SparseVector | None, scope: SearchScope, limit: int) -> bool:
    """False when the answer is empty whatever is stored; then the engine is not asked."""
    return bool(scope.collection_ids) and limit > 0 and (dense is not None or bool(sparse and sparse.indices))


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
