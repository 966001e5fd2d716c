"""A measurement: every golden question asked through the product's own search, and what came of it.

A run is a row, and each question's result a row under it, so a worker may die at any moment: the next one goes on with
the questions that have no result yet. One worker at a time is at a run; the database's lock goes with its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import Avg
from django.utils import timezone

from billing.budgets import budget_release
from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.evaluation.errors import EvaluationAbandoned, MeaningNotSearched, NoGoldenQuestions
from knowledge.evaluation.golden import questions_with_targets
from knowledge.evaluation.matching import Candidate, Score, Target, is_hit, score
from knowledge.models import Collection, EvaluationResult, EvaluationRun, GoldenQuestion
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder
from knowledge.retrieval.search import KEYWORDS_ONLY, engine_of, plan_of, rerank_name, search
from knowledge.retrieval.trace import Recorder
from knowledge.retrieval.usage import calls_of, collections_of, search_hold
from knowledge.types import Asker, Library, ModelUsage, Passage, SearchResult, SearchScope
from tenants.context import entered
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

State = EvaluationRun.State
UNDER_WAY = (State.QUEUED, State.RUNNING)
AT_ONCE = 8  # questions; a provider's round trips overlap, and progress shows often enough
NO_BUDGET = 10**9  # tokens
DEPTH = 10  # passages a question asks for: the deepest measure looks at ten
SHOWN = 5  # of what was found, kept for the reader
SNIPPET = 600  # characters
GIVEN_UP_AFTER = timedelta(hours=12)
MEASURES = ("recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10")


@dataclass(frozen=True, slots=True)
class Asked:
    """A golden question on its way through a measurement."""

    id: UUID
    text: str
    targets: tuple[Target, ...]
    titles: tuple[str, ...]  # of the targets' documents


@dataclass(frozen=True, slots=True)
class Outcome:
    asked: Asked
    score: Score
    passages: tuple[Passage, ...]
    calls: tuple[tuple[str, ModelUsage], ...]  # of providers, with the ledger's kind of each


# -- measuring, for whoever has questions ------------------------------------------------------------


def evaluate(library: Library, questions: Sequence[Asked], scope: SearchScope) -> list[Outcome]:
    """Ask all at once and compare what is found with what should be. Writes nothing.

    Raises what the search raises, and MeaningNotSearched when it had to do without the embedding model.
    """
    found = run_in_loop(_ask_all(library, [asked.text for asked in questions], scope))
    return [outcome_of(asked, result) for asked, result in zip(questions, found, strict=True)]


async def _ask_all(library: Library, texts: Sequence[str], scope: SearchScope) -> list[SearchResult]:
    """The product's search, without the token budget: how much fits into an answer is not what is measured."""
    engine, plan = engine_of(library), replace(plan_of(DEPTH), token_budget=NO_BUDGET)
    return await asyncio.gather(*(search(engine, text, scope, plan, Recorder()) for text in texts))


def outcome_of(asked: Asked, result: SearchResult) -> Outcome:
    if any(note.code == KEYWORDS_ONLY.code for note in result.notes):
        raise MeaningNotSearched
    candidates = [Candidate(passage.document_id, passage.text) for passage in result.passages]
    return Outcome(asked, score(candidates, asked.targets), result.passages, tuple(calls_of(result)))


def everything() -> SearchScope:
    """All that the organisation has: figures must not depend on who asks for them."""
    return SearchScope(collection_ids=tuple(sorted(Collection.objects.order_by().values_list("pk", flat=True))))


# -- runs -----------------------------------------------------------------------------------------


def start_run(*, library: Library, label: str = "", started_by_label: str = "") -> EvaluationRun:
    """The row of a new run. Whoever calls has it executed, by a task or at once."""
    with entered(library.tenant.schema_name):
        return EvaluationRun.objects.create(
            label=label[:120],
            started_by_label=started_by_label,
            embedding_provider=library.embedding_provider,
            embedding_version=library.space.version,
            setup=setup_of(library),
            question_count=questions_with_targets().count(),
        )


def setup_of(library: Library) -> dict[str, Any]:
    """How the library is searched, as a reader compares it."""
    plan = plan_of(DEPTH)
    return {
        "reranking": rerank_name(engine_of(library)),
        "reranked": plan.reranked,
        "candidates": plan.candidates,
    }


def library_of_run(library: Library, run_id: UUID) -> Library:
    """The library as the run wants it seen: a run may measure a model that is built beside the one that answers."""
    run = EvaluationRun.objects.filter(pk=run_id).first()
    if run is None or run.embedding_version == library.space.version:
        return library
    model = embedder(run.embedding_provider)
    if model.version != run.embedding_version:  # the model was changed since; what answers now is what counts
        return library
    space = replace(library.space, version=model.version, dimensions=model.dimensions)
    return replace(library, space=space, embedding_provider=run.embedding_provider)


def execute_run(library: Library, run_id: UUID) -> EvaluationRun | None:
    """Bring a run to its end; safe to repeat. None when there is no such run or another worker is at it.

    What can be expected to fail ends the run with a code and a sentence; anything else does so too, and is raised.
    """
    with entered(library.tenant.schema_name), _held(run_id) as is_ours:
        run = EvaluationRun.objects.filter(pk=run_id).first()
        if run is None or not is_ours:
            return None
        if run.state in UNDER_WAY:
            _carry_out(library, run)
            run.refresh_from_db()
        return run


