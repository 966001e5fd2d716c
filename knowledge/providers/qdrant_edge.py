"""The Qdrant engine inside this process: nothing to install, nothing to start; one folder per collection.

What shaped it, all measured with qdrant_edge 0.9:
- Every call holds the GIL until it returns. Searches take 1 to 3 ms, writes go in small steps, files are synced from
  Python (which lets go of the GIL) before the engine's own flush finds little left to do.
- `optimize()` would hold the GIL for seconds, so a child process runs it on a copy of the folder while this process
  goes on searching and writing; writes made meanwhile are repeated on the copy, then a pointer file is switched.
- A write survives kill -9 as soon as `update()` returns (its log is a mapped file); against power loss we sync the log.
- A shard belongs to one process, hence the lock file at the root.

On disk: `<root>/<collection>/current` names the generation (a shard folder beside it) that counts; any other
generation is left over from a crash. `<root>/aliases.json` holds the aliases.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID, uuid4

import qdrant_edge as engine

from knowledge.errors import IndexUnavailable
from knowledge.providers import qdrant_common as common
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

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

POINTS_PER_WRITE = 100  # about 4 ms of the GIL
POINTS_PER_PAGE = 1_000
FLUSH_AFTER = 5_000  # changed points; keeps the log short, so that opening stays fast
OPTIMISE_AFTER = 20_000  # changed points; below that scanning every vector takes 3 ms
OPTIMISE_SHARE = 0.5  # of the collection: a growing one is rebuilt each time it has grown by half
OPEN_SHARDS = 32  # an open shard costs about 15 MB of mapped pages, opening one takes 50 ms

_CURRENT = "current"
_CHILD = """
import os, sys, qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.optimize()
shard.flush()
shard.close()
"""


class EdgeVectorIndex:
    """`VectorIndex` over `qdrant_edge`. One process may own `root` at a time; it is claimed by the first call."""

    def __init__(
        self, root: Path, *, open_shards: int = OPEN_SHARDS, optimise_after: int = OPTIMISE_AFTER, threads: int = 2
    ) -> None:
        self.root = Path(root)
        self._open_limit = open_shards
        self._optimise_after = optimise_after
        self._readers = ThreadPoolExecutor(threads, "vena-index-read")
        self._writers = ThreadPoolExecutor(threads, "vena-index-write")
        self._catalog = threading.Condition(threading.RLock())
        self._shards: OrderedDict[str, _Shard] = OrderedDict()
        self._lock_file: int | None = None
        self._owner = 0
        self._is_closed = False

    # -- the protocol -----------------------------------------------------------------------------

    async def prepare(self, space: VectorSpace) -> None:
        await self._call(self._writers, self._prepare, space)

    async def activate(self, space: VectorSpace) -> None:
        await self._call(self._writers, self._activate, space)

    async def active(self, tenant: TenantKey) -> str | None:
        """The collection the organisation's alias points at."""
        alias = common.alias_name(tenant)
        return (await self._call(self._readers, self._aliases)).get(alias)

    async def check(self) -> None:
        await self._call(self._readers, self._aliases)

    async def upsert(self, space: VectorSpace, chunks: Sequence[EmbeddedChunk]) -> None:
        if chunks:
            await self._call(self._writers, self._upsert, space, chunks)

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
        return await self._call(self._readers, self._search, space, dense, asked, scope, limit)

    async def relabel(self, space: VectorSpace, document_id: UUID, labels: Labels) -> None:
        await self._call(self._writers, self._relabel, space, document_id, labels)

    async def existing(self, space: VectorSpace, point_ids: Sequence[UUID]) -> set[UUID]:
        return await self._call(self._readers, self._existing, space, point_ids)

    async def forget_space(self, space: VectorSpace) -> None:
        await self._call(self._writers, self._forget_space, space)

    async def forget_document(self, space: VectorSpace, document_id: UUID) -> None:
        await self._call(self._writers, self._forget, space, _document_is(document_id))

    async def forget_points(self, space: VectorSpace, point_ids: Sequence[UUID]) -> None:
        for batch in common.batches(list(point_ids), POINTS_PER_PAGE):
            ids: set[engine.PointId] = {common.stored_id(space, point_id) for point_id in batch}
            await self._call(self._writers, self._forget, space, engine.HasIdCondition(ids))

    async def point_ids(self, space: VectorSpace, document_id: UUID | None = None) -> set[UUID]:
        return await self._call(self._readers, self._point_ids, space, document_id)

    async def count(self, space: VectorSpace) -> int:
        return await self._call(self._readers, self._count, space)

    async def scan(self, space: VectorSpace, batch_size: int = 256) -> AsyncIterator[list[EmbeddedChunk]]:
        page: engine.PointId | None = None
        while True:
            chunks, page = await self._call(self._readers, self._page, space, batch_size, page)
            if chunks:
                yield chunks
            if page is None:
                return

    async def drop(self, tenant: TenantKey) -> None:
        await self._call(self._writers, self._drop, tenant)

    async def close(self) -> None:
        """Write everything out and let other processes in. The index can't be used afterwards."""
        if not self._is_closed:
            await asyncio.get_running_loop().run_in_executor(self._writers, self._close)
            self._readers.shutdown(wait=False)
            self._writers.shutdown(wait=False)

    # -- their bodies, on a worker thread ---------------------------------------------------------

    async def _call(self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._is_closed:
            raise IndexUnavailable(detail="the vector index was closed")

        def call() -> T:
            with _translated(f"{function.__name__.lstrip('_')} in {self.root}"):
                self._claim()
                return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(pool, call)

    def _prepare(self, space: VectorSpace) -> None:
        name = common.collection_name(space)
        with self._catalog:
            if not self._exists(name):
                self._create(name, space)
        with self._shard(space):
            pass

    def _create(self, name: str, space: VectorSpace) -> None:
        """Built beside, then renamed: a crash leaves nothing half-made under the collection's name."""
        building = self.root / f".building-{uuid4().hex}"
        generation = building / uuid4().hex
        generation.mkdir(parents=True)
        shard = engine.EdgeShard.create(str(generation), _config(space))
        for field, index in _payload_indexes(space).items():
            shard.update(engine.UpdateOperation.create_field_index(field, index))
        shard.flush()
        shard.close()
        _write_atomically(building / _CURRENT, generation.name)
        building.rename(self.root / name)
        _sync(self.root)

    def _activate(self, space: VectorSpace) -> None:
        with self._catalog:
            aliases = self._aliases()
            aliases.pop(common.alias_name(space.tenant), None)
            if space.placement is Placement.DEDICATED:
                name = common.collection_name(space)
                if not self._exists(name):
                    raise _missing(name)
                aliases[common.alias_name(space.tenant)] = name
            self._write_aliases(aliases)

    def _upsert(self, space: VectorSpace, chunks: Sequence[EmbeddedChunk]) -> None:
        with self._shard(space) as shard:
            for batch in common.batches(chunks, POINTS_PER_WRITE):
                points = [_point(space, chunk) for chunk in batch]
                shard.write(engine.UpdateOperation.upsert_points(points), changed=len(points))
            shard.sync_log()
            self._keep_up(shard)

    def _search(
        self,
        space: VectorSpace,
        dense: Vector | None,
        keywords: Sequence[KeywordQuery],
        scope: SearchScope,
        limit: int,
    ) -> Hits:
        requests = []
        if dense is not None:
            visible = _visible(space, scope, scope.collection_ids)
            requests.append(_request(engine.Query.Nearest(common.floats(dense), using=common.DENSE), visible, limit))
        for keyword in keywords:
            terms = engine.SparseVector(list(keyword.terms.indices), common.floats(keyword.terms.values))
            query = engine.Query.Nearest(terms, using=common.SPARSE)
            visible = _visible(space, scope, keyword.collection_ids)
            requests.append(_request(query, visible, limit, _keyword_params(space)))
        with self._shard(space) as shard:
            found = shard.run(lambda e: e.query_batch(engine.QueryBatchRequest(requests)))
        lists = [tuple(_hit(space, point) for point in points) for points in found]
        first = lists.pop(0) if dense is not None else ()
        return Hits(dense=first, sparse=common.merged(lists, limit))

    def _relabel(self, space: VectorSpace, document_id: UUID, labels: Labels) -> None:
        if not self._exists(common.collection_name(space)):
            return
        wanted = _filter(space, _document_is(document_id))
        with self._shard(space) as shard:
            count = shard.count(wanted)
            payload = common.payload_of_labels(labels)
            shard.write(engine.UpdateOperation.set_payload_by_filter(wanted, payload), changed=count)
            shard.sync_log()

    def _existing(self, space: VectorSpace, point_ids: Sequence[UUID]) -> set[UUID]:
        if not self._exists(common.collection_name(space)):
            return set()
        found: set[UUID] = set()
        with self._shard(space) as shard:
            for batch in common.batches(point_ids, POINTS_PER_PAGE):
                wanted: list[engine.PointId] = [common.stored_id(space, one) for one in batch]
                records = shard.retrieve(wanted)
                found.update(common.point_id_of(space, record.id) for record in records)
        return found

    def _forget_space(self, space: VectorSpace) -> None:
        """A collection of the organisation's own goes whole; from a shared one its points go."""
        name = common.collection_name(space)
        if space.placement is Placement.SHARED:
            if self._exists(name):
                with self._shard(space) as shard:
                    self._delete(shard, _filter(space))
            return
        with self._catalog:
            if self._aliases().get(common.alias_name(space.tenant)) == name:
                raise IndexUnavailable(detail=f"{name} is the one that answers; it is not removed")
            removed = self._taken_out(name) if self._exists(name) else None
        if removed:
            shutil.rmtree(removed, ignore_errors=True)

    def _forget(self, space: VectorSpace, condition: engine.ConditionType) -> None:
        if self._exists(common.collection_name(space)):
            with self._shard(space) as shard:
                self._delete(shard, _filter(space, condition))

    def _point_ids(self, space: VectorSpace, document_id: UUID | None) -> set[UUID]:
        if not self._exists(common.collection_name(space)):
            return set()
        wanted = _filter(space, *([_document_is(document_id)] if document_id else []))
        found: set[UUID] = set()
        page: engine.PointId | None = None
        with self._shard(space) as shard:
            while True:
                request = engine.ScrollRequest(offset=page, limit=POINTS_PER_PAGE, filter=wanted, with_payload=False)
                records, page = shard.scroll(request)
                found.update(common.point_id_of(space, record.id) for record in records)
                if page is None:
                    return found

    def _count(self, space: VectorSpace) -> int:
        if not self._exists(common.collection_name(space)):
            return 0
        with self._shard(space) as shard:
            return shard.count(_filter(space))

    def _page(
        self, space: VectorSpace, size: int, page: engine.PointId | None
    ) -> tuple[list[EmbeddedChunk], engine.PointId | None]:
        if not self._exists(common.collection_name(space)):
            return [], None
        request = engine.ScrollRequest(
            offset=page, limit=size, filter=_filter(space), with_payload=True, with_vector=True
        )
        with self._shard(space) as shard:
            records, following = shard.scroll(request)
        return [_chunk(space, record) for record in records], following

    def _drop(self, tenant: TenantKey) -> None:
        with self._catalog:
            aliases = self._aliases()
            if aliases.pop(common.alias_name(tenant), None):
                self._write_aliases(aliases)
            removed = [self._taken_out(name) for name in common.dedicated_collections(tenant, self._names())]
        for folder in removed:
            shutil.rmtree(folder, ignore_errors=True)
        for name in common.shared_collections(self._names()):
            with self._borrowed(name) as shard:
                self._delete(shard, engine.Filter(must=[_equals(common.ORG, common.org_value(tenant))]))

    def _taken_out(self, name: str) -> Path:
        """Close the collection once nobody uses it and rename its folder; what is left is to delete that."""
        shard = self._shards.get(name)
        if shard:
            self._catalog.wait_for(partial(_is_unused, shard))
            self._shards.pop(name, None)
            shard.close()
        doomed = self.root / f".removed-{uuid4().hex}"
        with suppress(FileNotFoundError):  # two drops at once
            (self.root / name).rename(doomed)
            _sync(self.root)
        return doomed

    def _delete(self, shard: _Shard, doomed: engine.Filter) -> None:
        count = shard.count(doomed)
        if count:
            shard.write(engine.UpdateOperation.delete_points_by_filter(doomed), changed=count)
            shard.sync_log()
            self._keep_up(shard)

    def _close(self) -> None:
        with self._catalog:
            self._is_closed = True
            while self._shards:
                _, shard = self._shards.popitem()
                self._catalog.wait_for(partial(_is_unused, shard))
                shard.close()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    # -- open shards ------------------------------------------------------------------------------

    @contextmanager
    def _shard(self, space: VectorSpace) -> Iterator[_Shard]:
        with self._borrowed(common.collection_name(space)) as shard:
            if shard.dimensions != space.dimensions:
                raise IndexUnavailable(
                    detail=f"collection {shard.name} holds {shard.dimensions} dimensions, "
                    f"the embedding model makes {space.dimensions}"
                )
            yield shard

    @contextmanager
    def _borrowed(self, name: str) -> Iterator[_Shard]:
        with self._catalog:
            shard = self._shards.get(name)
            if shard is None:
                if not self._exists(name):
                    raise _missing(name)
                shard = self._shards[name] = _Shard(name, self.root / name)
            self._shards.move_to_end(name)
            shard.users += 1
            self._close_idle()
        try:
            yield shard
        finally:
            with self._catalog:
                shard.users -= 1
                self._catalog.notify_all()

    def _close_idle(self) -> None:
        idle = [shard for shard in self._shards.values() if shard.users == 0 and not shard.is_optimising]
        for shard in idle[: max(0, len(self._shards) - self._open_limit)]:
            del self._shards[shard.name]
            shard.close()

    def _keep_up(self, shard: _Shard) -> None:
        """After writing: flush now and then, and optimise in the background when it is worth it."""
        if shard.unflushed >= FLUSH_AFTER:
            shard.flush()
        threshold = max(self._optimise_after, int(OPTIMISE_SHARE * shard.points))
        with self._catalog:
            if shard.unoptimised < threshold or shard.is_optimising or not sys.executable:
                return
            shard.is_optimising = True
        # A daemon thread: it mostly waits for the child, and must not keep the process from ending.
        threading.Thread(target=shard.optimise, name=f"vena-index-optimise-{shard.name}", daemon=True).start()

    # -- the root folder --------------------------------------------------------------------------

    def _claim(self) -> None:
        """Become the one owner of the root, once; sweep up what a crash left."""
        with self._catalog:
            if self._is_closed:
                raise IndexUnavailable(detail="the vector index was closed")
            if self._lock_file is not None:
                if self._owner != os.getpid():
                    raise IndexUnavailable(detail="the process forked after opening the vector index")
                return
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock_file = _locked(self.root / ".lock")
            self._owner = os.getpid()
            for leftover in (*self.root.glob(".building-*"), *self.root.glob(".removed-*")):
                shutil.rmtree(leftover, ignore_errors=True)

    def _exists(self, name: str) -> bool:
        return (self.root / name).is_dir()

    def _names(self) -> list[str]:
        return [folder.name for folder in self.root.iterdir() if folder.is_dir()]

    def _aliases(self) -> dict[str, str]:
        try:
            aliases: dict[str, str] = json.loads((self.root / "aliases.json").read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise IndexUnavailable(detail=f"{self.root / 'aliases.json'} is damaged") from error
        return aliases

    def _write_aliases(self, aliases: dict[str, str]) -> None:
        _write_atomically(self.root / "aliases.json", json.dumps(aliases, indent=1, sort_keys=True))


class _Shard:
    """One open collection. `_engine_lock` is held for each engine call, `_write_lock` also keeps the files still."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.users = 0
        self.is_optimising = False
        self._home = home
        self._engine_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._journal: list[engine.UpdateOperation] | None = None  # writes to repeat on the copy
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        with _translated(f"the folder {home} is damaged; remove it and re-index its documents"):
            self._folder = home / (home / _CURRENT).read_text().strip()
            self.dimensions = _dimensions(self._folder)
            self._engine = engine.EdgeShard.load(str(self._folder))
            info = self._engine.info()
        for other in home.iterdir():
            if other.is_dir() and other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        self.points = info.points_count
        self.unflushed = 0
        self.unoptimised = max(0, 2 * info.points_count - info.indexed_vectors_count)  # keyword vectors always count

    def run(self, call: Callable[[engine.EdgeShard], T]) -> T:
        with self._engine_lock:
            if self._is_closed:
                raise IndexUnavailable(detail=f"collection {self.name} was closed")
            return call(self._engine)

    def count(self, wanted: engine.Filter) -> int:
        return self.run(lambda e: e.count(engine.CountRequest(filter=wanted)))

    def retrieve(self, wanted: list[engine.PointId]) -> list[engine.Record]:
        """The stored ones of these points, without what they hold."""
        return self.run(lambda e: e.retrieve(wanted, with_payload=False, with_vector=False))

    def scroll(self, request: engine.ScrollRequest) -> tuple[list[engine.Record], engine.PointId | None]:
        return self.run(lambda e: e.scroll(request))

    def write(self, operation: engine.UpdateOperation, *, changed: int) -> None:
        with self._write_lock:
            self.run(lambda e: e.update(operation))
            if self._journal is not None:
                self._journal.append(operation)
            self.unflushed += changed
            self.unoptimised += changed

    def sync_log(self) -> None:
        _sync_files(self._folder / "wal")

    def flush(self) -> None:
        with self._write_lock:
            _sync_files(self._folder)
            self.run(lambda e: e.flush())
            self.points = self.run(lambda e: e.info()).points_count
            self.unflushed = 0

    def close(self) -> None:
        if self._child is not None:
            self._child.terminate()
        with self._write_lock:
            if not self._is_closed:
                _sync_files(self._folder)
                with self._engine_lock:
                    self._is_closed = True
                    self._engine.close()

    # -- optimising a copy ------------------------------------------------------------------------

    def optimise(self) -> None:
        copy = self._home / uuid4().hex
        try:
            with _translated(f"optimising {self._home}"):
                done = self._unoptimised_copied(copy)
                self._run_child(copy)
                self._adopt(copy, done)
        except IndexUnavailable as error:  # searching works without; try again after as many changes
            self.unoptimised = 0
            logger.warning("index.optimise_failed", extra={"collection": self.name, "detail": error.detail})
        finally:
            self._journal = None
            self._child = None
            if self._folder != copy:
                shutil.rmtree(copy, ignore_errors=True)
            self.is_optimising = False

    def _unoptimised_copied(self, copy: Path) -> int:
        """Copy the folder; writers wait for it, searches don't. Returns how many changes the copy holds."""
        self.flush()
        with self._write_lock:
            shutil.copytree(self._folder, copy)
            self._journal = []
            return self.unoptimised

    def _run_child(self, copy: Path) -> None:
        command = [sys.executable, "-c", _CHILD, str(copy)]
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 (our own interpreter)
        if self._is_closed:
            self._child.terminate()
        status = self._child.wait()
        if status != 0 and not self._is_closed:
            raise IndexUnavailable(detail=f"the child process ended with status {status}")

    def _adopt(self, copy: Path, done: int) -> None:
        with self._write_lock:
            if self._is_closed:
                return
            fresh = engine.EdgeShard.load(str(copy))
            for operation in self._journal or ():
                fresh.update(operation)
            _sync_files(copy)
            _sync_files(self._folder)
            _write_atomically(self._home / _CURRENT, copy.name)
            with self._engine_lock:
                old, self._engine = self._engine, fresh
                old_folder, self._folder = self._folder, copy
            self.unoptimised -= done
            old.close()
        shutil.rmtree(old_folder, ignore_errors=True)
        logger.info("index.optimised", extra={"collection": self.name, "changes": done})


def _is_unused(shard: _Shard) -> bool:
    return shard.users == 0


# -- the engine's words ---------------------------------------------------------------------------


def _config(space: VectorSpace) -> engine.EdgeConfig:
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


def _payload_indexes(space: VectorSpace) -> dict[str, engine.KeywordIndexParams | engine.IntegerIndexParams]:
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


def _dimensions(folder: Path) -> int:
    try:
        return int(json.loads((folder / "edge_config.json").read_text())["vectors"][common.DENSE]["size"])
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"{folder / 'edge_config.json'} can't be read") from error


def _filter(space: VectorSpace, *conditions: engine.ConditionType) -> engine.Filter:
    """In a shared collection every filter names the organisation. The one place where filters are made."""
    must = list(conditions)
    if space.placement is Placement.SHARED:
        must.append(_equals(common.ORG, common.org_value(space.tenant)))
    return engine.Filter(must=must)


def _equals(key: str, value: str) -> engine.FieldCondition:
    return engine.FieldCondition(key, match=engine.MatchValue(value))


def _any_of(key: str, values: list[str]) -> engine.FieldCondition:
    return engine.FieldCondition(key, match=engine.MatchAny(values))


def _document_is(document_id: UUID) -> engine.FieldCondition:
    return _equals(common.DOCUMENT, str(document_id))


def _visible(space: VectorSpace, scope: SearchScope, collection_ids: Sequence[UUID]) -> engine.Filter:
    conditions: list[engine.ConditionType] = [_any_of(common.COLLECTION, common.id_values(collection_ids))]
    if scope.document_ids is not None:
        conditions.append(_any_of(common.DOCUMENT, common.id_values(scope.document_ids)))
    conditions += [_equals(common.TAGS, tag) for tag in scope.tags]
    if days := common.days(scope):
        conditions.append(engine.FieldCondition(common.DATED, range=engine.RangeFloat(gte=days[0], lte=days[1])))
    return _filter(space, *conditions)


def _request(
    query: engine.Query, visible: engine.Filter, limit: int, params: engine.SearchParams | None = None
) -> engine.QueryRequest:
    return engine.QueryRequest(limit=limit, query=query, filter=visible, with_payload=[common.DOCUMENT], params=params)


def _keyword_params(space: VectorSpace) -> engine.SearchParams | None:
    """How rare a term is counts within the organisation, never over its neighbours in a shared collection."""
    if space.placement is Placement.DEDICATED:
        return None
    return engine.SearchParams(idf=engine.IdfParams(corpus=_filter(space)))


def _point(space: VectorSpace, chunk: EmbeddedChunk) -> engine.Point:
    vectors: dict[str, Any] = {
        common.DENSE: common.floats(chunk.dense),
        common.SPARSE: engine.SparseVector(list(chunk.sparse.indices), common.floats(chunk.sparse.values)),
    }
    return engine.Point(common.stored_id(space, chunk.point_id), vectors, common.payload_of(space, chunk))


def _hit(space: VectorSpace, point: engine.ScoredPoint) -> Hit:
    payload = point.payload or {}
    return Hit(common.point_id_of(space, point.id), UUID(payload[common.DOCUMENT]), point.score)


def _chunk(space: VectorSpace, record: engine.Record) -> EmbeddedChunk:
    vectors: Any = record.vector
    terms = vectors.get(common.SPARSE)
    sparse = SparseVector(tuple(terms.indices), tuple(terms.values)) if terms else SparseVector((), ())
    return common.chunk_of(space, record.id, record.payload or {}, vectors[common.DENSE], sparse)


def _missing(name: str) -> IndexUnavailable:
    return IndexUnavailable(detail=f"collection {name} does not exist; prepare it first")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """The engine raises bare `Exception`, a panic of it is a `BaseException` called PanicException."""
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(detail=f"{doing}: {error}") from error
    except BaseException as error:
        if type(error) is Exception or type(error).__name__ == "PanicException":
            raise IndexUnavailable(detail=f"{doing}: {error}") from error
        raise


# -- files ----------------------------------------------------------------------------------------


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise IndexUnavailable(
            "Another Vena process is using the search index. Stop it, or set QDRANT_URL to share a Qdrant server.",
            detail=f"{path.parent} is locked by process {owner}",
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync_files(folder: Path) -> None:
    """fsync writes a mapped file's pages too, and lets go of the GIL while it does."""
    for directory, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # the engine removes log segments it has applied
                _sync(Path(directory, name))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
