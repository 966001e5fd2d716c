from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering.citations import CitationFilter, clean_citations

OFFERED = 3


@pytest.mark.parametrize(
    ("text", "cleaned", "cited"),
    [
        ("Plain text.", "Plain text.", ()),
        ("25 days [1].", "25 days [1].", (1,)),
        ("25 days [2][1] and [2].", "25 days [2][1] and [2].", (2, 1)),
        ("Both [1, 2].", "Both [1][2].", (1, 2)),
        ("Both [1;2].", "Both [1][2].", (1, 2)),
        ("Three [1-3] or [1\u20133].", "Three [1][2][3] or [1][2][3].", (1, 2, 3)),
        ("Spaced [ 1 ].", "Spaced [1].", (1,)),
        ("Full-width \u30101\u3011 and \uff3b2\uff3d.", "Full-width [1] and [2].", (1, 2)),
        ("Tool style\u30103\u2020source\u3011.", "Tool style[3].", (3,)),
        ("Twice [1, 1].", "Twice [1].", (1,)),
        # numbers that were never offered
        ("Invented [9].", "Invented.", ()),
        ("Invented [9] in between.", "Invented in between.", ()),
        ("Half [1, 9].", "Half [1].", (1,)),
        ("Half [9][1].", "Half [1].", (1,)),
        ("Half [1][9].", "Half [1].", (1,)),
        ("Zero [0] and [00].", "Zero and.", ()),
        ("Over the end [2-9].", "Over the end [2][3].", (2, 3)),
        ("[9] at the start", " at the start", ()),
        ("at the end [9]", "at the end", ()),
        ("- [9] item\n- item [1]", "- item\n- item [1]", (1,)),
        # no marks
        ("Year [2024], range [10-20] mg, [1-2-3].", "Year [2024], range [10-20] mg, [1-2-3].", ()),
        ("[ ] open task, [x] done, [text] and [].", "[ ] open task, [x] done, [text] and [].", ()),
        ("Footnote[^1] and [^9].", "Footnote[^1] and [^9].", ()),
        ("[1](https://a.example) and ![9](b.png)", "[1](https://a.example) and ![9](b.png)", ()),
        ("A [link](https://a.example) [1]", "A [link](https://a.example) [1]", (1,)),
        (r"Escaped \[9\] and [1]", r"Escaped \[9\] and [1]", (1,)),
        ("Unfinished [1", "Unfinished [1", ()),
        ("Unfinished [", "Unfinished [", ()),
        ("Space at the end ", "Space at the end ", ()),
        # code
        ("Use `a[9]` [1].", "Use `a[9]` [1].", (1,)),
        ("Use ``a[9] ` b[8]`` [1].", "Use ``a[9] ` b[8]`` [1].", (1,)),
        ("An open ` tick\n[1] [9] x", "An open ` tick\n[1] x", (1,)),
        ("```python\nx[9] = y[1]\n```\nSo [1].", "```python\nx[9] = y[1]\n```\nSo [1].", (1,)),
        ("~~~\nx[9]\n~~~\nSo [9][1].", "~~~\nx[9]\n~~~\nSo [1].", (1,)),
        ("````md\n```\n[9]\n```\n````\n[9]x [1]", "````md\n```\n[9]\n```\n````\nx [1]", (1,)),
        (
            "1. Do this:\n   ```sh\n   a[9]\n   ```\n2. End [1]",
            "1. Do this:\n   ```sh\n   a[9]\n   ```\n2. End [1]",
            (1,),
        ),
        ("``` [9] ``` in a line [1]", "``` [9] ``` in a line [1]", (1,)),
        ("~9 people and ~~gone~~ [1]", "~9 people and ~~gone~~ [1]", (1,)),
        # what is left must not join to a mark nobody wrote
        ("[[9]2]", "[ (9)2]", ()),
        ("~[9]~~~ [1]", "~ (9)~~~ [1]", (1,)),
        ("[1[9]2]", "[1 (9)2]", ()),
    ],
)
def test_table(text: str, cleaned: str, cited: tuple[int, ...]) -> None:
    assert clean_citations(text, OFFERED) == (cleaned, cited)


def test_holds_back_only_what_may_become_a_mark() -> None:
    marks = CitationFilter(OFFERED)
    assert [marks.feed(piece) for piece in ("25", " days", " [", "1", "]", ".", " Ask", " \u3010", "2\u3011")] == [
        "25",
        " days",
        "",
        "",
        "",
        " [1].",
        " Ask",
        "",
        "",
    ]
    assert marks.flush() == " [2]"
    assert marks.cited == (1, 2)


def test_releases_a_bracket_as_soon_as_it_is_none() -> None:
    marks = CitationFilter(OFFERED)
    assert marks.feed("see [") == "see"
    assert marks.feed("a") == " [a"


def test_code_is_never_held_back() -> None:
    marks = CitationFilter(OFFERED)
    marks.feed("```py\n")
    assert marks.feed("x[") == "x["
    assert marks.feed("1") == "1"


WORDS = [
    "a",
    "word ",
    " ",
    "\n",
    "\n\n",
    ".",
    "1",
    "2",
    "9",
    "12",
    ",",
    ", ",
    ";",
    "-",
    "\u2013",
    "^",
    "!",
    "#",
    "é",
    "假",
]
BRACKETS = ["[", "]", "(", ")", "\u3010", "\u3011", "\u2020", "\uff3b", "\uff3d", "\\"]
CODE = ["`", "``", "```", "~~~", "~", "> ", "- ", "1. ", "\n```\n"]
MARKS = ["[1]", "[2]", "[9]", " [9]", "[1, 2]", "[1-3]", "[9](x)"]
PIECES = st.sampled_from(WORDS + BRACKETS + CODE + MARKS)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS, st.data())
def test_any_split_gives_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    marks = CitationFilter(OFFERED)
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert ("".join(map(marks.feed, pieces)) + marks.flush(), marks.cited) == clean_citations(text, OFFERED)


@given(TEXTS)
def test_letter_by_letter_gives_the_same(text: str) -> None:
    marks = CitationFilter(OFFERED)
    assert ("".join(map(marks.feed, text)) + marks.flush(), marks.cited) == clean_citations(text, OFFERED)


@given(TEXTS)
def test_outside_code_and_links_only_offered_numbers_stay(text: str) -> None:
    text = re.sub(r"[`~\\]", "", text)
    cleaned, cited = clean_citations(text, OFFERED)
    shown = [int(number) for number in re.findall(r"\[ *([0-9]{1,3}) *\](?!\()", cleaned)]
    assert all(1 <= number <= OFFERED for number in shown)
    assert set(cited) == set(shown)


@given(TEXTS)
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    once, cited = clean_citations(re.sub(r"[`~]", "", text), OFFERED)
    assert clean_citations(once, OFFERED) == (once, cited)


@given(st.text())
def test_words_are_never_lost(text: str) -> None:
    letters = re.compile(r"[^\W\d_]+")
    cleaned, _ = clean_citations(re.sub(r"[\u3010\u3011]", "", text), OFFERED)
    assert letters.findall(cleaned) == letters.findall(re.sub(r"[\u3010\u3011]", "", text))
