"""What a person may start, and what they may look at."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from knowledge.evaluation.errors import EvaluationNotFound, NoGoldenQuestions
from knowledge.evaluation.golden import questions_with_targets
from knowledge.evaluation.runs import UNDER_WAY, start_run
from knowledge.evaluation.tasks import run_evaluation
from knowledge.models import EvaluationResult, EvaluationRun
from knowledge.selectors import documents_hidden_from
from knowledge.types import Library
from tenants.queueing import delay_on_commit


def runs_visible_to(user: User) -> QuerySet[EvaluationRun]:
    require(user, Can.EDIT_DOCUMENTS)
    return EvaluationRun.objects.all()


def run_visible_to(user: User, run_id: UUID) -> EvaluationRun:
    run = runs_visible_to(user).filter(pk=run_id).first()
    if run is None:
        raise EvaluationNotFound
    return run


def results_visible_to(user: User, run: EvaluationRun, most: int | None = None) -> list[EvaluationResult]:
    """The worst first. Questions about documents that the person may not read are left out, and of what was found for
    the others, passages of such documents. Figures of the run count all."""
    hidden = {str(pk) for pk in documents_hidden_from(user).values_list("pk", flat=True)}
    rows = [row for row in run.results.all() if not any(one.get("document") in hidden for one in row.expected)]
    for row in rows:
        row.found = [one for one in row.found if one.get("document") not in hidden]
    return rows[:most]


def evaluation_start(*, user: User, library: Library, label: str = "") -> EvaluationRun:
    """Measure with all golden questions in the background. While one measurement is under way it is that one."""
    runs = runs_visible_to(user)
    if not questions_with_targets().exists():
        raise NoGoldenQuestions
    version = library.space.version
    under_way = runs.filter(state__in=UNDER_WAY, embedding_version=version).first()
    if under_way:
        return under_way
    run = start_run(library=library, label=label, started_by_label=user.email)
    delay_on_commit(run_evaluation, schema_name=library.tenant.schema_name, run_id=str(run.pk))
    return run
