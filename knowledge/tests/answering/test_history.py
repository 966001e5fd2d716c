from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering.history import within
from knowledge.providers.streams import TOKENS_PER_TURN, estimate_tokens
from knowledge.types import Role, Turn


def said(*texts: str) -> list[Turn]:
    """Newest first."""
    return [Turn(Role.USER, text) for text in texts]


def test_the_newest_turns_are_kept_in_their_order() -> None:
    assert [turn.text for turn in within(said("new", "old", "older " * 100), 20)] == ["old", "new"]


def test_of_the_last_answer_at_least_the_beginning_is_kept() -> None:
    (kept,) = within(said("x" * 1000), 20)
    assert kept.text == "x" * 61 + "…"


def test_a_script_of_many_bytes_counts_more() -> None:
    assert len(within(said("\u90e8" * 40, "b", "c"), 44)) == 3
    assert len(within(said("\u90e8" * 40, "b", "c"), 40)) == 2


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(0, 200))
def test_never_more_than_the_budget(texts: list[str], budget: int) -> None:
    kept = within(said(*texts), budget)
    assert sum(estimate_tokens(turn.text) + TOKENS_PER_TURN for turn in kept) <= budget
