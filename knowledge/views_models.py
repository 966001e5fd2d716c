"""The page about the embedding model: which one answers, another one built beside it, the switch and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import selectors
from knowledge.evaluation.chart import percent
from knowledge.evaluation.comparing import Difference
from knowledge.models import EvaluationRun, GoldenQuestion, Reembedding
from knowledge.providers.base import TokenEmbedder
from knowledge.providers.registry import embedder, embedding_choices
from knowledge.reconciling import readable_chunks
from knowledge.views_quality import MEASURES, compared
from tenants.actions import organisation_rerank
from tenants.selectors import organisation_of

HISTORY_SHOWN = 10
ABOUT = {
    "local": "Runs on this server: no text leaves it, and it costs nothing.",
    "openai": "The smaller model of OpenAI. Passages and questions are sent there and cost a little.",
    "openai-large": "The larger model of OpenAI. It finds more, costs more, and needs twice the room.",
}
State = Reembedding.State


@dataclass(frozen=True, slots=True)
class ModelShown:
    provider: str
    name: str
    about: str
    dimensions: int | None  # None: it is not set up here any more


@dataclass(frozen=True, slots=True)
class Comparison:
    """Quality with the model before and the one after; rows are (name, term, before, after)."""

    rows: list[tuple[str, str, str, str]]
    change: Difference
    questions: int


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def models(request: HttpRequest) -> HttpResponse:
    """POST switches the second look at the best passages on or off."""
    require(signed_in(request), Can.MANAGE_ANSWERS)
    organisation = organisation_of(request)
    if request.method == "POST":
        organisation_rerank(organisation, is_reranked="is_reranked" in request.POST)
        messages.success(request, "Saved. The next question is searched this way.")
        return redirect("models")
    # A worker may have switched a moment ago, and this page is not looked at again: what is remembered won't do.
    organisation.refresh_from_db(fields=("embedding_provider", "embedding_version", "is_reranked"))
    rows = list(Reembedding.objects.select_related("before", "after")[: HISTORY_SHOWN + 1])
    row = next((one for one in rows if one.state in Reembedding.OPEN), None)
    failed = rows[0] if rows and rows[0].state == State.FAILED else None
    told_of = row or failed
    now = shown_model(organisation.embedding_provider)
    model = embedder(organisation.embedding_provider) if now.dimensions else None
    return render(
        request,
        "knowledge/models.html",
        {
            "now": now,
            "passages": readable_chunks().count(),
            "row": row,
            "failed": failed,
            "target": shown_model(told_of.target_provider) if told_of else None,
            "source": shown_model(told_of.source_provider) if told_of else None,
            "is_switching": selectors.is_switching(row) if row else False,
            "comparison": comparison_of(row) if row else None,
            "has_questions": GoldenQuestion.objects.exists(),
            "choices": [shown_model(name) for name in embedding_choices() if name != now.provider] if not row else [],
            "history": [history_row(one) for one in rows if one != row],
            "may_rerank": isinstance(model, TokenEmbedder),
            "config": {"api": "/api/v1/"},
        },
    )


def shown_model(provider: str) -> ModelShown:
    if provider not in embedding_choices():
        return ModelShown(provider, provider, "It is not set up on this server any more.", None)
    model = embedder(provider)
    return ModelShown(provider, model.name, ABOUT.get(provider, ""), model.dimensions)


def comparison_of(row: Reembedding) -> Comparison | None:
    before, after = row.before, row.after
    if before is None or after is None or not is_done(before) or not is_done(after):
        return None
    rows = [(name, term, figure(before, field), figure(after, field)) for field, name, term in MEASURES]
    return Comparison(rows, compared(after, before), after.question_count)


def is_done(run: EvaluationRun) -> bool:
    return bool(run.state == EvaluationRun.State.DONE)


def figure(run: EvaluationRun, field: str) -> str:
    return percent(getattr(run, field) or 0.0)


def history_row(row: Reembedding) -> dict[str, Any]:
    return {"row": row, "source": shown_model(row.source_provider), "target": shown_model(row.target_provider)}
