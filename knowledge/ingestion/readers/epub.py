"""Books (.epub): the chapters of the spine, each read like a page of the web."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from knowledge.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from knowledge.ingestion.readers.html import blocks_of_html_bytes
from knowledge.ingestion.readers.packages import check_package, damage_named, xml_of
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, ParsedDocument

_CHAPTERS = ("application/xhtml+xml", "text/html", "")


def read_epub(source: Source) -> ParsedDocument:
    check_package(source.path, source.limits)
    with damage_named(), zipfile.ZipFile(source.path) as package:
        if _is_encrypted(package):
            raise EncryptedDocument(detail="encrypted chapters")
        place = _attribute(xml_of(package, "META-INF/container.xml"), "rootfile", "full-path")
        if place is None:
            raise DamagedDocument(detail="no rootfile")
        book = xml_of(package, place)
        blocks = tuple(_blocks(package, book, posixpath.dirname(place), source.limits.max_characters))
        title = next((cleaned(element.text or "").strip() for element in book.iter("{*}title")), "")
    return ParsedDocument(blocks, title=title)


def _blocks(package: zipfile.ZipFile, book: Any, folder: str, most: int) -> Iterator[Block]:
    items = {item.get("id"): item for item in book.iter("{*}item")}
    names = set(package.namelist())
    read: set[str] = set()
    for entry in book.iter("{*}itemref"):
        item = items.get(entry.get("idref"))
        if item is None or item.get("media-type", "") not in _CHAPTERS or "nav" in item.get("properties", "").split():
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if name not in names or name in read:
            continue
        read.add(name)
        for block in blocks_of_html_bytes(package.read(name)):
            most -= len(block.text)
            if most < 0:
                raise DocumentTooLarge(detail="characters of the chapters")
            yield block


def _is_encrypted(package: zipfile.ZipFile) -> bool:
    """Books may scramble their fonts, which is no obstacle; scrambled chapters are."""
    name = "META-INF/encryption.xml"
    if name not in package.namelist():
        return False
    scrambled = [element.get("URI", "").lower() for element in xml_of(package, name).iter("{*}CipherReference")]
    return any(uri.endswith(("html", ".htm", ".xml")) for uri in scrambled)


def _attribute(root: Any, tag: str, name: str) -> str | None:
    found = next(root.iter("{*}" + tag), None)
    return None if found is None else found.get(name)
