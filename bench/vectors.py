"""How long a hybrid search takes on the engine in process, and what loading costs.

    python -m bench.vectors [--large] [--dimensions 384]

1,000 and 10,000 chunks, with --large also 100,000: clustered unit vectors, Zipf-distributed terms, ten collections of
which the asker may read three or all. Medians of 200 searches, 50 candidates a list; `from a thread` is what a caller
waits on an event loop that has nothing else to do; `scanned` and `optimised` are before and after building the graph.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from knowledge.providers import qdrant_common as common
from knowledge.providers import qdrant_edge
from knowledge.providers.qdrant_edge import EdgeVectorIndex
from knowledge.types import EmbeddedChunk, KeywordQuery, Labels, Placement, SearchScope, SparseVector, VectorSpace
from tenants.types import TenantKey

SEARCHES = 200
LIMIT = 50
COLLECTIONS = [UUID(int=n + 1) for n in range(10)]
SCOPES = {
    "3 of 10 collections": SearchScope(tuple(COLLECTIONS[:3])),
    "all collections": SearchScope(tuple(COLLECTIONS)),
}


class Corpus:
    def __init__(self, size: int, dimensions: int) -> None:
        self.size = size
        self._random = np.random.default_rng(1)
        centres = self._random.normal(size=(300, dimensions))
        self._dense = centres[self._random.integers(0, 300, size)] + 0.8 * self._random.normal(size=(size, dimensions))
        self._dense = (self._dense / np.linalg.norm(self._dense, axis=1, keepdims=True)).astype(np.float32)

    def batches(self, size: int = 500) -> Iterator[list[EmbeddedChunk]]:
        for start in range(0, self.size, size):
            yield [self._chunk(n) for n in range(start, min(self.size, start + size))]

    def _chunk(self, n: int) -> EmbeddedChunk:
        document = uuid5(COLLECTIONS[0], str(n // 10))
        collection = COLLECTIONS[n // 10 % len(COLLECTIONS)]
        return EmbeddedChunk(
            uuid5(document, str(n)), document, Labels(collection), self._dense[n].tolist(), self._terms(60)
        )

    def _terms(self, count: int) -> SparseVector:
        terms = sorted(set((self._random.zipf(1.3, count) % 30_000).tolist()))
        return SparseVector(tuple(terms), (1.0,) * len(terms))

    def query(self) -> tuple[list[float], SparseVector]:
        near = self._dense[self._random.integers(0, self.size)]
        vector = near + 0.02 * self._random.normal(size=near.shape)
        return (vector / np.linalg.norm(vector)).tolist(), self._terms(6)


def asking(terms: SparseVector) -> list[KeywordQuery]:
    return [KeywordQuery(terms, tuple(COLLECTIONS))]


async def timed(call: Awaitable[object]) -> float:
    started = time.perf_counter()
    await call
    return time.perf_counter() - started


async def search_times(index: EdgeVectorIndex, space: VectorSpace, corpus: Corpus, scope: SearchScope) -> list[float]:
    queries = [corpus.query() for _ in range(SEARCHES + 20)]
    times = [
        await timed(index.search(space, dense=dense, keywords=asking(sparse), scope=scope, limit=LIMIT))
        for dense, sparse in queries
    ]
    return times[20:]


async def engine_times(index: EdgeVectorIndex, space: VectorSpace, corpus: Corpus, scope: SearchScope) -> list[float]:
    times = []
    for dense, sparse in [corpus.query() for _ in range(SEARCHES)]:
        started = time.perf_counter()
        index._search(space, dense, asking(sparse), scope, LIMIT)
        times.append(time.perf_counter() - started)
    return times


async def recall(index: EdgeVectorIndex, space: VectorSpace, answers: dict[int, set[UUID]], corpus: Corpus) -> float:
    """Share of the scanned top 10 that the graph finds too. Fills `answers` when it is empty."""
    scope, shares = SCOPES["all collections"], []
    for n in range(50):
        hits = await index.search(space, dense=corpus._dense[n * 7].tolist(), keywords=(), scope=scope, limit=10)
        top = {hit.point_id for hit in hits.dense}
        shares.append(len(top & answers.setdefault(n, top)) / len(top))
    return statistics.fmean(shares)


async def longest_pause(call: Awaitable[object]) -> tuple[float, float]:
    """(seconds the call took, longest time the event loop stood still meanwhile)"""
    task, worst, started = asyncio.ensure_future(call), 0.0, time.perf_counter()
    while not task.done():
        tick = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - tick)
    await task
    return time.perf_counter() - started, worst


async def loaded(index: EdgeVectorIndex, spaces: list[VectorSpace], corpus: Corpus) -> float:
    spent = 0.0
    for batch, space in zip(corpus.batches(), itertools.cycle(spaces)):
        spent += await timed(index.upsert(space, batch))
    return spent


def neighbours(count: int, dimensions: int) -> list[VectorSpace]:
    placement = Placement.DEDICATED if count == 1 else Placement.SHARED
    tenants = [TenantKey(UUID(int=77 + n), f"bench{n}") for n in range(count)]
    return [VectorSpace(tenant, "bench", dimensions, placement) for tenant in tenants]


async def optimised(index: EdgeVectorIndex, space: VectorSpace, corpus: Corpus) -> list[float]:
    """Optimise while searching: each search's time."""
    shard, scope = index._shards[common.collection_name(space)], SCOPES["all collections"]
    shard.is_optimising = True
    task, times = asyncio.ensure_future(asyncio.to_thread(shard.optimise)), []
    while not task.done():
        dense, sparse = corpus.query()
        times.append(await timed(index.search(space, dense=dense, keywords=asking(sparse), scope=scope, limit=LIMIT)))
        await asyncio.sleep(0.02)
    await task
    return times


