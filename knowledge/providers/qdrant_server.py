"""A Qdrant server or Qdrant Cloud, through the official client. Shared placement needs Qdrant 1.19 or later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from knowledge.errors import IndexUnavailable
from knowledge.providers import qdrant_common as common
from knowledge.providers.qdrant_layout import INT8, RESCORED, Layout
from knowledge.types import (
    EmbeddedChunk,
    Hit,
    Hits,
    KeywordQuery,
    Labels,
    Placement,
    SearchScope,
    SparseVector,
    Vector,
    VectorSpace,
)
from tenants.types import TenantKey

POINTS_PER_WRITE = 256
POINTS_PER_PAGE = 1_000

_NOT_FOUND = 404
_CONFLICT = 409


class ServerVectorIndex:
    """`VectorIndex` over a server. Safe on several event loops: each gets its own connection pool."""

    def __init__(
        self,
        url: str = "",
        api_key: str = "",
        timeout: int = 10,
        *,
        layout: Layout = Layout(),  # noqa: B008 - frozen
        client: AsyncQdrantClient | None = None,
    ) -> None:
        if not url and client is None:
            raise ValueError("a Qdrant server needs its URL")
        self._url = url
        self._api_key = api_key
        self._timeout = timeout
        self._layout = layout
        self._ready_client = client
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncQdrantClient] = WeakKeyDictionary()
        self._clients_lock = Lock()

    async def prepare(self, space: VectorSpace) -> None:
        name = common.collection_name(space)
        with _translated(f"preparing {name}"):
            if not await self._client.collection_exists(name):
                await self._create(name, space)
            info = await self._client.get_collection(name)
            _check_dimensions(name, space, info)
            for field, index in _payload_indexes(space).items():
                if field not in info.payload_schema:
                    await self._client.create_payload_index(name, field, field_schema=index, wait=True)

    async def activate(self, space: VectorSpace) -> None:
        alias = common.alias_name(space.tenant)
        with _translated(f"pointing {alias} at {space.version}"):
            changes: list[models.AliasOperations] = []
            if await self.active(space.tenant):
                changes.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
            if space.placement is Placement.DEDICATED:
                target = models.CreateAlias(collection_name=common.collection_name(space), alias_name=alias)
                changes.append(models.CreateAliasOperation(create_alias=target))
            if changes:  # one request, so the alias is never missing in between
                await self._client.update_collection_aliases(changes)

    async def active(self, tenant: TenantKey) -> str | None:
        """The collection the organisation's alias points at."""
        alias = common.alias_name(tenant)
        with _translated(f"looking up {alias}"):
            known = (await self._client.get_aliases()).aliases
        return next((each.collection_name for each in known if each.alias_name == alias), None)

    async def check(self) -> None:
        with _translated("asking for the version"):
            await self._client.info()

    async def upsert(self, space: VectorSpace, chunks: Sequence[EmbeddedChunk]) -> None:
        name = common.collection_name(space)
        for batch in common.batches(chunks, POINTS_PER_WRITE):
            points = [_point(space, chunk) for chunk in batch]
            with _translated(f"storing {len(points)} points in {name}"):
                await self._client.upsert(name, points, wait=True)

    async def search(
        self,
        space: VectorSpace,
        *,
        dense: Vector | None,
        keywords: Sequence[KeywordQuery],
        scope: SearchScope,
        limit: int,
    ) -> Hits:
        asked = common.worth_asking(keywords, scope)
        if not common.is_searchable(dense, asked, scope, limit):
            return Hits()
        name = common.collection_name(space)
        requests = _requests(space, dense, asked, scope, limit, RESCORED if self._layout.is_quantised else None)
        with _translated(f"searching {name}"):
            responses = await self._client.query_batch_points(name, requests)
        lists = [tuple(_hit(space, point) for point in response.points) for response in responses]
        first = lists.pop(0) if dense is not None else ()
        return Hits(dense=first, sparse=common.merged(lists, limit))

    async def relabel(self, space: VectorSpace, document_id: UUID, labels: Labels) -> None:
        name = common.collection_name(space)
        wanted = _filter(space, _equals(common.DOCUMENT, str(document_id)))
        with _translated(f"relabelling in {name}"):
            if await self._client.collection_exists(name):
                await self._client.set_payload(name, common.payload_of_labels(labels), points=wanted, wait=True)

    async def existing(self, space: VectorSpace, point_ids: Sequence[UUID]) -> set[UUID]:
        name = common.collection_name(space)
        found: set[UUID] = set()
        with _translated(f"looking up points in {name}"):
            if not await self._client.collection_exists(name):
                return found
            for batch in common.batches(point_ids, POINTS_PER_PAGE):
                wanted = [str(common.stored_id(space, one)) for one in batch]
                records = await self._client.retrieve(name, wanted, with_payload=False, with_vectors=False)
                found.update(common.point_id_of(space, record.id) for record in records)
        return found

    async def forget_space(self, space: VectorSpace) -> None:
        """A collection of the organisation's own goes whole; from a shared one its points go."""
        name = common.collection_name(space)
        if space.placement is Placement.DEDICATED and await self.active(space.tenant) == name:
            raise IndexUnavailable(detail=f"{name} is the one that answers; it is not removed")
        with _translated(f"removing {name}"):
            if not await self._client.collection_exists(name):
                return
            if space.placement is Placement.DEDICATED:
                await self._client.delete_collection(name)
            else:
                await self._client.delete(name, models.FilterSelector(filter=_filter(space)), wait=True)

    async def forget_document(self, space: VectorSpace, document_id: UUID) -> None:
        await self._forget(space, _equals(common.DOCUMENT, str(document_id)))

    async def forget_points(self, space: VectorSpace, point_ids: Sequence[UUID]) -> None:
        for batch in common.batches(point_ids, POINTS_PER_PAGE):
            ids: list[models.ExtendedPointId] = [str(common.stored_id(space, point_id)) for point_id in batch]
            await self._forget(space, models.HasIdCondition(has_id=ids))

    async def point_ids(self, space: VectorSpace, document_id: UUID | None = None) -> set[UUID]:
        conditions = [_equals(common.DOCUMENT, str(document_id))] if document_id else []
        found: set[UUID] = set()
        async for records in self._scroll(space, _filter(space, *conditions), POINTS_PER_PAGE, whole=False):
            found.update(common.point_id_of(space, record.id) for record in records)
        return found

    async def count(self, space: VectorSpace) -> int:
        name = common.collection_name(space)
        with _translated(f"counting in {name}"):
            if not await self._client.collection_exists(name):
                return 0
            return (await self._client.count(name, count_filter=_filter(space), exact=True)).count

    async def scan(self, space: VectorSpace, batch_size: int = 256) -> AsyncIterator[list[EmbeddedChunk]]:
        async for records in self._scroll(space, _filter(space), batch_size, whole=True):
            if records:
                yield [_chunk(space, record) for record in records]

    async def drop(self, tenant: TenantKey) -> None:
        alias = common.alias_name(tenant)
        with _translated(f"dropping everything of {alias}"):
            if await self.active(tenant):
                removal = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
                await self._client.update_collection_aliases([removal])
            names = [each.name for each in (await self._client.get_collections()).collections]
            for name in common.dedicated_collections(tenant, names):
                await self._client.delete_collection(name)
            for name in common.shared_collections(names):
                doomed = models.Filter(must=[_equals(common.ORG, common.org_value(tenant))])
                await self._client.delete(name, models.FilterSelector(filter=doomed), wait=True)

    async def close(self) -> None:
        """Close the connections of this event loop; those of other loops go with their loop."""
        with self._clients_lock:
            client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    # -- steps ------------------------------------------------------------------------------------

    @property
    def _client(self) -> AsyncQdrantClient:
        if self._ready_client is not None:
            return self._ready_client
        loop = asyncio.get_running_loop()
        with self._clients_lock:
            client = self._clients.get(loop)
            if client is None:
                client = self._clients[loop] = AsyncQdrantClient(
                    url=self._url,
                    api_key=self._api_key or None,
                    timeout=self._timeout,
                    check_compatibility=False,  # it would ask the server here, blocking the loop
                )
            return client

    async def _create(self, name: str, space: VectorSpace) -> None:
        is_shared = space.placement is Placement.SHARED
        layout = self._layout
        dense = models.VectorParams(
            size=space.dimensions, distance=models.Distance.COSINE, on_disk=layout.is_quantised or None
        )
        postings = models.SparseIndexParams(full_scan_threshold=common.sparse_scan_limit(space))
        sparse = models.SparseVectorParams(index=postings, modifier=models.Modifier.IDF)
        try:
            await self._client.create_collection(
                name,
                vectors_config={common.DENSE: dense},
                sparse_vectors_config={common.SPARSE: sparse},
                hnsw_config=models.HnswConfigDiff(m=0, payload_m=16) if is_shared else None,
                quantization_config=INT8 if layout.is_quantised else None,
                shard_number=layout.shards or None,
                replication_factor=layout.replicas,
            )
        except UnexpectedResponse as error:
            if error.status_code != _CONFLICT:  # somebody else was faster: fine
                raise

    async def _forget(self, space: VectorSpace, condition: models.Condition) -> None:
        name = common.collection_name(space)
        with _translated(f"deleting from {name}"):
            if await self._client.collection_exists(name):
                selector = models.FilterSelector(filter=_filter(space, condition))
                await self._client.delete(name, selector, wait=True)

    async def _scroll(
        self, space: VectorSpace, wanted: models.Filter, size: int, *, whole: bool
    ) -> AsyncIterator[list[models.Record]]:
        name = common.collection_name(space)
        with _translated(f"reading {name}"):
            if not await self._client.collection_exists(name):
                return
        page: Any = None
        while True:
            with _translated(f"reading {name}"):
                records, page = await self._client.scroll(
                    name, scroll_filter=wanted, limit=size, offset=page, with_payload=whole, with_vectors=whole
                )
            yield records
            if page is None:
                return


