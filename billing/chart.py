"""Costs over time as bars: geometry only, in the units of the drawing's own box. Pure.

The template draws it as SVG, so it needs no script, prints, and takes its colours from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.money import places_for, pounds
from billing.reports import Report

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 14, 30  # margins
MOST_DAYS = 92  # beyond that a bar is a month
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str  # what it stands for, with its sum


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
    right: int
    bars: tuple[Bar, ...]
    levels: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    unit: str  # day or month
    summary: str


def chart_of(report: Report) -> Chart | None:
    """`report` is grouped by day. None where nothing was spent, or no more than was taken back."""
    if not report.total.cost_gbp:
        return None
    unit = "day" if (report.until - report.since).days < MOST_DAYS else "month"
    costs = by_day(report) if unit == "day" else by_month(report)
    highest = max(cost for _, cost in costs)
    if highest <= 0:
        return None
    top = round_up(highest)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bars=bars(costs, top),
        levels=levels(top),
        dates=ticks([label for label, _ in costs]),
        unit=unit,
        summary=summary(costs, unit),
    )


def by_day(report: Report) -> list[tuple[str, Decimal]]:
    """Every day of the period, also those without a cost."""
    costs = {line.key: line.figures.cost_gbp for line in report.lines}
    days = [report.since + timedelta(days=number) for number in range((report.until - report.since).days + 1)]
    return [(f"{day.day} {day:%b}", costs.get(day.isoformat(), Decimal(0))) for day in days]


def by_month(report: Report) -> list[tuple[str, Decimal]]:
    """From the first month with a cost to the period's last."""
    costs: dict[str, Decimal] = {}
    for line in report.lines:
        costs[line.key[:7]] = costs.get(line.key[:7], Decimal(0)) + line.figures.cost_gbp
    month, found = date.fromisoformat(f"{min(costs)}-01"), []
    while month <= report.until:
        found.append((f"{month:%b %Y}", costs.get(f"{month:%Y-%m}", Decimal(0))))
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def round_up(highest: Decimal) -> Decimal:
    """The scale's end: the next of 1, 2, 2.5, 5 times a power of ten."""
    power = Decimal(1).scaleb(highest.adjusted())
    return next(step * power for step in STEPS if step * power >= highest)


def bars(costs: Sequence[tuple[str, Decimal]], top: Decimal) -> tuple[Bar, ...]:
    slot = (WIDTH - LEFT - RIGHT) / len(costs)
    width = min(slot * 0.72, 48)
    room = HEIGHT - TOP - BOTTOM
    found = []
    for number, (label, cost) in enumerate(costs):
        height = float(cost / top) * room
        if cost:
            height = max(height, 1.5)  # what is there is seen; also what was taken back, which its label says
        x = LEFT + slot * number + (slot - width) / 2
        told = f"{label}: {pounds(cost, places_for(top))}"
        found.append(Bar(round(x, 1), round(HEIGHT - BOTTOM - height, 1), round(width, 1), round(height, 1), told))
    return tuple(found)


def levels(top: Decimal) -> tuple[Tick, ...]:
    room = HEIGHT - TOP - BOTTOM
    places = max(0, -(top / 4).normalize().as_tuple().exponent)  # type: ignore[operator]
    return tuple(
        Tick(round(HEIGHT - BOTTOM - room * part / 4, 1), pounds(top * part / 4, places if part else 0))
        for part in range(5)
    )


def ticks(labels: Sequence[str]) -> tuple[Tick, ...]:
    slot, last = (WIDTH - LEFT - RIGHT) / len(labels), len(labels) - 1
    wanted = sorted({0, last, last // 2} if last >= 4 else {0, last})
    return tuple(
        Tick(round(LEFT + slot * (number + 0.5), 1), labels[number], anchor(number, last)) for number in wanted
    )


def anchor(number: int, last: int) -> str:
    if last < 8 or 0 < number < last:
        return "middle"
    return "start" if number == 0 else "end"


def summary(costs: Sequence[tuple[str, Decimal]], unit: str) -> str:
    total = sum((cost for _, cost in costs), Decimal(0))
    label, most = max(costs, key=lambda one: one[1])
    return (
        f"From {costs[0][0]} to {costs[-1][0]}: {pounds(total, places_for(total))} in all. The dearest {unit} was "
        f"{label} with {pounds(most, places_for(most))}. The table below has every figure."
    )
