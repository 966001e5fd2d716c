from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis

from chat import limits
from chat.errors import TooManyQuestions
from chat.limits import question_count

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
