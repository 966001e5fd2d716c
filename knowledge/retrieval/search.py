"""From a question to passages, stage by stage: embed, find, fuse, read, rerank, fold, merge, trim, number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.base import Embedder, Reranker, TokenEmbedder, VectorIndex
from knowledge.providers.registry import embedder, reranker, sparse_encoder, vector_index
from knowledge.providers.streams import estimate_tokens
from knowledge.retrieval import composing, passages
from knowledge.retrieval.composing import Candidate, FoundChunk, Group
from knowledge.retrieval.fusion import FusedHit, min_max_fusion, together
from knowledge.retrieval.late_interaction import late_scores
from knowledge.retrieval.trace import Recorder, Trace
from knowledge.retrieval.tracing import Witness
from knowledge.types import (
    Hits,
    KeywordQuery,
    Library,
    ModelUsage,
    Notice,
    SearchResult,
    SearchScope,
    Vector,
    VectorSpace,
)
from tenants.context import in_tenant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

KEYWORDS_ONLY = Notice(
    "keyword_search_only", "Meaning-based search is not available right now; only keywords were searched."
)
NOT_RERANKED = Notice(
    "not_reranked", "The second, finer ranking is not available right now; the first one's order is shown."
)

Languages = Mapping[str, tuple[UUID, ...]]


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What an embedding model made of a text. `usage` counts once, with whoever uses them."""

    text: str
    dense: Vector
    tokens: NDArray[np.float32] | None
    usage: ModelUsage


@dataclass(frozen=True, slots=True)
class Engine:
    """What a search runs on. `languages` and `rows` read PostgreSQL, or memory where a folder is evaluated."""

    model: Embedder
    index: VectorIndex
    space: VectorSpace
    languages: Callable[[SearchScope], Awaitable[Languages]]
    rows: Callable[[Sequence[UUID], SearchScope], Awaitable[dict[UUID, FoundChunk]]]  # by point
    reranker: Reranker | None = None
    is_late: bool = False  # late interaction, when there is no reranker
    uses_meaning: bool = True
    uses_keywords: bool = True
    known: QueryVectors | None = None  # what the model has made of a question already
    calls: list[tuple[str, ModelUsage]] = field(default_factory=list)  # of providers, as each ends: see `retrieve`


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a search goes."""

    limit: int  # passages
    token_budget: int  # all of them together
    candidates: int  # of each ranked list
    reranked: int  # of the fused list
    longest: int = composing.LONGEST  # chunks in a passage; 1: neighbours stay apart

    @property
    def read(self) -> int:
        """Rows asked for: some may be gone, some are folded, some merge."""
        return 2 * max(self.reranked, self.limit)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the index and the rerankers take it."""

    text: str
    dense: Vector | None
    tokens: NDArray[np.float32] | None
    keywords: tuple[KeywordQuery, ...]
    usage: ModelUsage
    notes: tuple[Notice, ...] = ()


async def retrieve(
    library: Library,
    text: str,
    scope: SearchScope,
    *,
    limit: int | None = None,
    rerank: bool | None = None,
    others: Sequence[str] = (),
    known: QueryVectors | None = None,
    calls: list[tuple[str, ModelUsage]] | None = None,
) -> SearchResult:
    """The best passages for a text, numbered from 1. `others` are other wordings of it, whose finds count as well.
    `known` are the text's vectors, where they were made before. `calls` gets every provider call as it ends: what was
    spent when the search itself does not come to its end.

    `rerank` None: as the library says. What fails is told in `notes`: without embeddings only keywords are searched,
    without the reranker the first order stands. Raises IndexUnavailable.
    """
    engine = replace(engine_of(library, rerank), known=known, calls=[] if calls is None else calls)
    return await search(engine, text, scope, plan_of(limit), Recorder(), others)


async def query_vectors(library: Library, text: str) -> QueryVectors:
    """A question's vectors, as its search will need them. Raises ProviderUnavailable and ProviderRefused."""
    return await embedded(engine_of(library), text)


async def retrieve_traced(
    library: Library,
    text: str,
    scope: SearchScope,
    *,
    limit: int | None = None,
    rerank: bool | None = None,
    calls: list[tuple[str, ModelUsage]] | None = None,
) -> tuple[SearchResult, Trace]:
    """The same, with what each stage did. `rerank` False leaves the second ranking out."""
    recorder = Recorder(is_on=True)
    engine = replace(engine_of(library, rerank), calls=[] if calls is None else calls)
    found = await search(engine, text, scope, plan_of(limit), recorder)
    return found, recorder.trace(text)


