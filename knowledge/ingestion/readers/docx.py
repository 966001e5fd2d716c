"""Word documents: headings, lists, tables and code in document order, without headers, footers and deleted text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped]

from knowledge.errors import DamagedDocument, DocumentTooLarge
from knowledge.ingestion.readers.limits import Deadline, ReadLimits
from knowledge.ingestion.readers.packages import check_package, damage_named, xml_parser
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, ParsedDocument

if TYPE_CHECKING:
    from docx.document import Document

_HEADING = re.compile(r"heading (\d)$")
_CODE_STYLE = re.compile(r"\bcode\b|source|preformatted|listing", re.IGNORECASE)
_TYPED_BULLET = re.compile(r"\s*[-*•◦▪–]\s+")  # a list made by hand
_MONOSPACE = re.compile(r"consolas|courier|mono|menlo|cascadia", re.IGNORECASE)
W_P, W_TBL, W_SDT, W_SDT_CONTENT = qn("w:p"), qn("w:tbl"), qn("w:sdt"), qn("w:sdtContent")
W_R, W_T, W_ASCII = qn("w:r"), qn("w:t"), qn("w:ascii")
W_TR, W_TC, W_VAL = qn("w:tr"), qn("w:tc"), qn("w:val")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # says a text box a second time
_NOT_TEXT = frozenset([qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), _FALLBACK])
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def read_docx(source: Source) -> ParsedDocument:
    reading = _Reading(source.limits)
    check_package(source.path, source.limits)
    with damage_named():
        document = _opened(source)
        blocks = tuple(_Reader(document, reading).blocks())
        title = (document.core_properties.title or "").strip()
    return ParsedDocument(blocks, title=cleaned(title))


def _opened(source: Source) -> Document:
    try:
        return docx.Document(str(source.path))
    except PackageNotFoundError as error:
        raise DamagedDocument(detail=str(error)) from error


class _Reading:
    """What reading has cost so far: a paragraph of one letter costs a thousand times what it weighs in the file."""

    def __init__(self, limits: ReadLimits) -> None:
        self._deadline, self._left, self._count = Deadline(limits), limits.max_characters, 0

    def note(self, characters: int) -> None:
        self._count += 1
        self._left -= characters
        if self._left < 0:
            raise DocumentTooLarge(detail=f"characters at paragraph or row {self._count}")
        self._deadline.check(f"paragraph or row {self._count}")


class _Reader:
    def __init__(self, document: Document, reading: _Reading) -> None:
        self._document, self._reading = document, reading
        self._styles = _Styles(document)
        self._numbering = _Numbering(document)

    def blocks(self) -> Iterator[Block]:
        """Neighbouring list items become one list, neighbouring lines of code one listing."""
        open_kind: BlockKind | None = None
        lines: list[str] = []
        for kind, text, level in self._items():
            if kind is not open_kind and lines and open_kind is not None:
                yield Block(open_kind, "\n".join(lines))
                lines = []
            open_kind = kind
            if kind in (BlockKind.LIST, BlockKind.CODE):
                lines.append(text)
            else:
                yield Block(kind, text, level=level)
        if lines and open_kind is not None:
            yield Block(open_kind, "\n".join(lines))

    def _items(self) -> Iterator[tuple[BlockKind, str, int]]:
        for element in _flow(self._document.element.body):
            if element.tag == W_TBL:
                if table := markdown_table(list(self._rows(element))):
                    yield BlockKind.TABLE, table, 0
            else:
                yield from self._paragraph(element)

    def _paragraph(self, element: Any) -> Iterator[tuple[BlockKind, str, int]]:
        text = cleaned(_text(element)).rstrip()
        self._reading.note(len(text))
        if not text.strip():
            return
        style = self._styles.of(element)
        if style.level:
            yield BlockKind.HEADING, " ".join(text.split()), style.level
        elif style.is_code or _is_monospace(element):
            yield BlockKind.CODE, text, 0
        elif style.is_list or _numbered(element) is not None:
            yield BlockKind.LIST, self._numbering.marker(element, style) + text.strip(), 0
        elif _TYPED_BULLET.match(text):
            yield BlockKind.LIST, _TYPED_BULLET.sub("- ", text), 0
        else:
            yield BlockKind.PARAGRAPH, text.strip(), 0

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for cells in _rows(table):
            self._reading.note(sum(map(len, cells)))
            yield cells


@dataclass(frozen=True, slots=True)
class _Style:
    name: str = ""
    level: int = 0  # of a heading
    numbering: tuple[str, int] | None = None

    @property
    def is_code(self) -> bool:
        return bool(_CODE_STYLE.search(self.name))

    @property
    def is_list(self) -> bool:
        return self.numbering is not None or self.name.startswith("list ") and self.name != "list paragraph"


class _Styles:
    """What a paragraph's style says about it. A style that says nothing itself is what it is based on."""

    def __init__(self, document: Document) -> None:
        self._elements = {style.get(qn("w:styleId")): style for style in document.styles.element.iter(qn("w:style"))}
        self._known: dict[str, _Style] = {}

    def of(self, paragraph: Any) -> _Style:
        style = _value(paragraph, "w:pPr", "w:pStyle")
        own = self._named(style) if style else _Style()
        outline = _value(paragraph, "w:pPr", "w:outlineLvl")
        return replace(own, level=_level(outline)) if outline is not None else own

    def _named(self, style_id: str) -> _Style:
        if style_id not in self._known:
            self._known[style_id] = self._read(style_id)
        return self._known[style_id]

    def _read(self, style_id: str) -> _Style:
        found = _Style()
        seen: set[str] = set()
        while style_id in self._elements and style_id not in seen:
            seen.add(style_id)
            element = self._elements[style_id]
            name = (_value(element, "w:name") or "").lower()
            level = _level_in_name(name) or _level(_value(element, "w:pPr", "w:outlineLvl"))
            found = _Style(found.name or name, found.level or level, found.numbering or _numbered(element))
            style_id = _value(element, "w:basedOn") or ""
        return found


