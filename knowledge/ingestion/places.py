"""Where a chunk stands in its document: rows and lines that join into ranges, boxes that join into regions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.types import Box

_RANGE = re.compile(r"(.*\b)(row|line)s? (\d{1,9})(?:-(\d{1,9}))?")
_NEAR = 20.0  # points: boxes one above the other with less between them are one region
_MOST_BOXES = 6  # of a chunk; more are joined page by page


@dataclass(frozen=True, slots=True)
class Place:
    """ "Sheet Budget, rows 2-41" in pieces; `unit` is empty where there is no range to narrow."""

    stem: str
    unit: str = ""
    first: int = 0
    last: int = 0

    @classmethod
    def of(cls, text: str) -> Place | None:
        found = _RANGE.fullmatch(text)
        if found is None:
            return cls(text) if text else None
        return cls(found[1], found[2], int(found[3]), int(found[4] or found[3]))

    @property
    def count(self) -> int:
        return self.last - self.first + 1 if self.unit else 0

    def only(self, index: int) -> Place:
        return Place(self.stem, self.unit, self.first + index, self.first + index)

    def __str__(self) -> str:
        if not self.unit:
            return self.stem
        if self.first == self.last:
            return f"{self.stem}{self.unit} {self.first}"
        return f"{self.stem}{self.unit}s {self.first}-{self.last}"


def joined(places: Iterable[Place]) -> str:
    """One range for each stem, from its first to its last row."""
    ranges: dict[tuple[str, str], Place] = {}
    for place in places:
        known = ranges.get((place.stem, place.unit), place)
        first, last = min(known.first, place.first), max(known.last, place.last)
        ranges[place.stem, place.unit] = Place(place.stem, place.unit, first, last)
    return "; ".join(map(str, ranges.values()))


def share_of(boxes: tuple[Box, ...], start: float, end: float) -> tuple[Box, ...]:
    """The slice of a box between two fractions of its height: lines of a block are about evenly high."""
    if len(boxes) != 1:
        return boxes
    box = boxes[0]
    height = box.bottom - box.top
    top, bottom = round(box.top + start * height, 1), round(box.top + end * height, 1)
    return (Box(box.page, box.left, top, box.right, bottom),)


def merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Neighbours in one column become one; at most a few are left."""
    found: list[Box] = []
    for box in boxes:
        if found and _is_next(found[-1], box):
            found[-1] = _union(found[-1], box)
        elif not found or found[-1] != box:
            found.append(box)
    if len(found) <= _MOST_BOXES:
        return tuple(found)
    pages = dict.fromkeys(box.page for box in found)
    return tuple(_union(*(box for box in found if box.page == page)) for page in pages)


def _is_next(above: Box, below: Box) -> bool:
    overlap = min(above.right, below.right) - max(above.left, below.left)
    is_beside = overlap > 0.5 * min(above.right - above.left, below.right - below.left)
    return above.page == below.page and is_beside and -1.0 <= below.top - above.bottom < _NEAR


def _union(*boxes: Box) -> Box:
    return Box(
        boxes[0].page,
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
