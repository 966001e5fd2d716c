"""What one document may cost to read. Protects workers from bombs and from each other."""

from __future__ import annotations

import time
from dataclasses import dataclass

from knowledge.errors import DocumentTooComplex

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
    max_seconds: float = 120.0  # checked between pages and paragraphs
    max_memory_bytes: int = 1024 * MEGABYTE  # of the process that reads, beyond what it had before


class Deadline:
    """When a file has taken as long as it may, from the moment this is made. To ask costs next to nothing."""

    def __init__(self, limits: ReadLimits) -> None:
        self._seconds = limits.max_seconds
        self._until = time.monotonic() + limits.max_seconds

    @property
    def left(self) -> float:
        """Seconds; negative when it has passed."""
        return self._until - time.monotonic()

    def check(self, place: str) -> None:
        """Raises `DocumentTooComplex` when it has passed at this place of the document."""
        if time.monotonic() > self._until:
            raise DocumentTooComplex(detail=f"{self._seconds:g} s passed at {place}")