def _carry_out(library: Library, run: EvaluationRun) -> None:
    try:
        _measure(library, run)
    except VenaError as error:
        logger.warning("evaluation.failed", extra={"run": str(run.pk), "code": error.code, "detail": error.detail})
        _fail(run, error)
    except Exception:
        _fail(run, VenaError())
        raise


@contextmanager
def _held(run_id: UUID) -> Iterator[bool]:
    """Whether this worker has the run for itself. A dead worker's connection lets go of it."""
    key = run_id.int & (2**63 - 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _measure(library: Library, run: EvaluationRun) -> None:
    ended = set(run.results.values_list("question_id", flat=True))
    rows = list(questions_with_targets().prefetch_related("targets__document"))
    if not rows:
        raise NoGoldenQuestions
    waiting = [asked_of(row) for row in rows if row.pk not in ended]
    _tell(run, state=State.RUNNING, question_count=len(ended) + len(waiting), done_count=len(ended))
    scope = everything()
    payer = Asker(None, run.started_by_label)  # nobody's: the organisation's budget has to have room
    for start in range(0, len(waiting), AT_ONCE):
        batch = waiting[start : start + AT_ONCE]
        held = search_hold(library, payer, [asked.text for asked in batch])
        try:
            _keep(library, run, evaluate(library, batch, scope))
        finally:
            if held:
                budget_release(held)
    _finish(run)


def asked_of(row: GoldenQuestion) -> Asked:
    targets = list(row.targets.all())
    return Asked(
        id=row.pk,
        text=row.text,
        targets=tuple(Target(target.document_id, target.quote) for target in targets),
        titles=tuple(target.document.title for target in targets),
    )


@transaction.atomic
def _keep(library: Library, run: EvaluationRun, outcomes: Sequence[Outcome]) -> None:
    alive = set(GoldenQuestion.objects.filter(pk__in=[one.asked.id for one in outcomes]).values_list("pk", flat=True))
    EvaluationResult.objects.bulk_create(_result(run, one, is_there=one.asked.id in alive) for one in outcomes)
    record_usage([record for one in outcomes for record in _usages(library, run, one)])
    _tell(run, done_count=run.results.count())


def _result(run: EvaluationRun, outcome: Outcome, *, is_there: bool) -> EvaluationResult:
    asked, fared = outcome.asked, outcome.score
    return EvaluationResult(
        run=run,
        question_id=asked.id if is_there else None,  # it may have been deleted while it was asked
        text=asked.text,
        first_rank=fared.first_rank,
        expected=[
            {"document": str(target.document_id), "title": title, "quote": target.quote, "rank": rank}
            for target, title, rank in zip(asked.targets, asked.titles, fared.ranks, strict=True)
        ],
        found=[_shown(passage, asked.targets) for passage in outcome.passages[:SHOWN]],
        **{name: getattr(fared, name) for name in MEASURES},
    )


def _shown(passage: Passage, targets: Sequence[Target]) -> dict[str, Any]:
    candidate = Candidate(passage.document_id, passage.text)
    return {
        "rank": passage.n,
        "document": str(passage.document_id),
        "title": passage.title,
        "page": passage.page,
        "position": passage.position,
        "text": passage.text[:SNIPPET],
        "is_hit": any(is_hit(candidate, target) for target in targets),
    }


def _usages(library: Library, run: EvaluationRun, outcome: Outcome) -> list[UsageRecord]:
    collections = collections_of(library.tenant, {passage.document_id for passage in outcome.passages})
    return [_usage(library, run, outcome, kind, usage, collections) for kind, usage in outcome.calls]


def _usage(
    library: Library,
    run: EvaluationRun,
    outcome: Outcome,
    kind: str,
    usage: ModelUsage,
    collections: tuple[UUID, ...],
) -> UsageRecord:
    """Nobody's question: it counts for the organisation, under the name of who started the run. Once, if repeated."""
    return UsageRecord(
        key=uuid5(run.pk, f"{kind} {outcome.asked.id}"),
        tenant=library.tenant,
        kind=kind,
        outcome="complete",
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_label=run.started_by_label,
        subject=run.pk,
        collection_ids=collections,
    )


def _finish(run: EvaluationRun) -> None:
    means = run.results.aggregate(**{name: Avg(name) for name in MEASURES})
    _tell(run, state=State.DONE, finished_at=timezone.now(), **means)
    logger.info("evaluation.done", extra={"run": str(run.pk), "questions": run.question_count, **means})


def _fail(run: EvaluationRun, error: VenaError) -> None:
    _tell(
        run, state=State.FAILED, failure_code=error.code, failure_message=error.text[:400], finished_at=timezone.now()
    )


def _tell(run: EvaluationRun, **values: Any) -> None:
    """Store and keep in hand; only while the run has not ended."""
    EvaluationRun.objects.filter(pk=run.pk, state__in=UNDER_WAY).update(**values)
    for name, value in values.items():
        setattr(run, name, value)


def runs_to_resume(*, after: timedelta = timedelta(minutes=2)) -> list[UUID]:
    """Runs that should be under way and that no worker holds. One that was for too long is given up.

    For a regular look, inside the organisation: sending the task of one that waits in line anyway does no harm.
    """
    now = timezone.now()
    lost = []
    for run in EvaluationRun.objects.filter(state__in=UNDER_WAY, created_at__lt=now - after):
        with _held(run.pk) as is_free:
            if is_free and run.created_at < now - GIVEN_UP_AFTER:
                _fail(run, EvaluationAbandoned())
            elif is_free:
                lost.append(run.pk)
    return lost
