"""Lines of a PDF page become blocks: headings by their type, paragraphs by their spacing, tables by their columns."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.ingestion.readers.pdf_lines import Cell, Line
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.types import Block, BlockKind, Box

_LARGER = 1.12  # times the body's size makes a heading
_LONGEST_HEADING = 160  # characters
_MOST_HEADING_LINES = 3
_DEEPEST = 4  # level told by size; bold lines of the body's size are one deeper
_APART = 1.3  # times the usual distance of lines parts paragraphs
_BULLET = re.compile(r"^(?:[•◦▪●○■□‣⁃∙·*–-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)])(?=\s|$)\s*")
_SIGN = re.compile(r"^[•◦▪●○■□‣⁃∙·*–-](?=\s|$)\s*")
_SENTENCE_END = (".", "!", "?", ":", ";", "”", '."')
_WORD = re.compile(r"\w+(?:-\w+)*")
_PROSE = 30  # mean characters of a cell: with more, "columns" are columns of text, not of a table


@dataclass(frozen=True, slots=True)
class Type:
    """What the whole document's type says: the body's size, and which sizes stand for which heading level."""

    body: float
    body_is_bold: bool
    levels: dict[float, int]

    def level_of(self, line: Line) -> int:
        """0 for anything but a heading."""
        text = line.text
        if len(text) > _LONGEST_HEADING or len(line.cells) > 1 or not any(map(str.isalpha, text)):
            return 0
        if line.size in self.levels:
            return self.levels[line.size]
        is_lead = line.is_bold and not self.body_is_bold and line.size >= self.body * 0.95
        return max(self.levels.values(), default=0) + 1 if is_lead and not text.endswith((".", ",", ";")) else 0


def type_of(pages: Iterable[Sequence[Line]]) -> Type:
    characters: Counter[float] = Counter()
    bold = 0
    for line in itertools.chain.from_iterable(pages):
        characters[line.size] += len(line.text)
        bold += len(line.text) if line.is_bold else 0
    body = characters.most_common(1)[0][0] if characters else 10.0
    larger = sorted((size for size in characters if size >= body * _LARGER), reverse=True)
    return Type(body, bold * 2 > characters.total(), {size: min(rank, _DEEPEST) for rank, size in enumerate(larger, 1)})


class Vocabulary:
    """The document's own words decide whether a hyphen at a line's end belongs to the word."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        lines = itertools.chain.from_iterable(pages)
        self._words = {word.lower() for line in lines for word in _WORD.findall(line.text)}

    def joined(self, texts: Sequence[Line]) -> str:
        whole = texts[0].text
        for line in texts[1:]:
            whole = self._join(whole, line.text)
        return whole

    def _join(self, before: str, after: str) -> str:
        if not before.endswith("-") or not before[-2:-1].isalpha() or not after[:1].islower():
            return f"{before} {after}"
        head, tail = before[:-1].rpartition(" ")[2].lower(), after.partition(" ")[0].lower().rstrip(".,;:!?)")
        keeps_hyphen = f"{head}-{tail}" in self._words and head + tail not in self._words
        return before + after if keeps_hyphen else before[:-1] + after


def blocks_of_page(
    lines: Sequence[Line], page: int, height: float, kind: Type, vocabulary: Vocabulary
) -> Iterator[Block]:
    for block, taken in _Page(lines, kind, vocabulary).blocks():
        yield replace(block, page=page, boxes=(_box(block, taken, page, height),))


def _box(block: Block, lines: Sequence[Line], page: int, height: float) -> Box:
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    if block.boxes:
        left, right = block.boxes[0].left, block.boxes[0].right
    top, bottom = height - max(line.top for line in lines), height - min(line.bottom for line in lines)
    return Box(page, round(left, 1), round(top, 1), round(right, 1), round(bottom, 1))


