"""What an organisation's usage was and cost, grouped. Every group of a report sums to the same total: the ledger's.

Days that are rolled up come from `DailyUsage`, the others, today above all, from the ledger itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.errors import PeriodNotPossible
from billing.models import RolledDay, UsageEvent
from billing.rollups import OF_LEDGER, SUMS, day_bounds

LONGEST = 3660  # days
GROUPS = ("day", "member", "model", "kind")
NOBODY = "Without a person"
KIND_NAMES = {
    UsageEvent.Kind.CHAT: "Answers",
    UsageEvent.Kind.EMBEDDING: "Embedding of questions and documents",
    UsageEvent.Kind.RERANK: "Re-ranking of passages",
    UsageEvent.Kind.CONTEXT: "Context for passages of documents",
    UsageEvent.Kind.REWRITE: "Questions put in other words",
    UsageEvent.Kind.ASSIST: "Titles, summaries, follow-ups",
}
COLUMNS = {"day": ("day",), "member": ("member_id",), "model": ("provider", "model"), "kind": ("kind",)}
TOTAL = "total"
LEDGER = OF_LEDGER.format(which="organisation_id = %(organisation)s AND ({live_moments})")
QUERY = f"""
WITH lines AS (
  SELECT day, member_id, member_label, kind, provider, model, outcome, {", ".join(SUMS)}
  FROM public.billing_dailyusage
  WHERE organisation_id = %(organisation)s AND day BETWEEN %(since)s AND %(until)s AND NOT ({{live_days}})
  UNION ALL
  SELECT day, member_id, member_label, kind, provider, model, outcome, {", ".join(SUMS)} FROM ({LEDGER}) AS ledger
)
SELECT {{level}}, {{columns}}, max(member_label),
  coalesce(sum(calls) FILTER (WHERE kind = 'chat' AND outcome <> 'failed'), 0),
  {", ".join(f"coalesce(sum({name}), 0)" for name in SUMS)}
FROM lines GROUP BY GROUPING SETS ({{sets}}, ())
"""

SPENT = """
SELECT coalesce(sum(cost_gbp), 0) FROM (
  SELECT cost_gbp FROM public.billing_dailyusage
  WHERE organisation_id = %(organisation)s AND day BETWEEN %(since)s AND %(until)s AND NOT ({live_days}) {of_member}
  UNION ALL
  SELECT cost_gbp FROM public.billing_usageevent AS event
  WHERE organisation_id = %(organisation)s AND ({live_moments}) {of_member}
) AS costs
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of ledger rows. `answers` are the calls that wrote one; input includes cached and written tokens."""

    answers: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    estimated_calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_gbp: Decimal = Decimal(0)
    cache_saved_gbp: Decimal = Decimal(0)

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Line:
    """One group. `key` is a day, a member's id (empty: nobody), `provider/model` or a kind."""

    key: str
    label: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """Both days are included. By day in their order, otherwise the dearest first."""

    since: date
    until: date
    group_by: str
    lines: tuple[Line, ...]
    total: Figures


def usage_report(organisation_id: UUID, since: date, until: date, group_by: str) -> Report:
    return usage_reports(organisation_id, since, until, (group_by,))[group_by]


def usage_reports(organisation_id: UUID, since: date, until: date, groups: Sequence[str] = GROUPS) -> dict[str, Report]:
    """Several groupings of the same rows, read once."""
    check_period(since, until)
    found: dict[str, list[Line]] = {group: [] for group in groups}
    total = Figures()
    for level, *facts in rows_of(organisation_id, since, until, groups):
        figures = figures_of(facts[6:])
        if level == TOTAL:
            total = figures
        else:
            found[level].append(Line(*named(level, facts), figures))
    return {group: Report(since, until, group, ordered(group, lines), total) for group, lines in found.items()}


def figures_of(sums: Sequence[Any]) -> Figures:
    """In the order of the fields. PostgreSQL sums tokens as numeric."""
    values: list[Any] = [*map(int, sums[:-2]), *sums[-2:]]
    return Figures(*values)


