from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chat.experiments.actions import experiment_start
from chat.experiments.models import Arm, Experiment
from chat.experiments.results import results_of
from chat.experiments.tables import differences_table, results_table
from chat.models import Conversation, Message
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def counted(
    acme: Organisation, make_person: Any, experiment: Experiment, answered: Callable[..., Message]
) -> Experiment:
    """40 answers of A that are liked and cheap, 40 of B that are not."""
    person = make_person(acme)
    with entered(acme.schema_name):
        experiment_start(experiment=experiment)
        one, two = Arm.objects.order_by("name")
        for number in range(40):
            answered(person, one, rating=1 if number < 36 else -1, first_text_ms=300 + number)
            answered(
                person,
                two,
                rating=1 if number < 12 else 0,
                status="refused" if number < 20 else "complete",
                cost_gbp=Decimal("0.004"),
            )
        answered(person, one, status="streaming")  # not over yet: not counted
        answered(person, one, is_cached=True, first_text_ms=1, cost_gbp=Decimal(0))
    return experiment


def test_each_arm_has_its_numbers(acme: Organisation, counted: Experiment) -> None:
    with entered(acme.schema_name):
        (one, _), (two, against) = results_of(counted)
    assert (one.conversations, one.answers, one.rated) == (41, 41, 40)
    assert one.liked.value == 0.9
    assert one.spent_gbp == Decimal("0.08")
    assert one.latency.value == pytest.approx(319.5)
    assert one.latency.low is not None
    assert one.latency.high is not None
    assert 300 <= one.latency.low < 319.5 < one.latency.high <= 339
    assert one.cached.value == pytest.approx(1 / 41)
    assert (two.refused.value, two.rated) == (0.5, 12)
    assert two.cost.value == pytest.approx(0.004)
    assert against is not None
    assert "refusals" in against.clear
    assert "cost" in against.clear
    assert "rating" not in against.clear  # 36 of 40 against 12 of 12 is not clear


def test_the_tables_say_value_and_interval(acme: Organisation, counted: Experiment) -> None:
    with entered(acme.schema_name):
        results = results_of(counted)
    first, second = results_table(results)["rows"]
    assert first[3] == "90% (77 to 96%) of 40"
    assert second[4] == "50% (35 to 65%)"
    assert first[7].startswith("0.195p (")
    assert first[8].endswith("; 95% within 337 ms")
    (difference,) = differences_table(results)["rows"]
    assert difference[0] == "B"
    assert difference[4] == "refusals, cost"


def test_an_arm_without_answers_says_so(acme: Organisation, experiment: Experiment) -> None:
    with entered(acme.schema_name):
        results = results_of(experiment)
    assert results_table(results)["rows"][0][3:] == ["– of 0", "–", "–", "–", "–", "–"]
    assert differences_table(results)["rows"][0][4] == "nothing yet"


def test_answers_of_one_conversation_are_one_trial(
    acme: Organisation, make_person: Any, experiment: Experiment, answered: Callable[..., Message]
) -> None:
    person = make_person(acme)
    with entered(acme.schema_name):
        arm = Arm.objects.get(name="A")
        talk = Conversation.objects.create(member=person, title="long")
        for _ in range(30):
            answered(person, arm, conversation=talk)
        (one, _), _ = results_of(experiment)
    assert (one.conversations, one.answers) == (1, 30)
    assert one.cost.value == pytest.approx(0.002)
    assert one.cost.low is None
