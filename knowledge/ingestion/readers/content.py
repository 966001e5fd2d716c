"""What the bytes of a file say it is, whatever it is called."""

from __future__ import annotations

import zipfile
import zlib
from enum import StrEnum
from pathlib import Path

from knowledge.ingestion.readers.text import wide_encoding

_HEAD = 4096  # bytes
_PDF, _ZIP, _OLE = b"%PDF-", (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CONTROLS = bytes([*range(9), *range(14, 27)])
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")


class Content(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    XLSB = "xlsb"
    ODT = "odt"
    ODP = "odp"
    ODS = "ods"
    EPUB = "epub"
    ZIP = "zip"
    BROKEN_ZIP = "broken zip"
    XLS = "xls"
    MSG = "msg"
    ENCRYPTED_OFFICE = "encrypted office file"
    OLD_OFFICE = "old office file"
    RTF = "rtf"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    HTML = "html"
    XML = "xml"
    TEXT = "text"
    BINARY = "binary"


_BINARY_STARTS = {
    b"{\\rtf": Content.RTF,
    b"\x89PNG\r\n\x1a\n": Content.PNG,
    b"\xff\xd8\xff": Content.JPEG,
    b"II*\x00": Content.TIFF,
    b"MM\x00*": Content.TIFF,
}
_PACKAGES = {  # a member that tells
    "word/document.xml": Content.DOCX,
    "ppt/presentation.xml": Content.PPTX,
    "xl/workbook.xml": Content.XLSX,
    "xl/workbook.bin": Content.XLSB,
    "META-INF/container.xml": Content.EPUB,
}
_MEDIA_TYPES = {  # what the member "mimetype" of an OpenDocument file or a book says
    b"application/vnd.oasis.opendocument.text": Content.ODT,
    b"application/vnd.oasis.opendocument.presentation": Content.ODP,
    b"application/vnd.oasis.opendocument.spreadsheet": Content.ODS,
    b"application/epub+zip": Content.EPUB,
}
_STREAMS = {  # names in the directory of an OLE file, in the order they are looked for
    "EncryptedPackage": Content.ENCRYPTED_OFFICE,
    "__properties_version1.0": Content.MSG,
    "Workbook": Content.XLS,
}


def content_of(path: Path) -> Content:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_ZIP):
        return _zip_content(path)
    if head.startswith(_OLE):
        return _ole_content(path)
    # Behind the two above: an archive may hold a PDF as it is, near its beginning.
    if head.lstrip().startswith(_PDF) or (_PDF in head[:1024] and _is_binary(head)):
        return Content.PDF
    for start, content in _BINARY_STARTS.items():
        if head.startswith(start):
            return content
    return Content.BINARY if _is_binary(head) else _text_content(head)


def _text_content(head: bytes) -> Content:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_HTML_STARTS):
        return Content.HTML
    if start.startswith(b"<?xml"):
        return Content.HTML if b"<html" in start else Content.XML
    return Content.TEXT


def _zip_content(path: Path) -> Content:
    try:
        with zipfile.ZipFile(path) as package:
            return _package_content(package)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError):
        return Content.BROKEN_ZIP


def _package_content(package: zipfile.ZipFile) -> Content:
    names = set(package.namelist())
    found = next((content for name, content in _PACKAGES.items() if name in names), Content.ZIP)
    if found is not Content.ZIP or "mimetype" not in names:
        return found
    if package.getinfo("mimetype").flag_bits & 1:
        return Content.ZIP
    with package.open("mimetype") as member:
        return _MEDIA_TYPES.get(member.read(100).strip(), Content.ZIP)


def _ole_content(path: Path) -> Content:
    for name, content in _STREAMS.items():
        if _holds(path, name.encode("utf-16-le")):
            return content
    return Content.OLD_OFFICE


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
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return not is_wide and controls * 50 > len(head)