def plan_of(limit: int | None = None) -> Plan:
    return Plan(
        limit=limit or settings.VENA_PASSAGES,
        token_budget=settings.VENA_PASSAGE_TOKENS,
        candidates=settings.VENA_CANDIDATES,
        reranked=settings.VENA_RERANKED,
    )


def engine_of(library: Library, rerank: bool | None = None) -> Engine:
    model, remote = embedder(library.embedding_provider), None if rerank is False else reranker()
    wanted = library.is_reranked if rerank is None else rerank
    is_late = wanted and remote is None and isinstance(model, TokenEmbedder)
    tokens_of = library.space.version if is_late else None
    schema_name = library.tenant.schema_name
    return Engine(
        model=model,
        index=vector_index(),
        space=library.space,
        languages=lambda scope: in_tenant(schema_name, passages.languages_of, scope),
        rows=lambda points, scope: in_tenant(schema_name, passages.chunks_readable, points, scope, tokens_of=tokens_of),
        reranker=remote,
        is_late=is_late,
    )


async def search(
    engine: Engine, text: str, scope: SearchScope, plan: Plan, recorder: Recorder, others: Sequence[str] = ()
) -> SearchResult:
    witness = Witness(recorder)
    (question, fused), *more = await asyncio.gather(
        listed(engine, text, scope, plan, witness),
        *(listed(engine, other, scope, plan, Witness(Recorder())) for other in others),
    )
    fused = together([fused, *(ranked for _, ranked in more)])
    rows = await read(engine, fused, scope, plan, witness)
    candidates, rerank_usage, notes = await rerank(engine, question, candidates_of(fused, rows), plan, witness)
    groups = compose(candidates, plan, witness)
    return SearchResult(
        passages=composing.numbered(groups),
        usage=added([question.usage, *(other.usage for other, _ in more)]),
        candidates=len(fused),
        rerank_usage=rerank_usage,
        notes=(*question.notes, *notes),
    )


# -- stages ---------------------------------------------------------------------------------------


async def listed(
    engine: Engine, text: str, scope: SearchScope, plan: Plan, witness: Witness
) -> tuple[Asked, list[FusedHit]]:
    question = await asked(engine, text, scope, witness.recorder)
    hits = await found(engine, question, scope, plan, witness)
    return question, fuse(hits, witness)


