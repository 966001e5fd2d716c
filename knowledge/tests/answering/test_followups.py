from __future__ import annotations

import json

import pytest
from django.conf import settings

from knowledge.answering.followups import is_follow_up, joined, stands_alone
from knowledge.types import Role, Turn

LEAVE = "How many days of annual leave do staff get?"
FOLLOW_UPS = [
    "And in Leith?",
    "What about part-timers?",
    "How long does it take?",
    "Why?",
    "Who approves them?",
    "Is that also true for contractors?",
    "Does this apply to interns?",
    "And if I leave in July?",
    "For how long?",
    "Which one is cheaper?",
    "Can I carry these over?",
    "How do I do that?",
    "Und in Leith?",
    "Gilt das auch für Teilzeit?",
    "Wie lange dauert es dort?",
    "Wer genehmigt diese?",
    "Was ist mit Praktikanten?",
    "Et pour les stagiaires ?",
    "Pourquoi ?",
    "¿Y para los becarios?",
    "¿Cuándo vence eso?",
    "Edinburgh?",
    "\u90e8\u5206\u7684\u306b\u306f\uff1f",
]
ALONE = [
    LEAVE,
    "What is the hotel limit for a night in Edinburgh?",
    "Who approves a claim of £900?",
    "Is there a limit for hotels this year?",
    "What is overtime?",
    "What does it cost to have a mercury barometer collected?",
    "mileage rate car 10,000 miles",
    "Wie viele Urlaubstage bekommen Angestellte?",
    "Welche Frist gilt für Reisekosten?",
    "Combien de jours de congé ont les employés ?",
    "¿Cuántos días de vacaciones tienen los empleados?",
]


@pytest.mark.parametrize("text", FOLLOW_UPS, ids=str)
def test_what_points_back_is_a_follow_up(text: str) -> None:
    assert is_follow_up(text, [Turn(Role.USER, LEAVE), Turn(Role.ASSISTANT, "25 [1].")])
    assert not is_follow_up(text, [])


@pytest.mark.parametrize("text", ALONE, ids=str)
def test_what_is_clear_by_itself_stands_alone(text: str) -> None:
    assert stands_alone(text)


def test_hardly_a_question_that_stands_alone_costs_a_call() -> None:
    asked = json.loads((settings.BASE_DIR / "samples" / "golden_questions.json").read_text())
    called = [one["question"] for one in asked if not stands_alone(one["question"])]
    assert called == ["How long is partner's leave, and may it be split?"]


def test_a_follow_up_is_joined_to_the_last_question_that_stood_alone() -> None:
    history = [
        Turn(Role.USER, "Where is the office?"),
        Turn(Role.USER, f"  {LEAVE}\n"),
        Turn(Role.ASSISTANT, "25 days."),
        Turn(Role.USER, "And in Leith?"),
    ]
    assert joined("Why?", history) == f"{LEAVE} Why?"
    assert joined("Why?", history[-1:]) == "And in Leith? Why?"
    assert len(joined("Why?", [Turn(Role.USER, f"{LEAVE} " * 100)])) == 405