def check_period(since: date, until: date) -> None:
    if since > until:
        raise PeriodNotPossible("The period ends before it begins. Choose a later end.")
    if (until - since).days > LONGEST:
        raise PeriodNotPossible("A report covers ten years at most. Choose a shorter period.")


def rows_of(organisation_id: UUID, since: date, until: date, groups: Sequence[str]) -> list[tuple[Any, ...]]:
    conditions, values = live_conditions(since, until)
    sql = QUERY.format(**conditions, **grouping_of(groups))
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "organisation": organisation_id})
        return list(cursor.fetchall())


def live_conditions(since: date, until: date) -> tuple[dict[str, str], dict[str, Any]]:
    """What tells days that are not rolled up, in roll-ups and in the ledger, with the values of their parameters."""
    days, moments = ["false"], ["false"]
    values: dict[str, Any] = {"since": since, "until": until}
    for number, (start, end) in enumerate(live_ranges(since, until)):
        days.append(f"day >= %(from{number})s AND day < %(to{number})s")
        moments.append(f"event.created_at >= %(from{number}_at)s AND event.created_at < %(to{number}_at)s")
        values |= {f"from{number}": start, f"to{number}": end}
        values |= {f"from{number}_at": day_bounds(start)[0], f"to{number}_at": day_bounds(end)[0]}
    return {"live_days": " OR ".join(days), "live_moments": " OR ".join(moments)}, values


def spent_between(organisation_id: UUID, since: date, until: date, member_id: UUID | None = None) -> Decimal:
    """The cost of an organisation's calls, or of one member's, on these days, both included."""
    conditions, values = live_conditions(since, until)
    with connection.cursor() as cursor:
        cursor.execute(
            SPENT.format(**conditions, of_member="" if member_id is None else "AND member_id = %(member)s"),
            {**values, "organisation": organisation_id, "member": member_id},
        )
        (total,) = cursor.fetchone()
    spent: Decimal = total
    return spent


def grouping_of(groups: Sequence[str]) -> dict[str, str]:
    """The parts of the query that say by what is grouped, and which grouping a row belongs to."""
    used = {column for group in groups for column in COLUMNS[group]}
    levels = " ".join(f"WHEN grouping({COLUMNS[group][0]}) = 0 THEN '{group}'" for group in groups)
    every = ("day", "member_id", "provider", "model", "kind")
    return {
        "level": f"CASE {levels} ELSE '{TOTAL}' END",
        "columns": ", ".join(column if column in used else "NULL" for column in every),
        "sets": ", ".join(f"({', '.join(COLUMNS[group])})" for group in groups),
    }


def live_ranges(since: date, until: date) -> list[tuple[date, date]]:
    """The days that are not rolled up, as ranges whose end is not included."""
    rolled = RolledDay.objects.filter(day__range=(since, until)).order_by("day").values_list("day", flat=True)
    return list(gaps(since, until, rolled))


def gaps(since: date, until: date, taken: Iterable[date]) -> Iterable[tuple[date, date]]:
    """What `taken`, in order, leaves of the days from `since` to `until`. Pure."""
    start = since
    for day in taken:
        if day > start:
            yield start, day
        start = day + timedelta(days=1)
    if start <= until:
        yield start, until + timedelta(days=1)


def named(group: str, facts: Sequence[Any]) -> tuple[str, str]:
    """A line's key and label."""
    day, member_id, provider, model, kind, member_label = facts[:6]
    match group:
        case "day":
            return day.isoformat(), f"{day:%d %b %Y}"
        case "member":
            return (str(member_id), member_label or str(member_id)) if member_id else ("", NOBODY)
        case "model":
            return f"{provider}/{model}", f"{provider} {model}"
    return kind, KIND_NAMES.get(kind, kind)


def ordered(group: str, lines: Iterable[Line]) -> tuple[Line, ...]:
    if group == "day":
        return tuple(sorted(lines, key=lambda line: line.key))
    return tuple(sorted(lines, key=lambda line: (-line.figures.cost_gbp, -line.figures.calls, line.label)))
