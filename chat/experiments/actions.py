"""Start, stop and adopt. While an experiment runs its arms do not change, or its numbers would mean nothing."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from chat.experiments.errors import ExperimentNotReady, ExperimentOver, ExperimentRunning
from chat.experiments.models import Arm, Experiment
from knowledge.answering.policy import answer_policy_change
from knowledge.models import AnswerPolicy
from tenants.entitlements import Feature
from tenants.selectors import require_feature


@transaction.atomic
def experiment_start(*, experiment: Experiment) -> None:
    """From now on new conversations are divided between its arms."""
    require_feature(Feature.EXPERIMENTS)
    if experiment.state == Experiment.State.STOPPED:
        raise ExperimentOver
    arms = [arm for arm in experiment.arms.all() if arm.weight]
    if len(arms) < 2 or len({way_of(arm) for arm in arms}) < len(arms):
        raise ExperimentNotReady
    try:
        with transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk, state=Experiment.State.DRAFT).update(
                state=Experiment.State.RUNNING, started_at=timezone.now()
            )
    except IntegrityError as error:
        raise ExperimentRunning from error
    experiment.refresh_from_db()
    audit(Action.EXPERIMENT_STARTED, target=experiment.name, target_id=str(experiment.pk))


def experiment_stop(*, experiment: Experiment) -> None:
    """Everybody is answered as the policy says again; the numbers stay. Stopping twice changes nothing."""
    running = Experiment.objects.filter(pk=experiment.pk, state=Experiment.State.RUNNING)
    if running.update(state=Experiment.State.STOPPED, stopped_at=timezone.now()):
        audit(Action.EXPERIMENT_STOPPED, target=experiment.name, target_id=str(experiment.pk))
    experiment.refresh_from_db()


@transaction.atomic
def arm_adopt(*, arm: Arm) -> None:
    """Stop the experiment and answer everybody as this arm does."""
    experiment = Experiment.objects.select_for_update().get(pk=arm.experiment_id)
    if experiment.state == Experiment.State.DRAFT:
        raise ExperimentNotReady("Start the experiment before you adopt one of its arms.")
    answer_policy_change(**changes_of(arm, AnswerPolicy.objects.first() or AnswerPolicy()))
    experiment_stop(experiment=experiment)
    Experiment.objects.filter(pk=experiment.pk).update(adopted=arm)
    audit(Action.EXPERIMENT_ADOPTED, target=experiment.name, target_id=str(experiment.pk), detail={"arm": arm.name})


def way_of(arm: Arm) -> tuple[object, ...]:
    return (arm.provider, arm.model, arm.prompt_version, arm.is_reranked, arm.is_multi_query, arm.passages)


def changes_of(arm: Arm, policy: AnswerPolicy) -> dict[str, object]:
    """The fields of the policy that the arm names; the others stay as they are."""
    changes: dict[str, object] = {}
    if arm.provider or arm.model:
        changes |= {"primary_provider": arm.provider or policy.primary_provider, "primary_model": arm.model}
    if arm.prompt_version:
        changes["prompt_version"] = arm.prompt_version
    for name in ("is_reranked", "is_multi_query", "passages"):
        if getattr(arm, name) is not None:
            changes[name] = getattr(arm, name)
    return changes
