"""What one document may cost to read. Protects workers from bombs and from each other."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadLimits:
    max_bytes: int = 100 * MEGABYTE  # the file itself
    max_unpacked_bytes: int = 200 * MEGABYTE  # all parts of a packed format
    max_markup_bytes: int = 50 * MEGABYTE  # text that is parsed as a whole: as a tree it takes many times its size
    max_pages: int = 2_000
    max_characters: int = 10_000_000
    max_cells: int = 5_000_000  # of all sheets of a workbook, empty ones between others included
    max_parts: int = 2_000  # files in an archive, attachments of a message
    max_parts_bytes: int = 500 * MEGABYTE  # all parts unpacked
    max_ratio: int = 200  # unpacked to packed, of an archive that unpacks to more than a few megabytes
    max_seconds: float = 120.0  # checked between pages
    max_memory_bytes: int = 1024 * MEGABYTE  # of the process that reads, beyond what it had before
