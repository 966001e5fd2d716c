"""Where the second model goes on: whatever it repeats, the person reads every word once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering.joins import Join, MarkHolder, continuation, words_of

WORDS = "leave annual pounds hotel fair night trade Edinburgh service months after every quarter booked 28 195".split()
SEPARATORS = (" ", ", ", ". ", " [1] ", "\n\n- ")


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Words that occur once each and of which none begins another, so that every repetition is one."""
    chosen = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=len(WORDS), unique=True))
    return "".join(word + draw(st.sampled_from(SEPARATORS)) for word in chosen).rstrip(" -\n") + "."


def pieces(text: str, sizes: list[int]) -> list[str]:
    found = []
    for size in sizes:
        found.append(text[:size])
        text = text[size:]
    return [*found, text]


def joined(shown: str, second: list[str], words: frozenset[str]) -> str:
    join = Join(shown, words)
    return shown + "".join(join.feed(piece) for piece in second) + join.flush()


@given(
    text=texts(),
    cut=st.integers(1, 200),
    overlap=st.integers(0, 200),
    strips=st.booleans(),
    sizes=st.lists(st.integers(0, 9), max_size=30),
)
def test_no_word_is_doubled_wherever_it_breaks_and_whatever_is_repeated(
    text: str, cut: int, overlap: int, strips: bool, sizes: list[int]
) -> None:
    """The second model repeats the last `overlap` characters, from the beginning of a word on, then goes on."""
    cut = min(cut, len(text))
    begin = word_start(text, max(0, cut - overlap)) if overlap else cut
    second = text[begin:].lstrip() if strips else text[begin:]
    result = joined(text[:cut], pieces(second, sizes), words_of(text))
    assert result.split() == text.split()


def word_start(text: str, position: int) -> int:
    while position and text[position - 1].isalnum() and text[position : position + 1].isalnum():
        position -= 1
    return position


@given(text=texts(), cut=st.integers(1, 200), sizes=st.lists(st.integers(0, 9), max_size=30))
def test_it_does_not_matter_how_the_second_text_arrives(text: str, cut: int, sizes: list[int]) -> None:
    cut = min(cut, len(text))
    words = words_of(text)
    assert joined(text[:cut], pieces(text, sizes), words) == joined(text[:cut], [text], words)


@pytest.mark.parametrize(
    ("shown", "second", "result"),
    [
        ("28 days of annual", "leave a year.", "28 days of annual leave a year."),
        ("28 days of ann", "ual leave.", "28 days of annual leave."),
        ("28 days of ann", "annual leave.", "28 days of annual leave."),
        ("28 days of annual leave", "days of annual leave and more.", "28 days of annual leave and more."),
        ("28 days of", "…of annual leave.", "28 days of annual leave."),
        ("28 days of annual leave.", "28 days of annual leave. Book it.", "28 days of annual leave. Book it."),
        ("It is 1", "95 pounds.", "It is 195 pounds."),
        ("leave [1]", "[1][2] after", "leave [1][2] after"),
        ("That that", "is, is.", "That that is, is."),
        ("", "  Fresh.", "  Fresh."),
    ],
    ids=[
        "space",
        "mid-word",
        "word-again",
        "phrase-again",
        "dots",
        "all-again",
        "number",
        "mark",
        "no-overlap",
        "empty",
    ],
)
def test_seams(shown: str, second: str, result: str) -> None:
    words = words_of("28 days of annual leave a year. 195 pounds. That is, is after and more. Book it.")
    assert continuation(shown, second, words) == result[len(shown) :] if shown else True
    assert joined(shown, [second], words) == result


@given(text=st.text(alphabet="ab [12,]\u3010\u3011\n", max_size=60), sizes=st.lists(st.integers(0, 5), max_size=30))
def test_a_mark_holder_loses_nothing_and_shows_no_half_mark(text: str, sizes: list[int]) -> None:
    holder = MarkHolder()
    shown = ""
    for piece in pieces(text, sizes):
        shown += holder.feed(piece)
        assert not re.search(r"\[[0-9 ,]{0,40}\Z", shown)
    assert shown + holder.flush() == text
