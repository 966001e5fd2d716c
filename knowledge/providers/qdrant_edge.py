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
import json
import logging
import os
import shutil
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID, uuid4

import qdrant_edge as engine

from knowledge.errors import IndexUnavailable
from knowledge.providers import qdrant_common as common
from knowledge.providers.qdrant_edge_shard import CURRENT, Shard, locked, missing, sync, translated, write_atomically
from knowledge.providers.qdrant_edge_words import (
    chunk_of,
    config_of,
    document_is,
    equals,
    filter_of,
    hit_of,
    keyword_params,
    payload_indexes,
    point_of,
    request_of,
    visible_in,
)
from knowledge.types import (
    EmbeddedChunk,
    Hits,
    KeywordQuery,
    Labels,
    Placement,
    SearchScope,
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
        self._shards: OrderedDict[str, Shard] = OrderedDict()
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
        await self._call(self._writers, self._forget, space, document_is(document_id))

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
            with translated(f"{function.__name__.lstrip('_')} in {self.root}"):
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
        shard = engine.EdgeShard.create(str(generation), config_of(space))
        for field, index in payload_indexes(space).items():
            shard.update(engine.UpdateOperation.create_field_index(field, index))
        shard.flush()
        shard.close()
        write_atomically(building / CURRENT, generation.name)
        building.rename(self.root / name)
        sync(self.root)

    def _activate(self, space: VectorSpace) -> None:
        with self._catalog:
            aliases = self._aliases()
            aliases.pop(common.alias_name(space.tenant), None)
            if space.placement is Placement.DEDICATED:
                name = common.collection_name(space)
                if not self._exists(name):
                    raise missing(name)
                aliases[common.alias_name(space.tenant)] = name
            self._write_aliases(aliases)

    def _upsert(self, space: VectorSpace, chunks: Sequence[EmbeddedChunk]) -> None:
        with self._shard(space) as shard:
            for batch in common.batches(chunks, POINTS_PER_WRITE):
                points = [point_of(space, chunk) for chunk in batch]
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
            visible = visible_in(space, scope, scope.collection_ids)
            requests.append(request_of(engine.Query.Nearest(common.floats(dense), using=common.DENSE), visible, limit))
        for keyword in keywords:
            terms = engine.SparseVector(list(keyword.terms.indices), common.floats(keyword.terms.values))
            query = engine.Query.Nearest(terms, using=common.SPARSE)
            visible = visible_in(space, scope, keyword.collection_ids)
            requests.append(request_of(query, visible, limit, keyword_params(space)))
        with self._shard(space) as shard:
            found = shard.run(lambda e: e.query_batch(engine.QueryBatchRequest(requests)))
        lists = [tuple(hit_of(space, point) for point in points) for points in found]
        first = lists.pop(0) if dense is not None else ()
        return Hits(dense=first, sparse=common.merged(lists, limit))

    def _relabel(self, space: VectorSpace, document_id: UUID, labels: Labels) -> None:
        if not self._exists(common.collection_name(space)):
            return
        wanted = filter_of(space, document_is(document_id))
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
                    self._delete(shard, filter_of(space))
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
                self._delete(shard, filter_of(space, condition))

    def _point_ids(self, space: VectorSpace, document_id: UUID | None) -> set[UUID]:
        if not self._exists(common.collection_name(space)):
            return set()
        wanted = filter_of(space, *([document_is(document_id)] if document_id else []))
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
            return shard.count(filter_of(space))

    def _page(
        self, space: VectorSpace, size: int, page: engine.PointId | None
    ) -> tuple[list[EmbeddedChunk], engine.PointId | None]:
        if not self._exists(common.collection_name(space)):
            return [], None
        request = engine.ScrollRequest(
            offset=page, limit=size, filter=filter_of(space), with_payload=True, with_vector=True
        )
        with self._shard(space) as shard:
            records, following = shard.scroll(request)
        return [chunk_of(space, record) for record in records], following

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
                self._delete(shard, engine.Filter(must=[equals(common.ORG, common.org_value(tenant))]))

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
            sync(self.root)
        return doomed

    def _delete(self, shard: Shard, doomed: engine.Filter) -> None:
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
    def _shard(self, space: VectorSpace) -> Iterator[Shard]:
        with self._borrowed(common.collection_name(space)) as shard:
            if shard.dimensions != space.dimensions:
                raise IndexUnavailable(
                    detail=f"collection {shard.name} holds {shard.dimensions} dimensions, "
                    f"the embedding model makes {space.dimensions}"
                )
            yield shard

    @contextmanager
    def _borrowed(self, name: str) -> Iterator[Shard]:
        with self._catalog:
            shard = self._shards.get(name)
            if shard is None:
                if not self._exists(name):
                    raise missing(name)
                shard = self._shards[name] = Shard(name, self.root / name)
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

    def _keep_up(self, shard: Shard) -> None:
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
            self._lock_file = locked(self.root / ".lock")
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
        write_atomically(self.root / "aliases.json", json.dumps(aliases, indent=1, sort_keys=True))


def _is_unused(shard: Shard) -> bool:
    return shard.users == 0
