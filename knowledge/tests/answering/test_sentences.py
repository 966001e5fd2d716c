from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering.sentences import Kind, blocks_of, pieces_in, pieces_of

CASES = {
    "two sentences": ("One is here. Two is there.", ["One is here.", "Two is there."]),
    "mark before the stop": ("One is [1]. Two is [2].", ["One is [1].", "Two is [2]."]),
    "mark behind the stop": ("One is. [1] Two is.[2] Three", ["One is. [1]", "Two is.[2]", "Three"]),
    "several marks": ("One is.[1][2] Two", ["One is.[1][2]", "Two"]),
    "decimals and versions": ("It takes 2.5 days of v1.2. Then stop.", ["It takes 2.5 days of v1.2.", "Then stop."]),
    "abbreviations": (
        "Tools, e.g. Mr. Smith's, cost approx. 5 p. a. piece. Yes.",
        ["Tools, e.g. Mr. Smith's, cost approx. 5 p. a. piece.", "Yes."],
    ),
    "quotes": ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
    "question and shout": ("Really? Yes! Good…", ["Really?", "Yes!", "Good…"]),
    "german dates": ("Am 5. März ist frei. Es gilt z. B. hier.", ["Am 5. März ist frei.", "Es gilt z. B. hier."]),
    "chinese": ("今天上班。明天休息[1]。后天呢？", ["今天上班。", "明天休息[1]。", "后天呢？"]),
    "emphasis": ("**One is.** Two is.", ["**One is.**", "Two is."]),
    "lines of a paragraph": ("One is\nbroken here. Two", ["One is\nbroken here.", "Two"]),
    "lines that end with marks": ("One: 5 [1]\nTwo: 6 [2]", ["One: 5 [1]", "Two: 6 [2]"]),
    "list": ("- one [1]\n- two\n  goes on\n1. three", ["one [1]", "two\n  goes on", "three"]),
    "table": ("| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |", ["| 1 | 2 |", "| 3 | 4 |"]),
    "heading": ("## A heading. Of sorts\nText.", ["Text."]),
    "code": ("See:\n```py\na = 1. B\n\nb\n```\nEnd.", ["See:", "```py\na = 1. B\n\nb\n```", "End."]),
    "code that never ends": ("~~~\na. B", ["~~~\na. B"]),
    "quoted block": ("> One is. Two is.", ["> One is.", "Two is."]),
    "nothing": (" \n\n", []),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.values(), ids=CASES.keys())
def test_text_is_taken_apart(text: str, wanted: list[str]) -> None:
    assert [text[piece.start : piece.end] for piece in pieces_of(text)] == wanted


def test_a_row_knows_its_head_and_an_item_what_announces_it() -> None:
    text = "Allowed are:\n- bread\n- wine\n\n| City | Limit |\n| --- | --- |\n| Bath | 5 |"
    assert [(piece.kind, piece.context) for piece in pieces_of(text)] == [
        (Kind.SENTENCE, ""),
        (Kind.ITEM, "Allowed are:"),
        (Kind.ITEM, "Allowed are:"),
        (Kind.ROW, "| City | Limit |"),
    ]


@given(st.text(alphabet="aB1. \n|-*`~#[]>。!?é", max_size=80))
def test_pieces_are_in_order_and_no_letter_is_in_two(text: str) -> None:
    pieces = [piece for block in blocks_of(text) for piece in pieces_in(block, text)]
    edges = [edge for piece in pieces for edge in (piece.start, piece.end)]
    assert edges == sorted(edges)
    assert all(0 <= piece.start < piece.end <= len(text) for piece in pieces)
