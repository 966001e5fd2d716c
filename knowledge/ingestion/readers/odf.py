"""OpenDocument text and presentations (.odt, .odp): headings, paragraphs, lists, tables; slides are pages."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from knowledge.errors import DocumentTooLarge, EncryptedDocument
from knowledge.ingestion.readers.packages import check_package, damage_named, xml_of
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, ParsedDocument

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _OFFICE = _NAMESPACE % "text", _NAMESPACE % "table", _NAMESPACE % "office"
_DRAW, _SHOWN, _MANIFEST = _NAMESPACE % "drawing", _NAMESPACE % "presentation", _NAMESPACE % "manifest"
_P, _H, _LIST, _ITEM = f"{_TEXT}p", f"{_TEXT}h", f"{_TEXT}list", f"{_TEXT}list-item"
_ROW, _CELL, _COVERED = f"{_TABLE}table-row", f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"
_NOT_TEXT = frozenset(
    [f"{_OFFICE}annotation", f"{_TEXT}tracked-changes", f"{_TEXT}table-of-content", f"{_TEXT}sequence-decls"]
)
_SIGNS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n", f"{_TEXT}s": " "}
_MOST_COLUMNS = 1_000
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def read_odf(source: Source) -> ParsedDocument:
    check_package(source.path, source.limits)
    with damage_named(), zipfile.ZipFile(source.path) as package:
        _check_encryption(package)
        root = xml_of(package, "content.xml")
        pages = root.findall(f".//{_DRAW}page")
        if len(pages) > source.limits.max_pages:
            raise DocumentTooLarge(detail=f"{len(pages)} slides")
        blocks = tuple(_slides(pages) if pages else _blocks(root.find(f"{_OFFICE}body")))
        title = _title(package) or next((block.text for block in blocks if block.level == 1), "")
    return ParsedDocument(blocks, title=title, page_count=len(pages) or None)


def _check_encryption(package: zipfile.ZipFile) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in package.namelist() and b"encryption-data" in package.read(manifest):
        raise EncryptedDocument(detail="encryption-data in the manifest")


def _title(package: zipfile.ZipFile) -> str:
    if "meta.xml" not in package.namelist():
        return ""
    return cleaned(xml_of(package, "meta.xml").findtext(f".//{_TITLE}") or "").strip()


def _slides(pages: list[Any]) -> Iterator[Block]:
    for number, page in enumerate(pages, start=1):
        for frame in page:
            if frame.tag == f"{_SHOWN}notes":
                notes = "\n".join(block.text for block in _blocks(frame))
                blocks = [Block(BlockKind.PARAGRAPH, f"Notes: {notes}")] if notes else []
            elif frame.get(f"{_SHOWN}class") == "title":
                title = " ".join(" ".join(block.text.split()) for block in _blocks(frame))
                blocks = [Block(BlockKind.HEADING, title, level=1)] if title else []
            else:
                blocks = list(_blocks(frame))
            yield from (Block(block.kind, block.text, page=number, level=block.level) for block in blocks)


def _blocks(parent: Any) -> Iterator[Block]:
    """Walks without recursion: sections and frames may be nested as deep as the parser lets them."""
    if parent is None:
        return
    walk = etree.iterwalk(parent, events=("start",))
    for _, element in walk:
        if element.tag in _NOT_TEXT:
            walk.skip_subtree()
        elif element.tag in (_P, _H, _LIST, f"{_TABLE}table"):
            walk.skip_subtree()
            block = _block(element)
            if block.text.strip():
                yield block


def _block(element: Any) -> Block:
    if element.tag == _H:
        level = element.get(f"{_TEXT}outline-level", "1")
        return Block(BlockKind.HEADING, " ".join(_text(element).split()), level=min(int(level), 9))
    if element.tag == _LIST:
        return Block(BlockKind.LIST, "\n".join(_items(element)))
    if element.tag == _P:
        return Block(BlockKind.PARAGRAPH, _text(element).strip())
    return Block(BlockKind.TABLE, markdown_table(list(_rows(element))))


def _items(top: Any) -> Iterator[str]:
    for line in top.iter(_P, _H):
        depth = sum(1 for parent in line.iterancestors(_LIST) if parent is top or top in parent.iterancestors(_LIST))
        text = " ".join(_text(line).split())
        is_first = line.getprevious() is None
        if text:
            yield f"{'  ' * (depth - 1)}{'- ' if is_first else '  '}{text}"


def _rows(table: Any) -> Iterator[list[str]]:
    for row in table.iter(_ROW):
        if next(row.iterancestors(f"{_TABLE}table")) is not table:
            continue  # a table inside a cell: its text is the cell's
        cells: list[str] = []
        for cell in row.iterchildren(_CELL, _COVERED):
            times = min(int(cell.get(f"{_TABLE}number-columns-repeated", "1")), _MOST_COLUMNS - len(cells))
            cells += [" ".join(_text(line) for line in cell.iter(_P, _H))] * times
        yield cells


def _text(element: Any) -> str:
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        if event == "start" and node.tag in _NOT_TEXT:
            walk.skip_subtree()
        elif event == "start":
            parts += [_SIGNS.get(node.tag, ""), node.text or ""]
        elif node is not element:
            parts.append(node.tail or "")
    return cleaned("".join(parts))
