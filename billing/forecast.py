"""What will have been spent by the end of a period. Pure.

Each day that is left is taken to cost what the same day of the week cost on average over the last four weeks, or as
much of that as there are figures for. With less than a week of figures every day is taken to cost their average.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

WINDOW = 28  # days before today
WEEK = 7


def forecast(spent: Decimal, costs: Mapping[date, Decimal], today: date, last: date) -> Decimal:
    """`spent` of the period so far; `costs` by day, of the window and today; `last` is the period's last day.

    Today counts with what it usually costs, if that is more than it has cost by now.
    """
    usual = usual_costs(costs, today)
    rest_of_today = max(Decimal(0), usual[today.weekday()] - costs.get(today, Decimal(0)))
    left = ((today + timedelta(days=number)).weekday() for number in range(1, (last - today).days + 1))
    return spent + rest_of_today + sum((usual[weekday] for weekday in left), Decimal(0))


def usual_costs(costs: Mapping[date, Decimal], today: date) -> dict[int, Decimal]:
    """By day of the week."""
    began = min((day for day, cost in costs.items() if cost and day < today), default=today)
    began = max(began, today - timedelta(days=WINDOW))
    days = [began + timedelta(days=number) for number in range((today - began).days)]
    if len(days) < WEEK:
        known = [costs.get(day, Decimal(0)) for day in days] or [costs.get(today, Decimal(0))]
        return dict.fromkeys(range(WEEK), sum(known, Decimal(0)) / len(known))
    by_weekday: dict[int, list[Decimal]] = {}
    for day in days:
        by_weekday.setdefault(day.weekday(), []).append(costs.get(day, Decimal(0)))
    return {weekday: sum(known, Decimal(0)) / len(known) for weekday, known in by_weekday.items()}