# -- the client's words ---------------------------------------------------------------------------


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        hint = "; prepare it first" if error.status_code == _NOT_FOUND else ""
        raise IndexUnavailable(detail=f"{doing}: {error}{hint}") from error
    except (ResponseHandlingException, ResourceExhaustedResponse) as error:
        raise IndexUnavailable(detail=f"{doing}: {error}") from error


def _check_dimensions(name: str, space: VectorSpace, info: models.CollectionInfo) -> None:
    vectors = info.config.params.vectors
    dense = vectors.get(common.DENSE) if isinstance(vectors, dict) else None
    if dense is None or dense.size != space.dimensions:
        raise IndexUnavailable(
            detail=f"collection {name} holds {dense.size if dense else 'no'} dimensions, "
            f"the embedding model makes {space.dimensions}"
        )


def _payload_indexes(space: VectorSpace) -> dict[str, models.KeywordIndexParams | models.IntegerIndexParams]:
    is_shared = space.placement is Placement.SHARED
    indexes: dict[str, models.KeywordIndexParams | models.IntegerIndexParams] = {
        common.DOCUMENT: _keyword(enable_hnsw=False),  # for forgetting, never for searching
        common.COLLECTION: _keyword(enable_hnsw=not is_shared),
        common.TAGS: _keyword(enable_hnsw=False),
        common.DATED: models.IntegerIndexParams(
            type=models.IntegerIndexType.INTEGER, lookup=False, range=True, enable_hnsw=False
        ),
    }
    if is_shared:
        indexes[common.ORG] = _keyword(is_tenant=True)
    return indexes