class _Numbering:
    """Counts numbered items as Word does, one counter for every list and depth."""

    def __init__(self, document: Document) -> None:
        self._formats = dict(_number_formats(document))
        self._counters: dict[tuple[str, int], int] = {}

    def marker(self, paragraph: Any, style: _Style) -> str:
        number, depth = _numbered(paragraph) or style.numbering or ("", _depth_in_name(style.name))
        kind = self._formats.get((number, depth), "decimal" if style.name.startswith("list number") else "bullet")
        indent = "  " * depth
        if kind in ("bullet", "none"):
            return f"{indent}- "
        self._counters = {key: count for key, count in self._counters.items() if key[0] != number or key[1] <= depth}
        count = self._counters.get((number, depth), 0) + 1
        self._counters[number, depth] = count
        return f"{indent}{count}. "


def _number_formats(document: Document) -> Iterator[tuple[tuple[str, int], str]]:
    parts = [relation.target_part for relation in document.part.rels.values() if relation.reltype == RT.NUMBERING]
    for part in parts:
        root = etree.fromstring(part.blob, xml_parser())
        abstract = {item.get(qn("w:abstractNumId")): item for item in root.iter(qn("w:abstractNum"))}
        for number in root.iter(qn("w:num")):
            levels = abstract.get(_value(number, "w:abstractNumId"))
            for level in () if levels is None else levels.iter(qn("w:lvl")):
                key = number.get(qn("w:numId")), int(level.get(qn("w:ilvl"), "0"))
                yield key, _value(level, "w:numFmt") or "decimal"


def _flow(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, those inside content controls included."""
    for element in parent:
        if element.tag in (W_P, W_TBL):
            yield element
        elif element.tag == W_SDT:
            for content in element.iterchildren(W_SDT_CONTENT):
                yield from _flow(content)


def _text(element: Any) -> str:
    """All that a reader would see: links, fields and accepted insertions too, but no deleted text."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start",))
    for _, node in walk:
        if node.tag in _NOT_TEXT:
            walk.skip_subtree()
        elif node.tag == W_T:
            parts.append(node.text or "")
        elif node.tag == W_P and parts:
            parts.append("\n")
        else:
            parts.append(_SIGNS.get(node.tag, ""))
    return "".join(parts)


def _rows(table: Any) -> Iterator[list[str]]:
    for row in table.iter(W_TR):
        if next(row.iterancestors(W_TBL)) is not table:
            continue  # a table inside a cell: its text is the cell's
        cells: list[str] = []
        for cell in row.iter(W_TC):
            if next(cell.iterancestors(W_TR)) is row:
                span = _value(cell, "w:tcPr", "w:gridSpan") or "1"
                cells += [cleaned(_text(cell)), *[""] * (min(int(span), 64) - 1)]
        yield cells


def _is_monospace(paragraph: Any) -> bool:
    runs = [run for run in paragraph.iter(W_R) if any(text.text for text in run.iter(W_T))]
    fonts = [run.find(_place(("w:rPr", "w:rFonts"))) for run in runs]
    return bool(runs) and all(font is not None and _MONOSPACE.search(font.get(W_ASCII, "")) for font in fonts)


def _numbered(element: Any) -> tuple[str, int] | None:
    """The list and the depth a paragraph or style puts itself in; number 0 takes it out of its list."""
    number = _value(element, "w:pPr", "w:numPr", "w:numId")
    depth = _value(element, "w:pPr", "w:numPr", "w:ilvl") or "0"
    return (number, min(int(depth), 8)) if number and number != "0" else None


def _depth_in_name(name: str) -> int:
    return int(name[-1]) - 1 if name[-1:] in tuple("23456789") else 0


def _level_in_name(name: str) -> int:
    heading = _HEADING.match(name)
    if heading:
        return int(heading[1])
    return 1 if name == "title" else 0


def _level(outline: str | None) -> int:
    return int(outline) + 1 if outline is not None and int(outline) < 9 else 0


def _value(element: Any, *path: str) -> str | None:
    found = element.find(_place(path))
    return None if found is None else found.get(W_VAL)


@cache
def _place(path: tuple[str, ...]) -> str:
    """The few paths we look for, with their namespaces: writing them out takes longer than the search."""
    return "/".join(map(qn, path))
