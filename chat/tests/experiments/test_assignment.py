from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.experiments.actions import experiment_start, experiment_stop
from chat.experiments.assignment import changed, chosen, running_arms, settings_of
from chat.experiments.models import Arm, Experiment
from chat.models import Conversation
from knowledge.types import AnswerSettings, ModelChoice
from tenants.context import entered
from tenants.models import Organisation

POLICY = AnswerSettings(primary=ModelChoice("openai", "gpt-4o"), instructions="Be kind.", passages=5)


def arms(*weights: int) -> list[Arm]:
    return [Arm(id=UUID(int=number + 1), name=str(number), weight=weight) for number, weight in enumerate(weights)]


@given(st.uuids(), st.uuids(), st.lists(st.integers(0, 1000), min_size=1, max_size=5), st.randoms())
def test_the_same_conversation_falls_to_the_same_arm(
    experiment: UUID, conversation: UUID, weights: list[int], random: object
) -> None:
    found = chosen(arms(*weights), experiment, conversation)
    shuffled = arms(*weights)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = chosen(shuffled, experiment, conversation)
    assert (found and found.pk) == (again and again.pk)
    assert (found is None) == (sum(weights) == 0)
    assert found is None or found.weight > 0


def test_conversations_are_divided_by_weight() -> None:
    experiment, three_to_one = UUID(int=7), arms(3, 1)
    counted: Counter[str] = Counter()
    for number in range(4000):
        arm = chosen(three_to_one, experiment, UUID(int=number))
        assert arm is not None
        counted[arm.name] += 1
    assert 2900 < counted["0"] < 3100


def test_an_arm_changes_what_it_names_only() -> None:
    arm = Arm(id=uuid4(), name="B", provider="anthropic", is_reranked=False)
    found = changed(POLICY, arm)
    assert found.primary == ModelChoice("anthropic", "")
    assert (found.is_reranked, found.passages, found.instructions) == (False, 5, "Be kind.")
    assert found.arm_id == arm.pk
    same_provider = changed(POLICY, Arm(id=uuid4(), name="C", model="gpt-4o-mini"))
    assert same_provider.primary == ModelChoice("openai", "gpt-4o-mini")


def test_only_conversations_begun_while_it_runs_are_in_it(
    acme: Organisation, globex: Organisation, make_person: object, experiment: Experiment
) -> None:
    person = make_person(acme)  # type: ignore[operator]
    stranger = make_person(globex)  # type: ignore[operator]
    with entered(acme.schema_name):
        before = Conversation.objects.create(member=person, title="before")
        assert settings_of(before, POLICY, running_arms()) == POLICY
        experiment_start(experiment=experiment)
        during = Conversation.objects.create(member=person, title="during")
        Conversation.objects.filter(pk=before.pk).update(created_at=before.created_at - timedelta(minutes=1))
        before.refresh_from_db()
        assert settings_of(before, POLICY, running_arms()) == POLICY
        assert settings_of(during, POLICY, running_arms()).arm_id in set(experiment.arms.values_list("pk", flat=True))
        assert settings_of(during, POLICY, running_arms()) == settings_of(during, POLICY, running_arms())
    with entered(globex.schema_name):
        assert (
            settings_of(Conversation.objects.create(member=stranger, title="theirs"), POLICY, running_arms()) == POLICY
        )
    with entered(acme.schema_name):
        experiment_stop(experiment=experiment)
        assert settings_of(during, POLICY, running_arms()) == POLICY


@pytest.mark.django_db
def test_an_assignment_costs_one_query(
    acme: Organisation, make_person: object, experiment: Experiment, django_assert_num_queries: object
) -> None:
    person = make_person(acme)  # type: ignore[operator]
    with entered(acme.schema_name):
        experiment_start(experiment=experiment)
        conversation = Conversation.objects.create(member=person, title="during")
        with django_assert_num_queries(1):  # type: ignore[operator]
            settings_of(conversation, POLICY, running_arms())