class _Page:
    def __init__(self, lines: Sequence[Line], kind: Type, vocabulary: Vocabulary) -> None:
        self._lines, self._type, self._vocabulary = lines, kind, vocabulary
        steps = [before.top - after.top for before, after in itertools.pairwise(lines)]
        close = [step for step in steps if 0 < step < 4 * kind.body]
        self._step = statistics.median(close) if close else 1.5 * kind.body
        self._right = max((line.right for line in lines), default=0.0)
        self._width = self._right - min((line.left for line in lines), default=0.0)

    def blocks(self) -> Iterator[tuple[Block, Sequence[Line]]]:
        """Each with the lines it was made of."""
        index = 0
        while index < len(self._lines):
            for find in (self._table, self._heading, self._list, self._paragraph):
                count, blocks = find(index)
                if count:
                    taken = self._lines[index : index + count]
                    yield from ((block, taken) for block in blocks)
                    index += count
                    break

    # Each of these looks at the lines from `index` on: how many it takes (0: not mine), and what they are.

    def _table(self, index: int) -> tuple[int, list[Block]]:
        run = list(itertools.takewhile(_is_row, self._lines[index:]))
        run = self._with_wrapped_rows(index, run)
        rows = [line for line in run if _is_row(line)]
        if len(rows) < 2:
            return 0, []
        if _is_prose(rows):
            return len(run), self._columns(run)
        return len(run), [Block(BlockKind.TABLE, _table_text(run))]

    def _with_wrapped_rows(self, index: int, run: list[Line]) -> list[Line]:
        """A table goes on after a line of one cell, if rows follow close below."""
        while run:
            rest = self._lines[index + len(run) :]
            between = list(itertools.takewhile(lambda line: not _is_row(line), rest[:3]))
            after = list(itertools.takewhile(_is_row, rest[len(between) :]))
            bridge = [run[-1], *between, *after[:1]]
            if not between or not after or any(self._is_apart(a, b, 1.7) for a, b in itertools.pairwise(bridge)):
                return run
            if any(line.right > (self._right + run[0].left) / 2 + 60 or self._type.level_of(line) for line in between):
                return run
            run = [*run, *between, *after]
        return run

    def _heading(self, index: int) -> tuple[int, list[Block]]:
        first = self._lines[index]
        level = self._type.level_of(first)
        if not level or _SIGN.match(first.text):
            return 0, []
        run = [first]
        for line in self._lines[index + 1 :]:
            is_alike = (line.size, line.is_bold) == (first.size, first.is_bold) and self._type.level_of(line) == level
            if not is_alike or not self._wraps(run[-1], line):
                break
            run.append(line)
        is_lead_in = first.size not in self._type.levels and run[-1].right > self._right - 0.05 * self._width
        if is_lead_in or len(run) > _MOST_HEADING_LINES:  # bold words of a paragraph
            return 0, []
        return len(run), [Block(BlockKind.HEADING, self._vocabulary.joined(run), level=level)]

    def _wraps(self, before: Line, line: Line) -> bool:
        """A heading goes on in the next line when its line was full, or both are centred."""
        is_full = before.right - before.left > 0.6 * self._width
        is_centred = abs(before.left + before.right - line.left - line.right) < 4 and abs(before.left - line.left) > 2
        return (is_full or is_centred) and not self._is_apart(before, line, _APART, size=before.size)

    def _list(self, index: int) -> tuple[int, list[Block]]:
        items: list[str] = []
        taken = index
        while taken < len(self._lines) and _BULLET.match(self._lines[taken].text):
            end = self._end_of_paragraph(taken)
            text = self._vocabulary.joined(self._lines[taken:end])
            items.append(_SIGN.sub("- ", text))
            taken = end
        has_items = len(items) > 1 or (items and items[0].startswith("- "))
        return (taken - index, [Block(BlockKind.LIST, "\n".join(items))]) if has_items else (0, [])

    def _paragraph(self, index: int) -> tuple[int, list[Block]]:
        end = self._end_of_paragraph(index)
        return end - index, [Block(BlockKind.PARAGRAPH, self._vocabulary.joined(self._lines[index:end]))]

    def _end_of_paragraph(self, index: int) -> int:
        end = index + 1
        while end < len(self._lines) and not self._starts_anew(self._lines[end - 1], self._lines[end], end):
            end += 1
        return end

    def _starts_anew(self, before: Line, line: Line, index: int) -> bool:
        is_other_size = abs(line.size - before.size) > 0.1 * line.size
        if self._is_apart(before, line, _APART) or _BULLET.match(line.text) or is_other_size:
            return True
        if line.is_bold and not before.is_bold and self._heading(index)[0]:
            return True
        if _is_row(line) and self._table(index)[0]:
            return True
        ends = before.text.endswith(_SENTENCE_END)
        is_short = before.right < self._right - 0.2 * (self._right - before.left)
        is_indented = line.left > before.left + 0.8 * line.size and line.left < before.right
        return ends and (is_short or is_indented)

    def _is_apart(self, before: Line, line: Line, times: float, *, size: float = 0.0) -> bool:
        """Further down than the next line would be, or on top of another column."""
        step = max(self._step, 1.2 * size)
        return before.top - line.top > times * step or line.bottom > before.top

    def _columns(self, lines: Sequence[Line]) -> list[Block]:
        """Two columns of text that were read across: one after the other."""
        middle = statistics.median(line.cells[1].left for line in lines if _is_row(line))
        cells = [cell for line in lines for cell in line.cells]
        halves = [[cell for cell in cells if (cell.left < middle - 1) is is_left] for is_left in (True, False)]
        return [
            Block(BlockKind.PARAGRAPH, " ".join(cell.text for cell in half), boxes=(_sides(half),))
            for half in halves
            if half
        ]


