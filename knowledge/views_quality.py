"""The pages about how well the right passage is found: golden questions, measurements, a search with its stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateformat import format as formatted

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import selectors
from knowledge.evaluation import actions, golden
from knowledge.evaluation.chart import MOST, Chart, Series, chart_of, percent
from knowledge.evaluation.comparing import Difference, Figures, Move, difference, moves_summary, spoken
from knowledge.evaluation.runs import UNDER_WAY
from knowledge.models import EvaluationResult, EvaluationRun, GoldenQuestion

QUESTIONS_A_PAGE = 25
RUNS_SHOWN = 12
RESULTS_SHOWN = 300
ENOUGH_QUESTIONS = 10
MEASURES = (  # field, name for people, name for those who know
    ("recall_at_5", "Found in the first 5", "recall@5"),
    ("recall_at_10", "Found in the first 10", "recall@10"),
    ("mrr_at_10", "Height of the first hit", "MRR@10"),
    ("ndcg_at_10", "Order as a whole", "nDCG@10"),
)


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """A golden question with how it fared in the latest measurement: its rank, 0 for missed, None for not asked."""

    question: GoldenQuestion
    rank: int | None


@dataclass(frozen=True, slots=True)
class RunRow:
    run: EvaluationRun
    figures: list[tuple[str, str, str]]
    change: Difference | None
    setup: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ResultRow:
    result: EvaluationResult
    move: Move | None


# -- the list of golden questions and measurements -----------------------------------------------------


@login_required
def quality(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.EDIT_DOCUMENTS)
    words = request.GET.get("q", "")[:200].strip()
    page = golden_page(user, words, request.GET.get("page", "1"))
    runs = list(actions.runs_visible_to(user)[: MOST + 1])
    ended = [run for run in runs if run.state == EvaluationRun.State.DONE]
    return render(
        request,
        "knowledge/quality.html",
        {
            "page": page,
            "rows": golden_rows(page, ended[0] if ended else None),
            "words": words,
            "question_count": page.paginator.count if not words else golden.golden_questions(user).count(),
            "enough": ENOUGH_QUESTIONS,
            "runs": run_rows(runs)[:RUNS_SHOWN],
            "latest": ended[0] if ended else None,
            "latest_figures": figures_shown(ended[0]) if ended else [],
            "latest_change": compared(ended[0], ended[1] if len(ended) > 1 else None) if ended else None,
            "under_way": next((run for run in runs if run.state in UNDER_WAY), None),
            "chart": chart_of_runs(ended),
            "config": {"api": "/api/v1/", "page": "/knowledge/quality/"},
        },
    )


def golden_page(user: User, words: str, number: str) -> Page[GoldenQuestion]:
    rows = golden.golden_questions(user)
    for word in words.split()[:8]:
        rows = rows.filter(text__icontains=word)
    return Paginator(rows, QUESTIONS_A_PAGE).get_page(number)


def golden_rows(page: Page[GoldenQuestion], latest: EvaluationRun | None) -> list[GoldenRow]:
    questions = list(page.object_list)
    ranks: dict[UUID | None, int] = {}
    if latest and questions:
        fared = latest.results.filter(question__in=questions).values_list("question_id", "first_rank")
        ranks = {question: rank or 0 for question, rank in fared}
    return [GoldenRow(question, ranks.get(question.pk)) for question in questions]


def run_rows(runs: Sequence[EvaluationRun]) -> list[RunRow]:
    """Newest first, each compared with the one that ended before it."""
    rows = []
    for index, run in enumerate(runs):
        is_done = run.state == EvaluationRun.State.DONE
        before = next((one for one in runs[index + 1 :] if one.state == EvaluationRun.State.DONE), None)
        rows.append(RunRow(run, figures_shown(run), compared(run, before) if is_done else None, setup_shown(run)))
    return rows


def compared(run: EvaluationRun, before: EvaluationRun | None) -> Difference:
    return difference(figures_of(run), figures_of(before) if before else None)


def figures_shown(run: EvaluationRun) -> list[tuple[str, str, str]]:
    """Name for people, name for those who know, value in percent."""
    return [(name, term, percent(getattr(run, field) or 0.0)) for field, name, term in MEASURES]


def setup_shown(run: EvaluationRun) -> list[tuple[str, str]]:
    """How it was searched, in words: ("candidates", "60")."""
    return [(name, spoken(value)) for name, value in run.setup.items()]


def figures_of(run: EvaluationRun) -> Figures:
    return Figures(
        questions=run.question_count,
        recall_at_5=run.recall_at_5 or 0.0,
        recall_at_10=run.recall_at_10 or 0.0,
        mrr_at_10=run.mrr_at_10 or 0.0,
        ndcg_at_10=run.ndcg_at_10 or 0.0,
        model=run.embedding_version,
        setup=run.setup,
    )


def chart_of_runs(ended: Sequence[EvaluationRun]) -> Chart | None:
    oldest_first = list(reversed(ended))
    series = [
        Series(field, name, tuple(getattr(run, field) or 0.0 for run in oldest_first)) for field, name, _ in MEASURES
    ]
    return chart_of(series, [formatted(timezone.localtime(run.created_at), "j M, H:i") for run in oldest_first])


# -- one measurement ----------------------------------------------------------------------------------


@login_required
def quality_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = actions.run_visible_to(signed_in(request), run_id)
    before = run_before(run)
    rows = result_rows(signed_in(request), run, before)
    missed = [row for row in rows if row.result.first_rank is None]
    return render(
        request,
        "knowledge/quality_run.html",
        {
            "run": run,
            "run_setup": setup_shown(run),
            "before": before,
            "change": compared(run, before) if run.state == EvaluationRun.State.DONE else None,
            "moves": moves_summary([row.move for row in rows if row.move]) if before else "",
            "figures": figures_shown(run) if run.state == EvaluationRun.State.DONE else [],
            "missed": missed,
            "late": [row for row in rows if row.result.first_rank and row.result.first_rank > 1],
            "first": [row for row in rows if row.result.first_rank == 1],
            "is_cut": len(rows) == RESULTS_SHOWN,
            "shown": RESULTS_SHOWN,
            "is_under_way": run.state in UNDER_WAY,
            "config": {"api": "/api/v1/", "run": str(run.pk)},
        },
    )


def run_before(run: EvaluationRun) -> EvaluationRun | None:
    done = EvaluationRun.objects.filter(state=EvaluationRun.State.DONE, created_at__lt=run.created_at)
    return done.exclude(pk=run.pk).first()


def result_rows(user: User, run: EvaluationRun, before: EvaluationRun | None) -> list[ResultRow]:
    """The worst first, as far as a page should go; each with where it stood in the run before."""
    results = actions.results_visible_to(user, run, RESULTS_SHOWN)
    earlier: dict[Any, int | None] = {}
    if before:
        questions = [result.question_id for result in results if result.question_id]
        earlier = dict(before.results.filter(question__in=questions).values_list("question_id", "first_rank"))
    return [
        ResultRow(
            result,
            Move(earlier[result.question_id], result.first_rank) if result.question_id in earlier else None,
        )
        for result in results
    ]


# -- a search with its stages -------------------------------------------------------------------------


@login_required
def try_query(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.EDIT_DOCUMENTS)
    return render(
        request,
        "knowledge/try.html",
        {
            "collections": selectors.collections_readable(user),
            "query": request.GET.get("q", "")[:4000],
            "config": {"api": "/api/v1/"},
        },
    )
