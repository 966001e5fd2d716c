"""The product's own search over an evaluation set: its engine, fusion, rerank and folding, rows from memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import numpy as np

from knowledge.evaluation.folders import FolderChunk, FolderQuestion
from knowledge.evaluation.kept_vectors import Kept, embedded
from knowledge.evaluation.measures import mrr_at, ndcg_at, recall_at
from knowledge.providers.base import Embedder, TokenEmbedder
from knowledge.providers.qdrant_edge import EdgeVectorIndex
from knowledge.providers.registry import reranker, sparse_encoder
from knowledge.retrieval.composing import FoundChunk
from knowledge.retrieval.search import Engine, Plan, search
from knowledge.retrieval.trace import Recorder
from knowledge.types import EmbeddedChunk, Labels, Passage, SearchScope, VectorSpace
from tenants.types import TenantKey

TENANT = TenantKey(UUID(int=1), "org_evaluation")
COLLECTION = UUID(int=2)
SCOPE = SearchScope(collection_ids=(COLLECTION,))
LANGUAGE = "english"
SYSTEMS = ("bm25", "dense", "hybrid", "rerank", "passages")
MEASURES = ("recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10")
DEPTH = 10
RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class SystemRun:
    """How one way to search fared: a ranking a question, and its figures, in the order of MEASURES."""

    system: str
    rankings: tuple[tuple[str, ...], ...]
    figures: tuple[tuple[float, float, float, float], ...]
    milliseconds: float  # median of one search, without the question's embedding where that is kept

    def mean(self, measure: str) -> float:
        column = MEASURES.index(measure)
        return sum(row[column] for row in self.figures) / max(1, len(self.figures))


class FolderSearch:
    """An index over an evaluation set, asked in different ways."""

    def __init__(self, engine: Engine, chunks: Sequence[FolderChunk], plan: Plan) -> None:
        self._engine, self._plan = engine, plan
        self._sections = {(each.found.document_id, each.found.position): each.sections for each in chunks}
        self._positions = {each.found.chunk_id: each.found.position for each in chunks}

    async def run(self, system: str, questions: Sequence[FolderQuestion]) -> SystemRun:
        engine, plan = way_of(system, self._engine, self._plan)
        rankings, spent = [], []
        for question in questions:
            started = time.perf_counter()
            found = await search(engine, question.text, SCOPE, plan, Recorder())
            spent.append((time.perf_counter() - started) * 1000)
            rankings.append(self._ranking(found.passages))
        figures = tuple(figures_of(ranked, each.gold) for ranked, each in zip(rankings, questions, strict=True))
        return SystemRun(system, tuple(rankings), figures, median(spent) if spent else 0.0)

    def _ranking(self, passages: Sequence[Passage]) -> tuple[str, ...]:
        """The rows that a reader of the passages meets, in that order; of a merged passage the best chunk's first."""
        found: list[str] = []
        for passage in passages:
            best = self._positions[passage.chunk_id]
            last = passage.position if passage.last_position is None else passage.last_position
            for position in sorted(range(passage.position, last + 1), key=lambda position: position != best):
                found += self._sections[passage.document_id, position]
        return tuple(dict.fromkeys(found))


@asynccontextmanager
async def folder_search(
    model: Embedder, chunks: Sequence[FolderChunk], plan: Plan, *, cache: Path, progress: Callable[[str], None]
) -> AsyncIterator[FolderSearch]:
    kept = await embedded(model, [each.embedding_text for each in chunks], cache, progress)
    space = VectorSpace(TENANT, model.version, model.dimensions)
    progress(f"Indexing {len(chunks)} chunks.")
    with TemporaryDirectory(prefix="vena-evaluation-") as folder:
        index = EdgeVectorIndex(Path(folder))
        try:
            await index.prepare(space)
            await index.activate(space)
            for start in range(0, len(chunks), 1000):
                await index.upsert(space, points(chunks[start : start + 1000], kept[start : start + 1000]))
            yield FolderSearch(engine_over(model, index, space, chunks, kept), chunks, plan)
        finally:
            await index.close()


def points(chunks: Sequence[FolderChunk], kept: Sequence[Kept]) -> list[EmbeddedChunk]:
    encode = sparse_encoder(LANGUAGE).encode_document
    labels = Labels(COLLECTION)
    return [
        EmbeddedChunk(chunk.found.point_id, chunk.found.document_id, labels, dense, encode(chunk.embedding_text))
        for chunk, (dense, _) in zip(chunks, kept, strict=True)
    ]


def engine_over(
    model: Embedder, index: EdgeVectorIndex, space: VectorSpace, chunks: Sequence[FolderChunk], kept: Sequence[Kept]
) -> Engine:
    stored = {
        each.found.point_id: replace(each.found, tokens=tokens) for each, (_, tokens) in zip(chunks, kept, strict=True)
    }

    async def languages(scope: SearchScope) -> Mapping[str, tuple[UUID, ...]]:
        return {LANGUAGE: scope.collection_ids}

    async def rows(wanted: Sequence[UUID], scope: SearchScope) -> dict[UUID, FoundChunk]:
        return {point: stored[point] for point in wanted}

    return Engine(model, index, space, languages, rows)


def way_of(system: str, engine: Engine, plan: Plan) -> tuple[Engine, Plan]:
    """One step after the other: single lists, both, reranked, and the passages people get, with neighbours merged."""
    single = replace(plan, longest=1)
    if system == "bm25":
        return replace(engine, uses_meaning=False), single
    if system == "dense":
        return replace(engine, uses_keywords=False), single
    if system == "hybrid":
        return engine, single
    remote = reranker()
    reranked = replace(engine, reranker=remote, is_late=remote is None and isinstance(engine.model, TokenEmbedder))
    return reranked, single if system == "rerank" else plan


def figures_of(ranked: Sequence[str], gold: Mapping[str, float]) -> tuple[float, float, float, float]:
    return recall_at(ranked, gold, 5), recall_at(ranked, gold, 10), mrr_at(ranked, gold, 10), ndcg_at(ranked, gold, 10)


@dataclass(frozen=True, slots=True)
class Margin:
    """By how much one run's nDCG@10 is better than another's, with the 95 % interval of a paired bootstrap."""

    mean: float
    low: float
    high: float


def margin(better: SystemRun, other: SystemRun) -> Margin:
    column = MEASURES.index("ndcg_at_10")
    pairs = zip(better.figures, other.figures, strict=True)
    differences = np.array([one[column] - two[column] for one, two in pairs])
    if not len(differences):
        return Margin(0.0, 0.0, 0.0)
    random = np.random.default_rng(0)
    samples = random.integers(len(differences), size=(RESAMPLES, len(differences)))
    low, high = np.percentile(differences[samples].mean(axis=1), [2.5, 97.5])
    return Margin(float(differences.mean()), float(low), float(high))
