"""CSV and its kin: any delimiter, any encoding."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator

from knowledge.errors import DocumentTooLarge
from knowledge.ingestion.readers.kinds import Kind, kind_named
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tabular import Row, blocks_of_rows
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import ParsedDocument

_DELIMITERS = ",;\t|"
_SAMPLE = 20_000  # characters
_SAMPLE_LINES = 50
_SEPARATOR_LINE = "sep="  # how Excel is told the delimiter

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the size of a file is bounded before it comes here


def read_csv(source: Source) -> ParsedDocument:
    text = cleaned(decoded(source.path.read_bytes()))
    delimiter, text, skipped = _delimiter(text, source)
    rows = _rows(text, delimiter, skipped, source.limits.max_cells)
    return ParsedDocument(tuple(blocks_of_rows(rows, max_characters=source.limits.max_characters)))


def _rows(text: str, delimiter: str, skipped: int, max_cells: int) -> Iterator[Row]:
    cells = 0
    records = csv.reader(
        text.splitlines(keepends=True) if "\x0b" not in text else text.split("\n"), delimiter=delimiter
    )
    for number, record in enumerate(records, start=1 + skipped):
        cells += len(record)
        if cells > max_cells:
            raise DocumentTooLarge(detail=f"more than {max_cells} cells")
        yield number, record


def _delimiter(text: str, source: Source) -> tuple[str, str, int]:
    """The delimiter, the text without a line that only names it, and how many lines that took."""
    if text[:4].lower() == _SEPARATOR_LINE and text[5:6] == "\n":
        return text[4], text[6:], 1
    usual = "\t" if source.suffix and kind_named(source.file_name) is Kind.TSV else ","
    return _guessed(text[:_SAMPLE], usual), text, 0


def _guessed(sample: str, usual: str) -> str:
    """The one that stands equally often on most lines; of several the one that stands oftener."""
    lines = [line for line in _unquoted(sample).split("\n")[:_SAMPLE_LINES] if line]
    best, score = usual, 0.0
    for delimiter in sorted(_DELIMITERS, key=lambda sign: sign != usual):
        counts = Counter(line.count(delimiter) for line in lines)
        count, times = counts.most_common(1)[0] if counts else (0, 0)
        if count and times / len(lines) * min(count, 10) > score:
            best, score = delimiter, times / len(lines) * min(count, 10)
    return best


def _unquoted(sample: str) -> str:
    return "".join(sample.split('"')[::2])
