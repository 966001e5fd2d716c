"""Golden questions from whatever a spreadsheet wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.evaluation import csv_files
from knowledge.evaluation.csv_files import Line, read_sheet, write_sheet
from knowledge.evaluation.errors import CsvTooLarge, CsvUnreadable

PLAIN = "question,document,quote\nHow many days?,handbook,28 days\nWhich hotel?,travel.pdf,\n"
LINES = (Line(2, "How many days?", "handbook", "28 days"), Line(3, "Which hotel?", "travel.pdf", ""))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_encoding_and_delimiter(encoding: str, delimiter: str) -> None:
    assert read_sheet(PLAIN.replace(",", delimiter).encode(encoding)).lines == LINES


def test_letters_of_western_encodings() -> None:
    text = "Question;Document;Quote\r\nWie viele Tage Urlaub für Mütter?;Größenübersicht;äöüß über drei Öfen\r\n"
    assert read_sheet(text.encode("cp1252")).lines[0].question == "Wie viele Tage Urlaub für Mütter?"


def test_columns_are_found_by_name_in_any_order() -> None:
    data = b"Nr;Answer;File name;QUERY\n1;28 days;handbook.md;How many?\n"
    assert read_sheet(data).lines == (Line(2, "How many?", "handbook.md", "28 days"),)


def test_each_bad_line_has_its_number_and_reason_and_good_ones_are_kept() -> None:
    data = (
        "question,document,quote\n"
        ",handbook,x\n"
        '"Two\nlines?",handbook,"a, b"\n'
        "No document?,,\n"
        "\n" + "x" * 2001 + ",handbook,\n"
        "Short\n"
        f"Long quote?,handbook,{'q' * 4001}\n"
    )
    sheet = read_sheet(data.encode())
    assert sheet.lines == (Line(3, "Two lines?", "handbook", "a, b"),)
    assert [(problem.number, problem.reason.split(".")[0]) for problem in sheet.problems] == [
        (2, "The question is missing"),
        (5, "The document is missing"),
        (7, "The question is longer than 2,000 characters"),
        (8, "The document is missing"),
        (9, "The quote is longer than 4,000 characters"),
    ]


def test_the_rest_of_a_very_long_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "MAX_LINES", 2)
    sheet = read_sheet(b"question,document\na,d\nb,d\nc,d\nd,d\n")
    assert [line.number for line in sheet.lines] == [2, 3]
    assert [problem.number for problem in sheet.problems] == [4]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"How many days?,handbook\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"PK\x03\x04"]
)
def test_a_file_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(CsvUnreadable):
        read_sheet(data)


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(CsvTooLarge):
        read_sheet(b"x" * (csv_files.MAX_BYTES + 1))


def test_what_was_exported_is_imported_as_it_was_and_runs_no_formula() -> None:
    data = write_sheet([["=HYPERLINK(1)?", "-1", '+44 is, the "code"\nof a country', "id"], ["'quoted", "d", "@x", ""]])
    assert "'=HYPERLINK" in data.decode("utf-8-sig")
    first, second = read_sheet(data).lines
    assert (first.question, first.document, first.document_id) == ("=HYPERLINK(1)?", "-1", "id")
    assert first.quote == '+44 is, the "code"\nof a country'
    assert (second.question, second.quote) == ("'quoted", "@x")


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        sheet = read_sheet(b"question,document,quote\n" + data)
    except CsvUnreadable:
        return
    assert all(line.question and (line.document or line.document_id) for line in sheet.lines)


CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5))
def test_a_round_trip_changes_nothing(rows: list[tuple[str, str, str]]) -> None:
    sheet = read_sheet(write_sheet([[*row, ""] for row in rows]))
    assert [(line.question, line.document, line.quote) for line in sheet.lines] == rows
