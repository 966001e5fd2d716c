"""What every file of figures is made from, whatever its format. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

Cell = str | int | Decimal | date | None
MONEY = "£#,##0.0000####"


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself."""

    organisation: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """Lines under columns; the first `keys` of these name a line. `total` has a value, or None where a sum would mean
    nothing, for each of the others."""

    title: str
    name: str
    columns: tuple[str, ...]
    keys: int
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[int | Decimal | None, ...]
    since: date
    until: date
    stem: str  # of the file's name
    printed: tuple[str, ...] = ()  # the columns of a PDF; none: all
    notes: tuple[str, ...] = ()

    def file_name(self, ending: str) -> str:
        return f"{self.stem}-{self.since}-to-{self.until}.{ending}"
