from __future__ import annotations

import pytest

from chat.experiments.actions import arm_adopt, experiment_start, experiment_stop
from chat.experiments.errors import ExperimentNotReady, ExperimentOver, ExperimentRunning
from chat.experiments.models import Arm, Experiment
from knowledge.answering.policy import answer_policy_change, answer_settings
from knowledge.models import AnswerPolicy
from knowledge.types import AnswerSettings, ModelChoice
from tenants.context import entered
from tenants.models import Organisation


def test_a_start_needs_two_arms_that_differ(acme: Organisation, experiment: Experiment) -> None:
    with entered(acme.schema_name):
        Arm.objects.filter(name="B").update(prompt_version="", passages=None, is_reranked=None)
        with pytest.raises(ExperimentNotReady):
            experiment_start(experiment=experiment)
        Arm.objects.filter(name="B").update(passages=4, weight=0)
        with pytest.raises(ExperimentNotReady):
            experiment_start(experiment=experiment)
        experiment.refresh_from_db()
        assert experiment.state == Experiment.State.DRAFT


def test_one_runs_at_a_time_in_an_organisation(
    acme: Organisation, globex: Organisation, experiment: Experiment
) -> None:
    with entered(acme.schema_name):
        experiment_start(experiment=experiment)
        second = pair("Second")
        with pytest.raises(ExperimentRunning):
            experiment_start(experiment=second)
        experiment_stop(experiment=experiment)
        experiment_start(experiment=second)
        with pytest.raises(ExperimentOver):
            experiment_start(experiment=experiment)
    with entered(globex.schema_name):
        experiment_start(experiment=pair("Theirs"))


def test_adopting_an_arm_changes_the_policy_and_stops(
    acme: Organisation, globex: Organisation, experiment: Experiment
) -> None:
    with entered(acme.schema_name):
        answer_policy_change(primary_provider="openai", primary_model="gpt-4o", instructions="Be kind.", passages=5)
        winner = Arm.objects.get(name="B")
        with pytest.raises(ExperimentNotReady):
            arm_adopt(arm=winner)
        experiment_start(experiment=experiment)
        arm_adopt(arm=winner)
        experiment.refresh_from_db()
        assert (experiment.state, experiment.adopted) == (Experiment.State.STOPPED, winner)
        found = answer_settings()
        assert (found.prompt_version, found.passages, found.is_reranked) == ("2", 8, False)
        assert (found.primary, found.instructions) == (ModelChoice("openai", "gpt-4o"), "Be kind.")
        assert AnswerPolicy.objects.count() == 1
    with entered(globex.schema_name):
        assert answer_settings() == AnswerSettings()


def pair(name: str) -> Experiment:
    made = Experiment.objects.create(name=name)
    for number in (1, 2):
        Arm.objects.create(experiment=made, name=str(number), passages=number)
    return made
