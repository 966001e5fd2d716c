"""ZIP archives: every file inside becomes a document of its own. Nothing is unpacked under a name from the archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from knowledge.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from knowledge.ingestion.readers.limits import MEGABYTE
from knowledge.ingestion.readers.packages import damage_named
from knowledge.ingestion.readers.parts import PartsFolder, safe_name
from knowledge.ingestion.readers.source import Source
from knowledge.types import ParsedDocument

_CHUNK = 1 << 18
_NO_BOMB = 8 * MEGABYTE  # what unpacks to less is no bomb, however well it was packed
_LITTER = frozenset(["thumbs.db", "desktop.ini", "__macosx"])


def read_archive(source: Source) -> ParsedDocument:
    with damage_named(), zipfile.ZipFile(source.path) as archive:
        entries = [entry for entry in archive.infolist() if _is_wanted(entry)]
        _check(entries, source)
        folder = PartsFolder(source)
        for entry in entries if folder.is_open else ():
            folder.add(safe_name(_name(entry), f"file {len(folder.parts) + 1}"), _unpacked(archive, entry))
    return ParsedDocument((), parts=tuple(folder.parts))


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    steps = PurePosixPath(entry.filename.replace("\\", "/")).parts
    if entry.is_dir() or not steps:  # an empty file is wanted: it ends failed, and says why
        return False
    is_hidden = any(step.startswith(".") and step.strip(".") for step in steps)
    return not is_hidden and not any(step.lower() in _LITTER for step in steps)


def _check(entries: list[zipfile.ZipInfo], source: Source) -> None:
    """By what the archive declares; what it hides shows when it is unpacked."""
    limits = source.limits
    if not entries:
        raise EmptyDocument(detail="no file in the archive")
    if len(entries) > limits.max_parts:
        raise DocumentTooLarge(detail=f"{len(entries)} files")
    if any(entry.flag_bits & 1 for entry in entries):
        raise EncryptedDocument(detail="encrypted entry")
    size, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if size > limits.max_parts_bytes or (size > _NO_BOMB and size > limits.max_ratio * packed):
        raise DocumentTooLarge(detail=f"{size} bytes unpacked, {packed} packed")
    if packed > source.path.stat().st_size:
        raise DamagedDocument(detail="entries overlap")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as stream:
        while data := stream.read(_CHUNK):
            yield data


def _name(entry: zipfile.ZipInfo) -> str:
    """Archivers that declare no encoding mostly mean UTF-8 all the same."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename
