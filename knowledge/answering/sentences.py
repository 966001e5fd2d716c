"""Markdown taken apart into what can be checked or quoted: sentences, list items, table rows, code. Pure.

Every piece keeps its place: `start` and `end` are characters of the text it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(`{3,}|~{3,})")
HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
ITEM = re.compile(r"[ \t>]*(?:[-*+•‣·]|\d{1,3}[.)])[ \t]+")
RULE = re.compile(r"\s*\|?[\s:|-]*-+[\s:|-]*\|?\s*")
MARKS = r"(?:[ \u00a0]?\[\d{1,3}\])+"
LINK = re.compile(r"\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
CODE_SPAN = re.compile(r"(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")
_CLOSING = "[\"'”’»)\\]*_」』）》]*"
_STOP = re.compile(
    rf"[.!?…]+{_CLOSING}(?:{MARKS})?(?=\s|$)"
    rf"|[。！？．]+{_CLOSING}(?:{MARKS})?"
    rf"|(?<=\])\n"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“„*_])(?:e\.\s?g|i\.\s?e|etc|approx|incl|excl|vs|cf|max|min|resp|nr|no|dr|mr|mrs|ms|prof|st|fig|sec|art"
    r"|para|pp?|vol|ed|co|ltd|inc|bzw|z\.\s?b|d\.\s?h|u\.\s?a|ca|abs|usw|p\.\s?ex|env|mme|m|av|sr|sra|ud|uds|p\.\s?ej"
    r"|ecc|sig|[a-z])\.$",
    re.IGNORECASE,
)
_DAY_OF_MONTH = re.compile(r"(?:^|\D)\d{1,2}\.$")
_MONTH_AHEAD = re.compile(
    r"(?:jan|feb|fév|mär|mar|apr|avr|abr|ma[iy]|jun|jul|jui|aug|ago|aoû|se[pt]|o[ck]t|nov|de[cz]|dic)", re.IGNORECASE
)


class Kind(Enum):
    SENTENCE = auto()
    ITEM = auto()
    ROW = auto()
    CODE = auto()
    HEADING = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """`context` is what must be read with it: a table's head, the sentence that announces a list."""

    kind: Kind
    start: int
    end: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    text: str  # without its end
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one kind that follow one another. A list item is a block of its own; a blank line ends any block."""

    kind: Kind
    lines: tuple[Line, ...]

    @property
    def start(self) -> int:
        return self.lines[0].start

    @property
    def end(self) -> int:
        return self.lines[-1].end


class BlockReader:
    """Feed it lines; it gives each block when the line that ends it has come."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._kind = Kind.SENTENCE
        self._fence = ""

    def feed(self, line: Line) -> Iterator[Block]:
        if self._fence:
            self._lines.append(line)
            if line.text.strip(" \t>").startswith(self._fence) and not line.text.strip(" \t>").strip(self._fence[0]):
                self._fence = ""
                yield from self.flush()
            return
        kind = self._kind_of(line.text)
        if kind is None or not self._continues(kind):
            yield from self.flush()
        if kind is None:
            return
        if not self._lines:
            self._kind = kind
        self._lines.append(line)
        if kind is Kind.CODE and (fence := FENCE.match(line.text)):
            self._fence = fence[1]

    def flush(self) -> Iterator[Block]:
        if self._lines:
            yield Block(self._kind, tuple(self._lines))
        self._lines, self._fence = [], ""

    def _kind_of(self, text: str) -> Kind | None:
        if not text.strip(" \t\r>"):
            return None
        if FENCE.match(text):
            return Kind.CODE
        if HEADING.match(text):
            return Kind.HEADING
        if is_row(text):
            return Kind.ROW
        return Kind.ITEM if ITEM.match(text) else Kind.SENTENCE

    def _continues(self, kind: Kind) -> bool:
        if not self._lines or self._kind in (Kind.HEADING, Kind.CODE):
            return False
        is_inside_item = kind is Kind.SENTENCE and self._kind is Kind.ITEM
        return is_inside_item or (kind is self._kind and kind is not Kind.ITEM)


def is_row(text: str) -> bool:
    return text.lstrip(" >").startswith("|") or text.count(" | ") >= 1


def blocks_of(text: str) -> Iterator[Block]:
    reader = BlockReader()
    start = 0
    for line in text.split("\n"):
        yield from reader.feed(Line(line, start))
        start += len(line) + 1
    yield from reader.flush()


def pieces_of(text: str) -> list[Piece]:
    """Everything of a text that can be quoted; headings are not."""
    pieces: list[Piece] = []
    intro = ""
    for block in blocks_of(text):
        found = list(pieces_in(block, text, intro))
        pieces += found
        if block.kind is not Kind.ITEM:
            last = text[found[-1].start : found[-1].end] if found else ""
            intro = last if last.rstrip(" *_").endswith((":", "：")) else ""
    return pieces


def headings_of(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if HEADING.match(line))


def pieces_in(block: Block, text: str, intro: str = "") -> Iterator[Piece]:
    if block.kind is Kind.HEADING:
        return
    if block.kind is Kind.CODE:
        yield Piece(Kind.CODE, block.start, block.end)
    elif block.kind is Kind.ROW:
        yield from rows_in(block)
    else:
        begin = block.start
        if block.kind is Kind.ITEM and (marker := ITEM.match(block.lines[0].text)):
            begin += marker.end()
        for start, end in sentences_in(text, begin, block.end):
            yield Piece(block.kind, start, end, intro if block.kind is Kind.ITEM else "")


def rows_in(block: Block) -> Iterator[Piece]:
    has_head = len(block.lines) > 1 and RULE.fullmatch(block.lines[1].text) is not None
    head = block.lines[0].text if has_head else ""
    for line in block.lines[2 if has_head else 0 :]:
        yield Piece(Kind.ROW, line.start, line.end, head)


def sentences_in(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences between two offsets, each with the citation marks that stand behind its full stop."""
    begin = start
    for stop in _STOP.finditer(text, start, end):
        if _is_end(text, begin, stop, end):
            yield from _trimmed(text, begin, stop.end())
            begin = stop.end()
    yield from _trimmed(text, begin, end)


def _is_end(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    """A full stop may belong to an abbreviation, a number or the day of a date."""
    if stop[0][0] != "." or stop[0][-1] == "]":
        return True
    head = text[max(begin, stop.start() - 12) : stop.start() + 1]
    if head.strip("*_ ").rstrip(".").isdigit() and head.strip() == text[begin : stop.start() + 1].strip():
        return False  # the number of a list item
    ahead = text[stop.end() : min(end, stop.end() + 16)].lstrip()
    if _ABBREVIATION.search(head) and ahead:
        return False
    if _DAY_OF_MONTH.search(head) and _MONTH_AHEAD.match(ahead):
        return False
    return not ahead.lstrip("\"'“„(*_[")[:1].islower()


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        yield start, end
