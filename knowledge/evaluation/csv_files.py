"""Golden questions as CSV: whatever a spreadsheet writes is read, and each line that can't be used says why. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.evaluation.errors import CsvTooLarge, CsvUnreadable
from knowledge.ingestion.readers.text import decoded

MAX_BYTES = 5 * 1024 * 1024
MAX_LINES = 2000
MAX_QUESTION = 2000  # characters
MAX_QUOTE = 4000
DELIMITERS = (",", ";", "\t", "|")
HEADER = ("question", "document", "quote", "document_id")
NAMES = {
    "question": {"question", "query"},
    "document": {"document", "title", "file", "file name", "filename", "source"},
    "quote": {"quote", "passage", "answer", "text"},
    "document_id": {"document id"},
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


@dataclass(frozen=True, slots=True)
class Line:
    """One usable line. `number` is where it begins in the file, from 1."""

    number: int
    question: str
    document: str  # title, file name, external id or id
    quote: str
    document_id: str = ""  # as our own export has it; wins when there is such a document


@dataclass(frozen=True, slots=True)
class Problem:
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]


def read_sheet(data: bytes) -> Sheet:
    """Any encoding, any of the usual delimiters. Raises CsvUnreadable when no line names the columns."""
    if len(data) > MAX_BYTES:
        raise CsvTooLarge
    text = decoded(data).replace("\x00", "")
    delimiter, columns, header_line = _layout(text)
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, cells in _records(text, delimiter):
        if number <= header_line or not any(cells):
            continue
        if len(lines) + len(problems) >= MAX_LINES:
            problems.append(Problem(number, f"Only {MAX_LINES:,} lines are read at once; import the rest on its own."))
            break
        line = _line(number, cells, columns)
        reason = _reason(line)
        if reason:
            problems.append(Problem(number, reason))
        else:
            lines.append(line)
    return Sheet(tuple(lines), tuple(problems))


def _layout(text: str) -> tuple[str, dict[str, int], int]:
    """Delimiter, column name → index, and the line of the header: the first line that is not empty."""
    for delimiter in DELIMITERS:
        number, cells = next(((number, cells) for number, cells in _records(text, delimiter) if any(cells)), (0, []))
        names = [" ".join(cell.casefold().replace("_", " ").split()) for cell in cells]
        columns = {
            column: index for column, known in NAMES.items() for index, name in enumerate(names) if name in known
        }
        if "question" in columns and ("document" in columns or "document_id" in columns):
            return delimiter, columns, number
    raise CsvUnreadable


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on; a quoted cell may go over several lines."""
    csv.field_size_limit(MAX_BYTES)  # process-wide; the file's size is checked before
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    for cells in reader:
        yield begins, [cell.strip() for cell in cells]
        begins = reader.line_num + 1


def _line(number: int, cells: Sequence[str], columns: dict[str, int]) -> Line:
    def cell(name: str) -> str:
        index = columns.get(name, len(cells))
        return unguarded(cells[index]) if index < len(cells) else ""

    return Line(
        number=number,
        question=" ".join(cell("question").split()),
        document=cell("document"),
        quote=cell("quote"),
        document_id=cell("document_id"),
    )


def _reason(line: Line) -> str:
    if not line.question:
        return "The question is missing."
    if len(line.question) > MAX_QUESTION:
        return f"The question is longer than {MAX_QUESTION:,} characters."
    if not line.document and not line.document_id:
        return "The document is missing. Give its title, file name or id."
    if len(line.quote) > MAX_QUOTE:
        return f"The quote is longer than {MAX_QUOTE:,} characters. A sentence is enough."
    return ""


def write_sheet(lines: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with its mark, which is how spreadsheets recognise it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows([guarded(cell) for cell in line] for line in lines)
    return out.getvalue().encode("utf-8-sig")


def guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*_FORMULA, "'")) else cell
