"""Two measurements side by side, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knowledge.evaluation.comparing import Figures, Move, difference, moves_summary, ordinal

BEFORE = Figures(40, 0.5, 0.6, 0.4, 0.45, "minilm", {"candidates": 60})


def test_the_first_has_nothing_to_be_compared_with() -> None:
    assert difference(BEFORE, None).tone == "first"
    assert "so few" in difference(replace(BEFORE, questions=3), None).sentences[0]


@pytest.mark.parametrize(
    ("change", "tone", "sentence"),
    [
        ({}, "same", "No real change from the run before."),
        (
            {"recall_at_10": 0.7, "ndcg_at_10": 0.55},
            "better",
            "About 4 questions more answered in the first ten, and the right passage comes higher up.",
        ),
        (
            {"recall_at_10": 0.575, "ndcg_at_10": 0.4},
            "worse",
            "About 1 question fewer answered in the first ten, and the right passage comes lower up.",
        ),
        ({"ndcg_at_10": 0.5}, "better", "As much is found in the first ten, but the right passage comes higher up."),
        (
            {"recall_at_10": 0.7, "ndcg_at_10": 0.4},
            "worse",
            "About 4 questions more answered in the first ten, but the right passage comes lower up.",
        ),
    ],
)
def test_what_changed(change: dict[str, float], tone: str, sentence: str) -> None:
    found = difference(replace(BEFORE, **change), BEFORE)  # type: ignore[arg-type]
    assert (found.tone, found.sentences) == (tone, (sentence,))


def test_other_questions_are_not_compared() -> None:
    found = difference(replace(BEFORE, questions=52, ndcg_at_10=0.9), BEFORE)
    assert found.tone == "apart"
    assert found.sentences[0].startswith("Measured with 12 questions more")


def test_another_setup_is_named() -> None:
    found = difference(replace(BEFORE, model="openai", setup={"candidates": 60, "rerank": True}), BEFORE)
    assert found.sentences[1:] == ("The embedding model was minilm.", "Rerank was not set, now on.")


@pytest.mark.parametrize(
    ("before", "now", "kind", "words"),
    [
        (None, 3, "better", "was missed before"),
        (3, 1, "better", "was 3rd before"),
        (1, 2, "worse", "was 1st before"),
        (2, None, "worse", "was 2nd before"),
        (None, None, "same", "as before"),
        (4, 4, "same", "as before"),
    ],
)
def test_the_move_of_one_question(before: int | None, now: int | None, kind: str, words: str) -> None:
    assert (Move(before, now).kind, Move(before, now).words) == (kind, words)


def test_moves_together() -> None:
    assert moves_summary([Move(2, 1), Move(1, 2), Move(1, 1)]) == "1 came higher, 1 lower, 1 stayed where they were."
    assert moves_summary([Move(1, 1)]) == "Every question fared as before."


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th",
    ]  # fmt: skip