def _sides(cells: Sequence[Cell]) -> Box:
    """Left and right of a block that does not take its lines from end to end; whoever knows the page adds the rest."""
    return Box(0, min(cell.left for cell in cells), 0.0, max(cell.right for cell in cells), 0.0)


def _is_row(line: Line) -> bool:
    return len(line.cells) > 1 and not (len(line.cells) == 2 and _BULLET.fullmatch(line.cells[0].text))


def _is_prose(rows: Sequence[Line]) -> bool:
    if len(rows) < 3 or any(len(line.cells) > 3 for line in rows):
        return False
    return all(statistics.mean(len(line.cells[place].text) for line in rows) > _PROSE for place in (0, 1))


def _table_text(lines: Sequence[Line]) -> str:
    rows = [line for line in lines if _is_row(line)]
    usual = statistics.mode(len(line.cells) for line in rows)
    columns = _column_spans([line.cells for line in rows if len(line.cells) >= usual])
    return markdown_table([_in_columns(line.cells, columns) for line in lines])


def _column_spans(rows: Sequence[Sequence[Cell]]) -> list[tuple[float, float]]:
    """Where cells of different rows overlap from side to side they are one column."""
    spans: list[tuple[float, float]] = []
    for cell in sorted(itertools.chain.from_iterable(rows), key=lambda cell: cell.left):
        if spans and cell.left < spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], cell.right)
        else:
            spans.append((cell.left, cell.right))
    return spans


def _in_columns(cells: Sequence[Cell], columns: Sequence[tuple[float, float]]) -> list[str]:
    texts = [""] * len(columns)
    for cell in cells:
        middle = (cell.left + cell.right) / 2
        nearest = min(range(len(columns)), key=lambda index: _distance(columns[index], cell, middle))
        texts[nearest] = f"{texts[nearest]} {cell.text}".strip()
    return texts


def _distance(column: tuple[float, float], cell: Cell, middle: float) -> tuple[float, float]:
    overlap = min(column[1], cell.right) - max(column[0], cell.left)
    return -max(0.0, overlap), abs((column[0] + column[1]) / 2 - middle)
