"""The file a reader is given, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from knowledge.ingestion.readers.limits import ReadLimits


@dataclass(frozen=True, slots=True)
class Source:
    """`path` holds the bytes; `file_name` is what the person calls it. `parts_folder` None: parts are left alone."""

    path: Path
    file_name: str
    limits: ReadLimits = field(default_factory=ReadLimits)
    parts_folder: Path | None = None

    @property
    def suffix(self) -> str:
        """The extension of its name in small letters, dot included."""
        return Path(self.file_name).suffix.lower()
