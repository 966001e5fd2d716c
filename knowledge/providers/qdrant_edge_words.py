"""The engine's words for what we ask of it: settings, filters, requests, points. Pure mapping."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as engine

from knowledge.providers import qdrant_common as common
from knowledge.types import (
    EmbeddedChunk,
    Hit,
    Placement,
    SearchScope,
    SparseVector,
    VectorSpace,
)


def config_of(space: VectorSpace) -> engine.EdgeConfig:
    is_shared = space.placement is Placement.SHARED
    return engine.EdgeConfig(
        vectors={
            common.DENSE: engine.EdgeVectorParams(
                size=space.dimensions,
                distance=engine.Distance.Cosine,
                memory=engine.Memory.Cold,  # else opening reads 32 MB, also of an almost empty collection
            )
        },
        sparse_vectors={
            common.SPARSE: engine.EdgeSparseVectorParams(
                modifier=engine.Modifier.Idf, full_scan_threshold=common.sparse_scan_limit(space)
            )
        },
        hnsw_config=engine.HnswIndexConfig(m=0, payload_m=16, ef_construct=100, full_scan_threshold=10_000)
        if is_shared
        else None,
        max_search_threads=1,  # each open shard has its own; two were slower
    )


def payload_indexes(space: VectorSpace) -> dict[str, engine.KeywordIndexParams | engine.IntegerIndexParams]:
    is_shared = space.placement is Placement.SHARED
    indexes: dict[str, engine.KeywordIndexParams | engine.IntegerIndexParams] = {
        common.DOCUMENT: engine.KeywordIndexParams(enable_hnsw=False),  # for forgetting, never for searching
        common.COLLECTION: engine.KeywordIndexParams(enable_hnsw=not is_shared),
        common.TAGS: engine.KeywordIndexParams(enable_hnsw=False),
        common.DATED: engine.IntegerIndexParams(lookup=False, range=True, enable_hnsw=False),
    }
    if is_shared:
        indexes[common.ORG] = engine.KeywordIndexParams(is_tenant=True)
    return indexes


def dimensions_in(folder: Path) -> int:
    try:
        return int(json.loads((folder / "edge_config.json").read_text())["vectors"][common.DENSE]["size"])
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"{folder / 'edge_config.json'} can't be read") from error


def filter_of(space: VectorSpace, *conditions: engine.ConditionType) -> engine.Filter:
    """In a shared collection every filter names the organisation. The one place where filters are made."""
    must = list(conditions)
    if space.placement is Placement.SHARED:
        must.append(equals(common.ORG, common.org_value(space.tenant)))
    return engine.Filter(must=must)


def equals(key: str, value: str) -> engine.FieldCondition:
    return engine.FieldCondition(key, match=engine.MatchValue(value))


def any_of(key: str, values: list[str]) -> engine.FieldCondition:
    return engine.FieldCondition(key, match=engine.MatchAny(values))


def document_is(document_id: UUID) -> engine.FieldCondition:
    return equals(common.DOCUMENT, str(document_id))


def visible_in(space: VectorSpace, scope: SearchScope, collection_ids: Sequence[UUID]) -> engine.Filter:
    conditions: list[engine.ConditionType] = [any_of(common.COLLECTION, common.id_values(collection_ids))]
    if scope.document_ids is not None:
        conditions.append(any_of(common.DOCUMENT, common.id_values(scope.document_ids)))
    conditions += [equals(common.TAGS, tag) for tag in scope.tags]
    if days := common.days(scope):
        conditions.append(engine.FieldCondition(common.DATED, range=engine.RangeFloat(gte=days[0], lte=days[1])))
    return filter_of(space, *conditions)


def request_of(
    query: engine.Query, visible: engine.Filter, limit: int, params: engine.SearchParams | None = None
) -> engine.QueryRequest:
    return engine.QueryRequest(limit=limit, query=query, filter=visible, with_payload=[common.DOCUMENT], params=params)


def keyword_params(space: VectorSpace) -> engine.SearchParams | None:
    """How rare a term is counts within the organisation, never over its neighbours in a shared collection."""
    if space.placement is Placement.DEDICATED:
        return None
    return engine.SearchParams(idf=engine.IdfParams(corpus=filter_of(space)))


def point_of(space: VectorSpace, chunk: EmbeddedChunk) -> engine.Point:
    vectors: dict[str, Any] = {
        common.DENSE: common.floats(chunk.dense),
        common.SPARSE: engine.SparseVector(list(chunk.sparse.indices), common.floats(chunk.sparse.values)),
    }
    return engine.Point(common.stored_id(space, chunk.point_id), vectors, common.payload_of(space, chunk))


def hit_of(space: VectorSpace, point: engine.ScoredPoint) -> Hit:
    payload = point.payload or {}
    return Hit(common.point_id_of(space, point.id), UUID(payload[common.DOCUMENT]), point.score)


def chunk_of(space: VectorSpace, record: engine.Record) -> EmbeddedChunk:
    vectors: Any = record.vector
    terms = vectors.get(common.SPARSE)
    sparse = SparseVector(tuple(terms.indices), tuple(terms.values)) if terms else SparseVector((), ())
    return common.chunk_of(space, record.id, record.payload or {}, vectors[common.DENSE], sparse)