def row(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    median, late = ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.95)] * 1e3
    print(f"  {name:<46}{median:9.2f}{late:9.2f}{ordered[-1] * 1e3:9.2f}")


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(size: int, dimensions: int, organisations: int) -> None:
    corpus = Corpus(size, dimensions)
    with tempfile.TemporaryDirectory() as folder:
        index = EdgeVectorIndex(Path(folder), optimise_after=10**9)
        spaces = neighbours(organisations, dimensions)
        space = spaces[0]
        await index.prepare(space)
        seconds = await loaded(index, spaces, corpus)
        print(f"\n{size:,} chunks, {dimensions} dimensions, {space.placement.value} by {organisations}")
        print(f"  stored in {seconds:.1f} s, {size / seconds:,.0f} chunks a second, durable after each 500")
        print(f"  {'hybrid search, ms':<46}{'median':>9}{'p95':>9}{'worst':>9}")
        exact: dict[int, set[UUID]] = {}
        await recall(index, space, exact, corpus)
        for state in ("scanned", "optimised"):
            for name, scope in SCOPES.items():
                row(f"{state}, {name}, from a thread", await search_times(index, space, corpus, scope))
            row(
                f"{state}, 3 of 10 collections, engine alone",
                await engine_times(index, space, corpus, SCOPES["3 of 10 collections"]),
            )
            if state == "scanned":
                started = time.perf_counter()
                row("while a child process optimises", await optimised(index, space, corpus))
                print(f"  optimised in {time.perf_counter() - started:.1f} s")
        print(f"  recall@10 of the graph against the scan: {await recall(index, space, exact, corpus):.3f}")
        took, pause = await longest_pause(index.upsert(space, next(corpus.batches())))
        print(f"  500 chunks stored in {took * 1e3:.0f} ms; event loop stood still for {pause * 1e3:.0f} ms at most")
        await index.close()
        again = EdgeVectorIndex(Path(folder))
        opening = await timed(again.count(space))
        print(f"  reopened in {opening * 1e3:.0f} ms; resident {resident():.0f} MB, the bench's own vectors included")
        await again.close()


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--large", action="store_true", help="also 100,000 chunks (some minutes)")
    options.add_argument(
        "--shared", action="store_true", help="also 40 organisations of 1,000 chunks in one collection"
    )
    options.add_argument("--dimensions", type=int, default=384)
    chosen = options.parse_args()
    print(f"qdrant_edge in process, {os.cpu_count()} cores, writes in steps of {qdrant_edge.POINTS_PER_WRITE}")
    for size in (1_000, 10_000, 100_000) if chosen.large else (1_000, 10_000):
        await measure(size, chosen.dimensions, 1)
    if chosen.shared:
        await measure(40_000, chosen.dimensions, 40)


if __name__ == "__main__":
    asyncio.run(main())
