"""Which passage counts as the one that was meant."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.evaluation.matching import Candidate, Target, holds, score

OURS, OTHER = uuid4(), uuid4()
LEAVE = "Every person has **28 days** of annual leave\nafter five years of service."


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        (LEAVE, "28 days of annual leave after five years", True),
        (LEAVE, "  28 DAYS   of\nAnnual leave.  ", True),
        (LEAVE, "8 days of annual leave", False),  # 28 does not hold 8
        (LEAVE, "", True),
        ("the employ-\nment contract ends", "employment contract", True),
        ("see [the policy](https://example.org/x) on travel", "the policy on travel", True),
        ("<b>Hotels</b> may cost <i>150</i> pounds", "Hotels may cost 150 pounds", True),
        ("| Grade | Days |\n| 7 | 28 |", "Grade Days 7 28", True),
        ("年次有給休暇は二十八日です。", "有給休暇は二十八日", True),
        ("“Don’t” travel", '"Don\'t" travel', True),
        ("leave of absence", "annual leave", False),
    ],
)
def test_words_count_and_nothing_else(text: str, quote: str, expected: bool) -> None:
    assert holds(text, quote) is expected


def test_a_quote_that_a_chunk_border_cuts_counts_for_the_larger_part() -> None:
    quote = "one two three four five six seven eight nine ten"
    assert holds("zero one two three four five six seven eight nine", quote)
    assert not holds("six seven eight nine ten eleven", quote)


@given(
    st.lists(st.sampled_from(["leave", "days", "hotel", "pounds", "trip", "fair"]), min_size=1, max_size=30), st.data()
)
def test_any_stretch_of_a_text_is_in_it(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    joiner = data.draw(st.sampled_from([" ", "\n", "  ", ", ", " **"]))
    assert holds(" ".join(words), joiner.join(words[start:end]).upper())


@given(st.text(), st.text())
def test_matching_never_fails(text: str, quote: str) -> None:
    assert holds(text, quote) in {True, False}
    assert holds(text, text)


def found(*texts: str, document: object = OURS) -> list[Candidate]:
    return [Candidate(document, text) for text in texts]  # type: ignore[arg-type]


def test_the_document_alone_is_enough_without_a_quote() -> None:
    passages = [*found("x", document=OTHER), *found("y", "z")]
    result = score(passages, [Target(OURS)])
    assert (result.first_rank, result.recall_at_5, result.mrr_at_10) == (2, 1.0, 0.5)
    assert result.ndcg_at_10 == pytest.approx(0.6309, abs=1e-4)


def test_the_right_words_in_another_document_do_not_count() -> None:
    result = score(found(LEAVE, document=OTHER), [Target(OURS, "28 days")])
    assert (result.ranks, result.first_rank, result.ndcg_at_10) == ((None,), None, 0.0)


def test_a_passage_past_the_fifth_counts_for_ten_only() -> None:
    result = score(found(*"abcdef", LEAVE), [Target(OURS, "28 days")])
    assert (result.first_rank, result.recall_at_5, result.recall_at_10) == (7, 0.0, 1.0)


def test_each_of_several_targets_counts_once() -> None:
    targets = [Target(OURS, "28 days"), Target(OURS, "a hotel"), Target(OURS, "nowhere")]
    result = score(found("other", LEAVE, "28 days again", "book a hotel"), targets)
    assert result.ranks == (2, 4, None)
    assert result.recall_at_10 == pytest.approx(2 / 3)


def test_one_passage_may_hold_two_targets() -> None:
    result = score(found("28 days in a hotel"), [Target(OURS, "28 days"), Target(OURS, "a hotel")])
    assert (result.ranks, result.ndcg_at_10) == ((1, 1), 1.0)


def test_nothing_found_is_nothing() -> None:
    assert score([], [Target(OURS)]).ndcg_at_10 == 0.0
