"""Chunking keeps its promises on any document: sizes, offsets, order, and not a word lost."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.ingestion.chunking import chunk_document
from knowledge.types import Block, BlockKind, ChunkDraft, ParsedDocument

HEADING, PARAGRAPH, LIST = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST
TABLE, CODE = BlockKind.TABLE, BlockKind.CODE


def count_words(text: str) -> int:
    """Words and signs, and two special tokens around them: a tokenizer like BERT's."""
    return 2 + len(re.findall(r"\w+|[^\w\s]", text))


def count_pairs(text: str) -> int:
    """Two characters a token, white space too: sizes of parts do not add up, as with byte pair encoding."""
    return (len(text) + 1) // 2


def chunks(blocks: Sequence[Block], title: str = "Handbook", **options: int) -> list[ChunkDraft]:
    return chunk_document(ParsedDocument(tuple(blocks)), title=title, count_tokens=count_words, **options)


def words(count: int, word: str = "word") -> str:
    return " ".join(f"{word}{number}" for number in range(count))


def table_of(rows: int) -> str:
    return "\n".join(["| Name | Age |", "| --- | --- |", *(f"| person {row} | {row} |" for row in range(rows))])


# -- structure ------------------------------------------------------------------------------------


def test_a_heading_starts_a_chunk_and_is_shown() -> None:
    found = chunks(
        [
            Block(HEADING, "Leave", 1, 1),
            Block(PARAGRAPH, "General words.", 1),
            Block(HEADING, "Sick leave", 2, 2),
            Block(PARAGRAPH, "Call your lead.", 2),
            Block(LIST, "- first day\n- third day", 3),
            Block(HEADING, "Travel", 3, 1),
            Block(PARAGRAPH, "Book a train.", 3),
        ]
    )
    assert [chunk.text for chunk in found] == [
        "Leave\n\nGeneral words.",
        "Sick leave\n\nCall your lead.\n\n- first day\n- third day",
        "Travel\n\nBook a train.",
    ]
    assert [chunk.heading_path for chunk in found] == [("Leave",), ("Leave", "Sick leave"), ("Travel",)]
    assert [(chunk.page, chunk.last_page) for chunk in found] == [(1, 1), (2, 3), (3, 3)]
    assert found[1].embedding_text == ("Handbook > Leave\n\nSick leave\n\nCall your lead.\n\n- first day\n- third day")


def test_headings_right_after_each_other_share_a_chunk() -> None:
    found = chunks([Block(HEADING, "A", level=1), Block(HEADING, "B", level=2), Block(PARAGRAPH, "Text.")])
    assert [chunk.text for chunk in found] == ["A\n\nB\n\nText."]
    assert found[0].embedding_text == "Handbook\n\nA\n\nB\n\nText."


def test_later_chunks_of_a_section_name_its_heading() -> None:
    found = chunks([Block(HEADING, "Leave", level=1), Block(PARAGRAPH, words(300)), Block(PARAGRAPH, words(100, "x"))])
    assert len(found) > 1
    assert all(chunk.embedding_text.startswith("Handbook > Leave\n\n") for chunk in found[1:])
    assert all(chunk.heading_path == ("Leave",) for chunk in found)


def test_a_title_that_is_the_heading_is_not_said_twice() -> None:
    found = chunks([Block(HEADING, "Handbook", level=1), Block(HEADING, "Pay", level=2), Block(PARAGRAPH, words(300))])
    assert found[-1].embedding_text.startswith("Handbook > Pay\n\n")


def test_chunks_of_a_section_are_of_like_size() -> None:
    found = chunks([Block(PARAGRAPH, words(21, f"p{number}x")) for number in range(11)])
    sizes = [count_words(chunk.embedding_text) for chunk in found]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) <= 25


def test_each_part_of_a_table_has_its_header() -> None:
    found = chunks([Block(PARAGRAPH, "Who works here:"), Block(TABLE, table_of(100)), Block(PARAGRAPH, "Done.")])
    assert len(found) > 3
    assert found[0].text.startswith("Who works here:\n\n| Name | Age |\n| --- | --- |\n| person 0 | 0 |\n")
    assert all(chunk.text.startswith("| Name | Age |\n| --- | --- |\n| person") for chunk in found[1:])
    assert found[-1].text.endswith("\n\nDone.")
    rows = [line for chunk in found for line in chunk.text.split("\n") if line.startswith("| person")]
    assert rows == [f"| person {row} | {row} |" for row in range(100)]


def test_a_table_that_fits_is_not_torn() -> None:
    found = chunks([Block(PARAGRAPH, words(120)), Block(TABLE, table_of(15))])
    assert [chunk.text for chunk in found] == [words(120), table_of(15)]