def _keyword(*, enable_hnsw: bool | None = None, is_tenant: bool | None = None) -> models.KeywordIndexParams:
    keyword = models.KeywordIndexType.KEYWORD
    return models.KeywordIndexParams(type=keyword, enable_hnsw=enable_hnsw, is_tenant=is_tenant)


def _filter(space: VectorSpace, *conditions: models.Condition) -> models.Filter:
    """In a shared collection every filter names the organisation. The one place where filters are made."""
    must = list(conditions)
    if space.placement is Placement.SHARED:
        must.append(_equals(common.ORG, common.org_value(space.tenant)))
    return models.Filter(must=must)


def _equals(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _requests(
    space: VectorSpace,
    dense: Vector | None,
    keywords: Sequence[KeywordQuery],
    scope: SearchScope,
    limit: int,
    dense_params: models.SearchParams | None,
) -> list[models.QueryRequest]:
    requests = []
    if dense is not None:
        visible = _visible(space, scope, scope.collection_ids)
        requests.append(_request(common.floats(dense), common.DENSE, visible, limit, dense_params))
    for keyword in keywords:
        visible = _visible(space, scope, keyword.collection_ids)
        requests.append(_request(_terms(keyword.terms), common.SPARSE, visible, limit, _keyword_params(space)))
    return requests


def _visible(space: VectorSpace, scope: SearchScope, collection_ids: Sequence[UUID]) -> models.Filter:
    conditions: list[models.Condition] = [_any_of(common.COLLECTION, common.id_values(collection_ids))]
    if scope.document_ids is not None:
        conditions.append(_any_of(common.DOCUMENT, common.id_values(scope.document_ids)))
    conditions += [_equals(common.TAGS, tag) for tag in scope.tags]
    if days := common.days(scope):
        conditions.append(models.FieldCondition(key=common.DATED, range=models.Range(gte=days[0], lte=days[1])))
    return _filter(space, *conditions)


def _any_of(key: str, values: list[str]) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchAny(any=values))


def _request(
    query: list[float] | models.SparseVector,
    using: str,
    visible: models.Filter,
    limit: int,
    params: models.SearchParams | None = None,
) -> models.QueryRequest:
    return models.QueryRequest(
        query=query, using=using, filter=visible, limit=limit, with_payload=[common.DOCUMENT], params=params
    )


def _keyword_params(space: VectorSpace) -> models.SearchParams | None:
    """How rare a term is counts within the organisation, never over its neighbours in a shared collection."""
    if space.placement is Placement.DEDICATED:
        return None
    return models.SearchParams(idf=models.IdfCorpusParams(corpus=_filter(space)))


def _terms(sparse: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(sparse.indices), values=common.floats(sparse.values))


def _point(space: VectorSpace, chunk: EmbeddedChunk) -> models.PointStruct:
    return models.PointStruct(
        id=str(common.stored_id(space, chunk.point_id)),
        vector={common.DENSE: common.floats(chunk.dense), common.SPARSE: _terms(chunk.sparse)},
        payload=common.payload_of(space, chunk),
    )


def _hit(space: VectorSpace, point: models.ScoredPoint) -> Hit:
    payload = point.payload or {}
    return Hit(common.point_id_of(space, point.id), UUID(payload[common.DOCUMENT]), point.score)


def _chunk(space: VectorSpace, record: models.Record) -> EmbeddedChunk:
    vectors: Any = record.vector
    terms = vectors.get(common.SPARSE)
    sparse = SparseVector(tuple(terms.indices), tuple(terms.values)) if terms else SparseVector((), ())
    return common.chunk_of(space, record.id, record.payload or {}, vectors[common.DENSE], sparse)
