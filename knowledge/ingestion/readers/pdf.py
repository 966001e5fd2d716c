"""PDF: text in reading order with page numbers, without what every page repeats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from knowledge.errors import DamagedDocument, DocumentTooLarge, ScannedDocument
from knowledge.ingestion.readers import ocr
from knowledge.ingestion.readers.limits import Deadline, ReadLimits
from knowledge.ingestion.readers.pdf_layout import Vocabulary, blocks_of_page, type_of
from knowledge.ingestion.readers.pdf_lines import Line, PageLines, PdfFile, opened
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, ParsedDocument

_EDGE_LINES = 3  # a running header or footer is among this many first or last lines of a page
_FEWEST_PAGES = 3
_PAGE_NUMBER = re.compile(r"(?:page|p\.|seite)?\s*[-–—]?\s*#\s*(?:(?:of|von|/)\s*#)?\s*[-–—]?", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_FILE_LIKE = re.compile(r"\.\w{2,5}$|^untitled|^[\d\W_]+$", re.IGNORECASE)
_PROGRAM = re.compile(r"^microsoft (?:word|powerpoint|excel) - ", re.IGNORECASE)


def read_pdf(source: Source) -> ParsedDocument:
    _check_end(source.path)
    limits = source.limits
    with opened(source.path) as file:
        if file.page_count > limits.max_pages:
            raise DocumentTooLarge(detail=f"{file.page_count} pages")
        if file.page_count == 0:
            raise DamagedDocument(detail="no page")
        deadline = Deadline(limits)
        pages = _pages(file, limits, deadline)
        recognised = _recognised(file, pages, deadline)
    if not any(recognised.values()) and not any(page.lines for page in pages):
        raise ScannedDocument(detail=f"{len(pages)} pages without text")
    blocks = tuple(_blocks(pages, recognised))
    title = _title(file.title, blocks)
    return ParsedDocument(blocks, title=title, page_count=len(pages), recognised_pages=len(recognised))


def _check_end(path: Path) -> None:
    """A file cut short may still open, with its last pages gone in silence. Its end mark tells."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 65536))
        if b"%%EOF" not in stream.read():
            raise DamagedDocument(detail="no end mark")


def _pages(file: PdfFile, limits: ReadLimits, deadline: Deadline) -> list[PageLines]:
    characters = 0
    pages = []
    for index in range(file.page_count):
        page = file.page(index)
        characters += sum(len(line.text) for line in page.lines)
        if characters > limits.max_characters:
            raise DocumentTooLarge(detail=f"more than {limits.max_characters} characters at page {index + 1}")
        deadline.check(f"page {index + 1}")
        pages.append(page)
    return pages


def _recognised(file: PdfFile, pages: Sequence[PageLines], deadline: Deadline) -> dict[int, list[Block]]:
    """Blocks of the pages that are pictures, by index, if there is a program that recognises text."""
    pictures = [index for index, page in enumerate(pages) if page.has_picture]
    if not pictures or not ocr.is_installed():
        return {}
    found = {}
    for index in pictures:
        picture = file.picture(index, ocr.DOTS_PER_INCH, ocr.MOST_PIXELS)
        found[index] = ocr.blocks_of_picture(picture, index + 1, seconds=deadline.left)
    return found


def _blocks(pages: Sequence[PageLines], recognised: Mapping[int, list[Block]]) -> Iterator[Block]:
    texts = _without_running_lines([page.lines for page in pages])
    kind, vocabulary = type_of(texts), Vocabulary(texts)
    for index, (lines, page) in enumerate(zip(texts, pages, strict=True)):
        yield from recognised.get(index, ())
        for block in blocks_of_page(lines, index + 1, page.height, kind, vocabulary):
            text = cleaned(block.text).translate(_LIGATURES).strip()
            if text:
                yield replace(block, text=text)


def _without_running_lines(pages: list[list[Line]]) -> list[list[Line]]:
    """Drops lines that stand in the same place on most pages, and page numbers. No page loses all its lines."""
    if len(pages) < _FEWEST_PAGES:
        return pages
    seen = Counter(key for lines in pages for key in {_running_key(line) for line in _edges(lines)})
    repeated = {key for key, count in seen.items() if count >= _FEWEST_PAGES and count * 2 > len(pages)}
    return [_kept(lines, repeated) for lines in pages]


def _kept(lines: list[Line], repeated: set[tuple[str, int]]) -> list[Line]:
    edges = {id(line) for line in _edges(lines) if _running_key(line) in repeated}
    kept = [line for line in lines if id(line) not in edges]
    return kept or lines


def _edges(lines: Sequence[Line]) -> list[Line]:
    """The topmost and the lowest lines, wherever the file has them in its order."""
    ordered = sorted(lines, key=lambda line: -line.top)
    return ordered if len(ordered) <= 2 * _EDGE_LINES else [*ordered[:_EDGE_LINES], *ordered[-_EDGE_LINES:]]


def _running_key(line: Line) -> tuple[str, int]:
    """Text and height on the page. Digits count as alike in page numbers only: "Section 4" is no header."""
    pattern = _DIGITS.sub("#", line.text)
    if _PAGE_NUMBER.fullmatch(pattern):
        return "#", 0  # some producers put it right below the text, wherever that ends
    return line.text, round(line.bottom / 6)


def _title(declared: str, blocks: Sequence[Block]) -> str:
    title = _PROGRAM.sub("", cleaned(declared).strip())
    if title and not _FILE_LIKE.search(title):
        return title
    first = [block.text for block in blocks[:10] if block.kind is BlockKind.HEADING and block.level == 1]
    return first[0] if first else ""