def test_code_is_split_between_lines_and_keeps_its_indentation() -> None:
    code = "\n".join(f"    if value == {number}:\n\n        return {number}" for number in range(60))
    found = chunks([Block(CODE, code, language="python")])
    assert len(found) > 2
    assert all(chunk.text.startswith("```python\n") and chunk.text.endswith("\n```") for chunk in found)
    lines = [line for chunk in found for line in chunk.text.split("\n") if line.strip() and "```" not in line]
    assert lines == [line for line in code.split("\n") if line.strip()]


def test_code_that_holds_fences_gets_a_longer_one() -> None:
    code = "before\n```\ninner\n```"
    assert chunks([Block(CODE, code)])[0].text == f"````\n{code}\n````"


def test_repeats_are_told_apart() -> None:
    found = chunks([Block(HEADING, "Note", level=1), Block(PARAGRAPH, "Same.")] * 3)
    assert [chunk.occurrence for chunk in found] == [0, 1, 2]
    assert len({chunk.content_hash for chunk in found}) == 1


def test_very_long_titles_and_headings_leave_room_for_text() -> None:
    blocks = [
        Block(HEADING, words(90, "h"), level=1),
        Block(HEADING, words(90, "k"), level=2),
        Block(PARAGRAPH, words(500)),
    ]
    found = chunks(blocks, title=words(400, "t"))
    assert max(count_words(chunk.embedding_text) for chunk in found) <= 220
    assert len(found) < 12


def test_nothing_in_nothing_out() -> None:
    assert chunks([]) == []
    assert chunks([Block(PARAGRAPH, " \n ")]) == []


# -- promises -------------------------------------------------------------------------------------

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from(" \n.,|-"), max_size=400
)
long_texts = st.builds(lambda text, times: text * times, texts, st.integers(1, 30))
blocks = st.builds(
    Block,
    kind=st.sampled_from(BlockKind),
    text=st.one_of(texts, long_texts, st.builds(table_of, st.integers(0, 60)), st.builds(words, st.integers(0, 400))),
    page=st.none() | st.integers(1, 9),
    level=st.integers(1, 6),
)


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    document=st.lists(blocks, max_size=8),
    title=texts,
    sizes=st.sampled_from([(200, 220), (50, 60), (20, 20)]),
    count_tokens=st.sampled_from([count_words, count_pairs]),
)
def test_promises(document: list[Block], title: str, sizes: tuple[int, int], count_tokens: object) -> None:
    parsed = ParsedDocument(tuple(document))
    count = count_words if count_tokens is count_words else count_pairs
    found = chunk_document(parsed, title=title, count_tokens=count, target_tokens=sizes[0], max_tokens=sizes[1])
    plain = "\n\n".join(chunk.text for chunk in found)

    assert [chunk.position for chunk in found] == list(range(len(found)))
    for chunk in found:
        assert plain[chunk.char_start : chunk.char_end] == chunk.text
        assert chunk.text.strip()
        assert chunk.embedding_text.endswith(chunk.text)
        assert count(chunk.embedding_text) <= sizes[1] or len(chunk.text) < 2
        assert chunk.content_hash == hashlib.sha256(chunk.embedding_text.encode()).hexdigest()
        assert (chunk.page is None) == (chunk.last_page is None)
    assert len({(chunk.content_hash, chunk.occurrence) for chunk in found}) == len(found)
    if not any(block.kind in (TABLE, CODE) for block in document):
        assert squeezed(plain) == squeezed("".join(block.text for block in document))
    else:
        assert is_within(squeezed("".join(block.text for block in document)), squeezed(plain))
    assert chunk_document(parsed, title=title, count_tokens=count, target_tokens=sizes[0], max_tokens=sizes[1]) == found


def is_within(short: str, long: str) -> bool:
    """All characters of one, in order, in the other: repeated table headers and fences may stand between."""
    rest = iter(long)
    return all(character in rest for character in short)


def test_speed_is_not_spent_here() -> None:
    document = [Block(HEADING if number % 10 == 0 else PARAGRAPH, words(60), level=2) for number in range(1000)]
    started = time.perf_counter()
    found = chunks(document)
    seconds = time.perf_counter() - started
    sys.stderr.write(f"\n{len(found) / seconds:.0f} chunks/s\n")
    assert seconds < 5


def test_a_run_without_spaces_is_cut_too() -> None:
    found = chunk_document(
        ParsedDocument((Block(PARAGRAPH, "A picture: " + "iVBORw0KGgo" * 50_000),)),
        title="",
        count_tokens=lambda text: 3,
    )
    assert max(len(chunk.text) for chunk in found) <= 2200


@pytest.mark.parametrize("target", [100, 200, 400])
def test_long_paragraphs_break_between_sentences(target: int) -> None:
    text = " ".join(f"Sentence {number} has some words in it." for number in range(300))
    found = chunks([Block(PARAGRAPH, text)], target_tokens=target, max_tokens=target + 20)
    assert all(chunk.text.startswith("Sentence") and chunk.text.endswith("it.") for chunk in found)
