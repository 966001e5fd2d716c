"""Office files are ZIP packages of XML: checked for bombs before anything is parsed, and parsed without entities."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]

from knowledge.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from knowledge.ingestion.readers.limits import ReadLimits

ENTITIES = (b"<!ENTITY", "<!ENTITY".encode("utf-16-le"), "<!ENTITY".encode("utf-16-be"))
_CHUNK = 1 << 20
DAMAGED = (  # what the readers of packages and the XML parser raise on files that are not what they say
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    OSError,
    RuntimeError,
    etree.XMLSyntaxError,
)


def xml_parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)


def check_package(path: Path, limits: ReadLimits) -> None:
    """Sizes as declared, sizes as unpacked, and no entities."""
    with damage_named(), zipfile.ZipFile(path) as package:
        parts = package.infolist()
        if any(part.flag_bits & 1 for part in parts):
            raise EncryptedDocument(detail="encrypted zip entry")
        markup = [part for part in parts if _is_markup(part)]
        for group, most in ((parts, limits.max_unpacked_bytes), (markup, limits.max_markup_bytes)):
            if sum(part.file_size for part in group) > most:
                raise DocumentTooLarge(detail=f"declared size of {len(group)} parts")
        left = limits.max_unpacked_bytes
        for part in parts:
            left -= _unpacked_size(package, part, left)


@contextmanager
def damage_named() -> Iterator[None]:
    """Whatever a parser says about a broken package is one failure of ours; our own failures pass."""
    try:
        yield
    except DAMAGED as error:
        raise DamagedDocument(detail=f"{type(error).__name__}: {error}"[:500]) from error


def _is_markup(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels"))


def _unpacked_size(package: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    size = 0
    is_markup = _is_markup(part)
    before = b""
    with package.open(part) as stream:
        while data := stream.read(_CHUNK):
            size += len(data)
            if size > most:
                raise DocumentTooLarge(detail=f"unpacked size at {part.filename}")
            if is_markup and any(mark in before + data for mark in ENTITIES):
                raise DamagedDocument(detail=f"entities declared in {part.filename}")
            before = data[-32:]
    return size


def xml_of(package: zipfile.ZipFile, name: str) -> etree._Element:
    return etree.fromstring(package.read(name), xml_parser())
