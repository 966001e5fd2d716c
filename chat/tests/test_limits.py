from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis

from chat import limits
from chat.errors import QuestionsUsedUp, TooManyQuestions
from chat.limits import question_count, questions_this_month
from chat.models import Conversation, Message
from tenants.actions import organisation_entitle
from tenants.context import entered
from tenants.entitlements import Entitlements
from tenants.models import Organisation

pytestmark = pytest.mark.django_db  # plans are asked for
ADA, BOB = uuid4(), uuid4()


@pytest.fixture(autouse=True)
def _in_the_middle_of_a_minute(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    monkeypatch.setattr("chat.limits.time.time", lambda: 1_000_000_030.0 - 1_000_000_030 % 60 + 20)
    settings.VENA_QUESTIONS_PER_MINUTE = 3
    settings.VENA_QUESTIONS_PER_MINUTE_ORGANISATION = 5
    yield
    limits.client().flushdb()


def allowed(schema: str, person: UUID) -> bool:
    try:
        question_count(schema, person)
    except TooManyQuestions:
        return False
    return True


def test_a_person_may_ask_so_often_and_another_still_may() -> None:
    assert [allowed("org_acme", ADA) for _ in range(4)] == [True, True, True, False]
    assert allowed("org_acme", BOB)


def test_an_organisation_may_ask_so_often_and_the_other_still_may() -> None:
    assert [allowed("org_acme", uuid4()) for _ in range(6)] == [True] * 5 + [False]
    assert allowed("org_globex", uuid4())


def test_the_same_person_id_in_another_organisation_is_another_person() -> None:
    assert [allowed("org_acme", ADA) for _ in range(4)][-1] is False
    assert allowed("org_globex", ADA)


def test_the_refusal_says_when(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        question_count("org_acme", ADA)
    with pytest.raises(TooManyQuestions) as refused:
        question_count("org_acme", ADA)
    assert (refused.value.text, refused.value.retry_after) == (
        "Too many questions in one minute. Ask again in 40 seconds.",
        40.0,
    )
    monkeypatch.setattr("chat.limits.time.time", lambda: 1_000_000_030.0 - 1_000_000_030 % 60 + 60)
    question_count("org_acme", ADA)


def test_without_redis_nobody_is_kept_from_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "client", lambda: broken)
        assert all(allowed("org_acme", ADA) for _ in range(9))


# -- plans ----------------------------------------------------------------------------------------


def ask(organisation: Organisation) -> bool:
    """Whether the month has room for it."""
    with entered(organisation.schema_name):
        try:
            question_count(organisation.schema_name, uuid4())
        except QuestionsUsedUp:
            return False
        return True


def test_a_plan_has_so_many_questions_a_month(acme: Organisation, globex: Organisation, settings: Any) -> None:
    settings.VENA_QUESTIONS_PER_MINUTE_ORGANISATION = 100
    organisation_entitle(acme, Entitlements(questions=4))
    assert [ask(acme) for _ in range(7)] == [True] * 4 + [False] * 3
    assert [ask(globex) for _ in range(7)] == [True] * 7
    organisation_entitle(acme, Entitlements(questions=5))  # what was refused was not counted
    assert [ask(acme) for _ in range(2)] == [True, False]
    with entered(acme.schema_name):
        assert questions_this_month(acme.schema_name) == 5


def test_what_redis_lost_is_counted_anew(acme: Organisation, make_person: Any, settings: Any) -> None:
    settings.VENA_QUESTIONS_PER_MINUTE_ORGANISATION = 100
    organisation_entitle(acme, Entitlements(questions=4))
    person = make_person(acme, "ada@acme.example")
    with entered(acme.schema_name):
        conversation = Conversation.objects.create(member=person, title="Leave")
        for _ in range(3):
            Message.objects.create(conversation=conversation, role=Message.Role.ASSISTANT, text="25 days.")
        Message.objects.filter(pk__in=[Message.objects.earliest("created_at").pk]).update(
            created_at="2020-01-01T00:00Z"
        )
    assert [ask(acme) for _ in range(3)] == [True, True, False]


def test_a_plan_says_how_often_its_people_ask_in_a_minute(acme: Organisation, globex: Organisation) -> None:
    organisation_entitle(acme, Entitlements(questions_per_minute=2))
    assert [allowed("org_acme", uuid4()) for _ in range(3)] == [True, True, False]
    assert [allowed("org_globex", uuid4()) for _ in range(3)] == [True] * 3
