"""Measurements over time as lines: geometry only, in the units of the drawing's own box. Pure.

The template draws it as SVG, so it needs no script, prints, and takes its colours from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 30  # margins
MOST = 30  # runs shown
MARK = 4.5  # half the size of a point's mark


@dataclass(frozen=True, slots=True)
class Series:
    """One measure: its name, and a value from 0 to 1 for each run."""

    key: str
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    label: str
    mark: str  # the path of its mark: each line has a shape of its own, colour alone does not tell them apart


@dataclass(frozen=True, slots=True)
class Line:
    key: str
    name: str
    path: str
    points: tuple[Point, ...]
    latest: str
    swatch: str  # the mark's path around 0,0


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    width: int
    height: int
    left: int
    right: int  # where the lines end
    bottom: int
    lines: tuple[Line, ...]
    levels: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    summary: str


def chart_of(series: Sequence[Series], dates: Sequence[str]) -> Chart | None:
    """`dates` and each series' values are oldest first and of one length. None without a run."""
    if not dates:
        return None
    dates = dates[-MOST:]
    low = _floor(min(value for one in series for value in one.values[-MOST:]))
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        lines=tuple(_line(one, number, dates, low) for number, one in enumerate(series)),
        levels=tuple(Tick(_y(level / 100, low), f"{level}%") for level in _levels(low)),
        dates=_dates(dates),
        summary=_summary(series, dates),
    )


def _floor(lowest: float) -> float:
    """Where the scale begins: small changes among good values must be seen. It never hides more than half."""
    return 0.5 if lowest >= 0.55 else 0.0


def _levels(low: float) -> range:
    return range(50, 101, 10) if low else range(0, 101, 25)


def _line(series: Series, number: int, dates: Sequence[str], low: float) -> Line:
    values = series.values[-MOST:]
    places = [(_x(index, len(dates)), _y(value, low)) for index, value in enumerate(values)]
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in places)
    points = tuple(
        Point(x, y, f"{series.name}: {percent(value)}, {date}", mark(number, x, y))
        for (x, y), value, date in zip(places, values, dates, strict=True)
    )
    return Line(series.key, series.name, path, points, percent(values[-1]), mark(number, 0, 0))


def _x(index: int, count: int) -> float:
    """Runs stand at equal distances: several of one afternoon would lie on top of each other on a scale of time."""
    room = WIDTH - LEFT - RIGHT - 4 * MARK
    return round(LEFT + 2 * MARK + (room / 2 if count == 1 else room * index / (count - 1)), 1)


def _y(value: float, low: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (1 - low)), 1)


def _dates(dates: Sequence[str]) -> tuple[Tick, ...]:
    last = len(dates) - 1
    wanted = sorted({0, last} | ({last // 2} if last >= 4 else set()))
    anchors = {0: "start", last: "end"} if last else {}
    return tuple(Tick(_x(index, len(dates)), dates[index], anchors.get(index, "middle")) for index in wanted)


def _summary(series: Sequence[Series], dates: Sequence[str]) -> str:
    latest = ", ".join(f"{one.name} {percent(one.values[-1])}" for one in series)
    runs = "One measurement" if len(dates) == 1 else f"The last {len(dates)} measurements"
    return f"{runs}, {dates[0]} to {dates[-1]}. Latest: {latest}. The table below has every figure."


def percent(value: float) -> str:
    return f"{value * 100:.0f}%"


def mark(number: int, x: float, y: float) -> str:
    """A circle, square, diamond or triangle around a place, as a path."""
    size = MARK
    match number % 4:
        case 0:
            return f"M{x - size:g} {y:g}a{size} {size} 0 1 0 {2 * size:g} 0a{size} {size} 0 1 0 {-2 * size:g} 0z"
        case 1:
            return f"M{x - size + 0.5:g} {y - size + 0.5:g}h{2 * size - 1:g}v{2 * size - 1:g}h{1 - 2 * size:g}z"
        case 2:
            half = f"{size + 1:g}"
            return f"M{x:g} {y - size - 1:g}l{half} {half}l-{half} {half}l-{half} -{half}z"
    return f"M{x:g} {y - size - 0.5:g}l{size + 1:g} {2 * size:g}h{-2 * size - 2:g}z"
