"""XML of any kind: its texts under the names of their elements, without entities and without fetching anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from knowledge.errors import DamagedDocument
from knowledge.ingestion.readers.packages import ENTITIES, xml_parser
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, ParsedDocument

_ATTRIBUTES = frozenset(["name", "title", "label", "alt", "value", "content", "key", "id"])
_SHORT = 200  # characters of texts that stay together as one list
_LIST = 60  # lines


def read_xml(source: Source) -> ParsedDocument:
    data = source.path.read_bytes()
    if any(mark in data for mark in ENTITIES):
        raise DamagedDocument(detail="it declares entities")
    try:
        root = etree.fromstring(data.lstrip(), xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedDocument(detail=str(error)) from error
    return ParsedDocument(tuple(_blocks(root)))


def _blocks(root: Any) -> Iterator[Block]:
    lines: list[str] = []
    for line in _lines(root):
        if len(line) > _SHORT or len(lines) >= _LIST:
            if lines:
                yield Block(BlockKind.LIST, "\n".join(lines))
            lines = []
        if len(line) > _SHORT:
            yield Block(BlockKind.PARAGRAPH, line)
        else:
            lines.append(line)
    if lines:
        yield Block(BlockKind.LIST, "\n".join(lines))


def _lines(root: Any) -> Iterator[str]:
    for element in root.iter(etree.Element):
        tag = etree.QName(element).localname
        facts = [f"{name}={value}" for name, value in element.items() if name in _ATTRIBUTES and value.strip()]
        texts = [element.text or "", *(child.tail or "" for child in element)]
        text = " ".join(" ".join(cleaned(piece).split()) for piece in texts if piece.strip())
        shown = " ".join([*facts, text]).strip()
        if shown:
            yield f"{tag}: {' '.join(shown.split())}"
