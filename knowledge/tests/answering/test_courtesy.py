from __future__ import annotations

import pytest

from knowledge.answering.courtesy import REPLIES, courteous_reply
from knowledge.answering.evidence import refusal
from knowledge.answering.refusals import REFUSALS, language_of
from knowledge.types import Extent


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("Hi", "en", 0),
        ("hello there!", "en", 0),
        ("Good morning, Vena", "en", 0),
        ("Thank you very much.", "en", 1),
        ("Guten Tag zusammen", "de", 0),
        ("Danke schön!", "de", 1),
        ("Ça va ?", "fr", 0),
        ("¡Hola!", "es", 0),
        ("grazie mille", "it", 1),
        ("Hoi", "nl", 0),
    ],
)
def test_a_greeting_is_greeted_back_in_its_language(text: str, language: str, kind: int) -> None:
    assert courteous_reply(text) == REPLIES[language][kind]


@pytest.mark.parametrize(
    "text",
    ["", "?", "Hi, how many days of leave do I get?", "thanks for what", "hello world example in C", "leave", "Hi 5"],
)
def test_whatever_may_be_a_question_is_one(text: str) -> None:
    assert courteous_reply(text) is None


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Which wine does the company recommend?", "en"),
        ("Wie oft werden Passwörter geändert?", "de"),
        ("Combien de jours de congé ai-je dans l'année ?", "fr"),
        ("¿Cuántos días de vacaciones hay para los empleados?", "es"),
        ("Quanti giorni di ferie sono della nostra azienda?", "it"),
        ("Hoeveel vrije dagen zijn er voor een medewerker?", "nl"),
        ("leave 2026", "en"),
        ("", "en"),
    ],
)
def test_a_refusal_speaks_the_language_of_the_question(question: str, language: str) -> None:
    assert language_of(question) == language
    said = refusal(question, Extent(collections=("HR", "Sales"), documents=1204), [])
    assert said.startswith(REFUSALS[language].not_found)
    assert "1,204" in said
    assert f"HR {REFUSALS[language].conjunction} Sales" in said
