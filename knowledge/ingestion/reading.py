"""A file becomes a parsed document, or one of our failures that says what to do. Knows no Django.

What a file is, is decided by its content; its name has to agree.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from knowledge.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    MislabelledDocument,
    UnsupportedFormat,
)
from knowledge.ingestion.readers.docx import read_docx
from knowledge.ingestion.readers.html import read_html
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.ingestion.readers.markdown import read_markdown
from knowledge.ingestion.readers.pdf import read_pdf
from knowledge.ingestion.readers.text import read_text, wide_encoding
from knowledge.types import ParsedDocument

__all__ = ["DEFAULT_LIMITS", "SUPPORTED_EXTENSIONS", "ReadLimits", "media_type_of", "read_document"]


class Kind(StrEnum):
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    TEXT = "text/plain"


_KINDS = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
    ".rst": Kind.TEXT,
    ".org": Kind.TEXT,
}
_READERS: dict[Kind, Callable[[Path, ReadLimits], ParsedDocument]] = {
    Kind.PDF: read_pdf,
    Kind.DOCX: read_docx,
    Kind.MARKDOWN: read_markdown,
    Kind.HTML: read_html,
    Kind.TEXT: read_text,
}
SUPPORTED_EXTENSIONS = frozenset(_KINDS)

DEFAULT_LIMITS = ReadLimits()
_HEAD = 4096  # bytes
_PDF, _ZIP, _OLE = b"%PDF-", (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # a name in the directory of the file
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml")


class _Content(StrEnum):
    """What the bytes say."""

    PDF = "pdf"
    DOCX = "docx"
    ZIP = "zip"
    BROKEN_ZIP = "broken zip"
    ENCRYPTED_OFFICE = "encrypted office file"
    OLD_OFFICE = "old office file"
    HTML = "html"
    TEXT = "text"
    BINARY = "binary"


def read_document(path: Path, *, file_name: str, limits: ReadLimits = DEFAULT_LIMITS) -> ParsedDocument:
    """The document's blocks in reading order. Raises a subclass of `IngestionError` for whatever is wrong with it."""
    size = path.stat().st_size
    if size == 0:
        raise EmptyDocument(detail="0 bytes")
    kind = _kind_of(path, file_name)
    if size > (limits.max_bytes if kind in (Kind.PDF, Kind.DOCX) else limits.max_markup_bytes):
        raise DocumentTooLarge(detail=f"{size} bytes")
    parsed = _READERS[kind](path, limits)
    characters = sum(len(block.text) for block in parsed.blocks)
    if not any(block.text.strip() for block in parsed.blocks):
        raise EmptyDocument(detail=f"no text in {kind}")
    if characters > limits.max_characters:
        raise DocumentTooLarge(detail=f"{characters} characters")
    return parsed


def media_type_of(file_name: str) -> str:
    """The media type a name promises. Raises `UnsupportedFormat` for names we don't read."""
    return _kind_named(file_name).value


def _kind_named(file_name: str) -> Kind:
    suffix = Path(file_name).suffix.lower()
    if suffix not in _KINDS:
        raise UnsupportedFormat(detail=f"extension {suffix!r}")
    return _KINDS[suffix]


def _kind_of(path: Path, file_name: str) -> Kind:
    """The kind its name promises, if the content can be that."""
    content = _content_of(path)
    if not Path(file_name).suffix:
        return _kind_without_name(content)
    kind = _kind_named(file_name)
    match kind, content:
        case (Kind.PDF, _Content.PDF) | (Kind.DOCX, _Content.DOCX):
            return kind
        case (Kind.MARKDOWN | Kind.HTML | Kind.TEXT, _Content.HTML | _Content.TEXT):
            return kind
        case Kind.DOCX, _Content.ENCRYPTED_OFFICE:
            raise EncryptedDocument(detail=content)
        case (Kind.DOCX, _Content.BROKEN_ZIP | _Content.BINARY) | (Kind.PDF, _Content.BINARY):
            raise DamagedDocument(detail=f"{content} named {file_name}")
    raise MislabelledDocument(detail=f"{content} named {file_name}")


def _kind_without_name(content: _Content) -> Kind:
    kinds = {_Content.PDF: Kind.PDF, _Content.DOCX: Kind.DOCX, _Content.HTML: Kind.HTML, _Content.TEXT: Kind.TEXT}
    if content not in kinds:
        raise UnsupportedFormat(detail=content)
    return kinds[content]


def _content_of(path: Path) -> _Content:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.lstrip().startswith(_PDF) or (_PDF in head[:1024] and _is_binary(head)):
        return _Content.PDF
    if head.startswith(_ZIP):
        return _zip_content(path)
    if head.startswith(_OLE):
        return _Content.ENCRYPTED_OFFICE if _holds(path, _ENCRYPTED) else _Content.OLD_OFFICE
    if _is_binary(head):
        return _Content.BINARY
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return _Content.HTML if start.startswith(_HTML_STARTS) else _Content.TEXT


def _zip_content(path: Path) -> _Content:
    try:
        with zipfile.ZipFile(path) as package:
            return _Content.DOCX if "word/document.xml" in package.namelist() else _Content.ZIP
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return _Content.BROKEN_ZIP


def _holds(path: Path, mark: bytes) -> bool:
    before = b""
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            if mark in before + data:
                return True
            before = data[-len(mark) :]
    return False


def _is_binary(head: bytes) -> bool:
    """Text has next to no control characters, but for UTF-16 and UTF-32, where zeros are halves of letters."""
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or wide_encoding(head) is not None
    controls = sum(byte < 9 or 13 < byte < 27 for byte in head)
    return not is_wide and controls * 50 > len(head)