def added(usages: Sequence[ModelUsage]) -> ModelUsage:
    return replace(
        usages[0],
        input_tokens=sum(usage.input_tokens for usage in usages),
        cached_input_tokens=sum(usage.cached_input_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
    )


async def asked(engine: Engine, text: str, scope: SearchScope, recorder: Recorder) -> Asked:
    """The question's vectors and terms; where the languages are not known yet, they are read meanwhile."""
    with recorder.stage("embed", engine.model.name):
        if scope.languages is None:
            (dense, tokens, usage), languages = await asyncio.gather(vectors_of(engine, text), engine.languages(scope))
        else:
            dense, tokens, usage = await vectors_of(engine, text)
            languages = passages.by_language(scope.languages)
        keywords = keyword_queries(text, languages) if engine.uses_keywords else ()
    failed = engine.uses_meaning and dense is None
    return Asked(text, dense, tokens, keywords, usage, (KEYWORDS_ONLY,) if failed else ())


async def vectors_of(engine: Engine, text: str) -> tuple[Vector | None, NDArray[np.float32] | None, ModelUsage]:
    unspent = ModelUsage(provider=engine.model.provider, model=engine.model.name)
    if not engine.uses_meaning:
        return None, None, unspent
    try:
        if engine.known and engine.known.text == text:
            known = engine.known
        else:
            with spent(engine, "embedding", unspent, estimate_tokens(text)):
                known = await embedded(engine, text)
        engine.calls.append(("embedding", known.usage))
    except (ProviderUnavailable, ProviderRefused) as error:
        logger.warning("search.embedding_failed", extra={"code": error.code, "detail": error.detail})
        return None, None, unspent
    return known.dense, known.tokens, known.usage


@contextmanager
def spent(engine: Engine, kind: str, unspent: ModelUsage, tokens: int) -> Iterator[None]:
    """A call that nobody waits for any more was made all the same."""
    try:
        yield
    except asyncio.CancelledError:
        engine.calls.append((kind, replace(unspent, input_tokens=tokens, estimated=True)))
        raise


async def embedded(engine: Engine, text: str) -> QueryVectors:
    if engine.is_late and isinstance(engine.model, TokenEmbedder):
        return QueryVectors(text, *await engine.model.embed_query_with_tokens(text))
    dense, usage = await engine.model.embed_query(text)
    return QueryVectors(text, dense, None, usage)


def keyword_queries(text: str, languages: Languages) -> tuple[KeywordQuery, ...]:
    return tuple(
        KeywordQuery(sparse_encoder(language).encode_query(text), collection_ids)
        for language, collection_ids in languages.items()
    )


async def found(engine: Engine, question: Asked, scope: SearchScope, plan: Plan, witness: Witness) -> Hits:
    with witness.recorder.stage("dense") as stage:
        hits = await engine.index.search(
            engine.space, dense=question.dense, keywords=question.keywords, scope=scope, limit=plan.candidates
        )
        stage.candidates = witness.dense(hits)
    witness.recorder.note("keywords", witness.keywords(hits))
    return hits


def fuse(hits: Hits, witness: Witness) -> list[FusedHit]:
    with witness.recorder.stage("fuse", "min-max") as stage:
        fused = min_max_fusion(hits)
        stage.candidates = witness.fused(fused)
    return fused


async def read(
    engine: Engine, fused: Sequence[FusedHit], scope: SearchScope, plan: Plan, witness: Witness
) -> dict[UUID, FoundChunk]:
    """Rows of the best hits; of all hits, where somebody looks on."""
    wanted = fused if witness.recorder.is_on else fused[: plan.read]
    with witness.recorder.stage("read") as stage:
        rows = await engine.rows([hit.point_id for hit in wanted], scope)
        stage.candidates = witness.read(wanted, rows)
    return rows


def candidates_of(fused: Sequence[FusedHit], rows: Mapping[UUID, FoundChunk]) -> list[Candidate]:
    return [
        Candidate(rows[hit.point_id], score=hit.score, similarity=hit.similarity, fused=hit.score)
        for hit in fused
        if hit.point_id in rows
    ]


async def rerank(
    engine: Engine, question: Asked, candidates: list[Candidate], plan: Plan, witness: Witness
) -> tuple[list[Candidate], ModelUsage | None, tuple[Notice, ...]]:
    """The best by the first ranking, in the order of the second; the others follow as they were."""
    head, tail = candidates[: plan.reranked], candidates[plan.reranked : plan.read]
    usage: ModelUsage | None = None
    notes: tuple[Notice, ...] = ()
    scores: list[float] | None = None
    with witness.recorder.stage("rerank", rerank_name(engine)) as stage:
        if engine.reranker is not None and head:
            with spent(engine, "rerank", ModelUsage(engine.reranker.provider, engine.reranker.name), 1):
                scores, usage, notes = await read_together(engine.reranker, question.text, head)
            if usage:
                engine.calls.append(("rerank", usage))
        elif question.tokens is not None:
            tokens, fused = [each.chunk.tokens for each in head], [each.fused for each in head]
            scores = await asyncio.to_thread(late_scores, question.tokens, tokens, fused)  # 3 ms off the event loop
        ranked = composing.reordered(head, tail, scores) if scores else [*head, *tail]
        stage.candidates = witness.reranked(ranked, scores is not None)
    return ranked, usage, notes


async def read_together(
    model: Reranker, text: str, head: Sequence[Candidate]
) -> tuple[list[float] | None, ModelUsage | None, tuple[Notice, ...]]:
    try:
        scores, usage = await model.rerank(text, [each.chunk.labelled_text for each in head])
    except (ProviderUnavailable, ProviderRefused) as error:
        logger.warning("search.rerank_failed", extra={"code": error.code, "detail": error.detail})
        return None, None, (NOT_RERANKED,)
    return scores, usage, ()


def rerank_name(engine: Engine) -> str:
    if engine.reranker is not None:
        return f"{engine.reranker.provider} {engine.reranker.name}"
    return "late interaction" if engine.is_late else "none"


def compose(ranked: Sequence[Candidate], plan: Plan, witness: Witness) -> list[Group]:
    with witness.recorder.stage("fold") as stage:
        single = composing.fold(ranked, most=2 * plan.limit)
        stage.candidates = witness.folded(single)
    with witness.recorder.stage("merge") as stage:
        groups = composing.merge(single, longest=plan.longest)
        stage.candidates = witness.merged(groups)
    with witness.recorder.stage("trim") as stage:
        kept = composing.trim(groups, limit=plan.limit, token_budget=plan.token_budget)
        stage.candidates = witness.trimmed(groups, kept)
    return kept
