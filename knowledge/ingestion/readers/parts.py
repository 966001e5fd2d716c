"""Files inside a file: written out under numbers, never under the names an archive or a sender chose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from knowledge.errors import DocumentTooLarge
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Part

_LONGEST_NAME = 200  # characters
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f:*?"<>|\u202a-\u202e\u2066-\u2069\u200e\u200f]')


class PartsFolder:
    """Writes parts one after the other, within the limits on their number and on their size together."""

    def __init__(self, source: Source) -> None:
        self._folder, self._limits = source.parts_folder, source.limits
        self._left = source.limits.max_parts_bytes
        self.parts: list[Part] = []

    @property
    def is_open(self) -> bool:
        return self._folder is not None

    def add(self, name: str, data: Iterable[bytes]) -> None:
        if self._folder is None:
            return
        if len(self.parts) >= self._limits.max_parts:
            raise DocumentTooLarge(detail=f"more than {self._limits.max_parts} parts")
        path = self._folder / f"{len(self.parts):05d}"
        with path.open("xb") as file:
            for piece in data:
                self._left -= len(piece)
                if self._left < 0:
                    raise DocumentTooLarge(detail=f"parts of more than {self._limits.max_parts_bytes} bytes")
                file.write(piece)
        self.parts.append(Part(name, path))


def safe_name(name: str, fallback: str) -> str:
    """A name to show: its folders kept, no way up or to a root, no characters that deceive or break."""
    steps = [_NOT_IN_NAMES.sub("", cleaned(step)).strip() for step in name.replace("\\", "/").split("/")]
    kept = "/".join(step for step in steps if step.strip("."))
    return kept[-_LONGEST_NAME:].lstrip("/") or fallback
