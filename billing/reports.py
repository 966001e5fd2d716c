"""What an organisation's usage was and cost, grouped. Every group of a report sums to the same total: the ledger's.

Days that are rolled up come from `DailyUsage`, the others, today above all, from the ledger itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing import labels
from billing.errors import PeriodNotPossible
from billing.models import RolledDay
from billing.rollups import COLLECTIONS, MEMBERS, SUMS, RollUp, day_bounds, of_ledger

LONGEST = 3660  # days
OF_MEMBERS = ("day", "member", "model", "kind", "group", "cost_centre", "key")  # groupings of one and the same roll-up
GROUPS = (*OF_MEMBERS, "collection", "conversation")
COLUMNS = {
    "day": ("day",),
    "member": ("member_id",),
    "model": ("provider", "model"),
    "kind": ("kind",),
    "group": ("group_id",),
    "cost_centre": ("cost_centre",),
    "key": ("api_key_id",),
}
EVERY = ("day", "member_id", "provider", "model", "kind", "group_id", "cost_centre", "api_key_id")
TOTAL = "total"
OF_ORGANISATION = "organisation_id = %(organisation)s"
FIGURES = f"""coalesce(sum(calls) FILTER (WHERE kind = 'chat' AND outcome <> 'failed'), 0),
  {", ".join(f"coalesce(sum({name}), 0)" for name in SUMS)}"""


def lines_of(roll_up: RollUp, *, of_all: bool = False) -> str:
    """A roll-up's lines of a period; of days that are not rolled up, the same from the ledger. `of_all` is for the
    operators' own pages."""
    whose = "true" if of_all else OF_ORGANISATION
    columns = ", ".join(("day", *roll_up.key, *roll_up.labels, *SUMS))
    ledger = of_ledger(roll_up.key, f"{whose} AND ({{live_moments}})")
    return f"""
  SELECT {columns} FROM public.{roll_up.table}
  WHERE {whose} AND day BETWEEN %(since)s AND %(until)s AND NOT ({{live_days}})
  UNION ALL
  SELECT {columns} FROM ({ledger}) AS ledger
"""


QUERY = f"""
WITH lines AS ({lines_of(MEMBERS)})
SELECT {{level}}, {{columns}}, max(member_label), {FIGURES}
FROM lines GROUP BY GROUPING SETS ({{sets}}, ())
"""
BY_COLLECTION = f"""
WITH lines AS ({lines_of(COLLECTIONS)})
SELECT grouping(collection_ids), collection_ids, {FIGURES}
FROM lines GROUP BY GROUPING SETS ((collection_ids), ())
"""
# Not rolled up: there are about as many conversations as answers.
BY_CONVERSATION = f"""
SELECT grouping(conversation_id), conversation_id, max(member_label), min(day), {FIGURES}
FROM ({of_ledger(("conversation_id", "kind", "outcome"), f"{OF_ORGANISATION} AND ({{moments}})")}) AS lines
GROUP BY GROUPING SETS ((conversation_id), ())
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
    """One group. `key` is a day, `provider/model`, a kind, a cost centre or an id; of several collections their ids
    with commas between. Empty: without any."""

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
    """Several groupings of the same rows; those of members are read at once."""
    check_period(since, until)
    period = period_conditions(organisation_id, since, until)
    found: dict[str, tuple[list[Line], Figures]] = {}
    if wanted := [group for group in groups if group in OF_MEMBERS]:
        found |= by_members(period, wanted)
    if "collection" in groups:
        found["collection"] = by_collection(period)
    if "conversation" in groups:
        found["conversation"] = by_conversation(period)
    return {group: Report(since, until, group, ordered(group, lines), total) for group, (lines, total) in found.items()}


@dataclass(frozen=True, slots=True)
class Period:
    """An organisation's days, as queries take them."""

    organisation_id: UUID
    conditions: dict[str, str]
    values: dict[str, Any]

    def rows(self, sql: str, **parts: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(**self.conditions, **parts), self.values)
            return list(cursor.fetchall())


def period_conditions(organisation_id: UUID, since: date, until: date) -> Period:
    conditions, values = live_conditions(since, until)
    values |= {"organisation": organisation_id, "first": day_bounds(since)[0], "end": day_bounds(until)[1]}
    moments = "event.created_at >= %(first)s AND event.created_at < %(end)s"
    return Period(organisation_id, {**conditions, "moments": moments}, values)


def by_members(period: Period, groups: Sequence[str]) -> dict[str, tuple[list[Line], Figures]]:
    found: dict[str, list[tuple[list[Any], Figures]]] = {group: [] for group in groups}
    total = Figures()
    for level, *facts in period.rows(QUERY, **grouping_of(groups)):
        figures = figures_of(facts[len(EVERY) + 1 :])
        if level == TOTAL:
            total = figures
        else:
            found[level].append((facts, figures))
    return {group: (lines_named(period.organisation_id, group, rows), total) for group, rows in found.items()}


def lines_named(organisation_id: UUID, group: str, rows: Sequence[tuple[Sequence[Any], Figures]]) -> list[Line]:
    names = labels.of_group(organisation_id, group, (facts for facts, _ in rows))
    return [Line(*labels.named(group, facts, names), figures) for facts, figures in rows]


def by_collection(period: Period) -> tuple[list[Line], Figures]:
    lines, total = [], Figures()
    rows = period.rows(BY_COLLECTION)
    names = labels.of_collections(period.organisation_id, (ids or () for _, ids, *_ in rows))
    for is_total, ids, *sums in rows:
        if is_total:
            total = figures_of(sums)
        else:
            lines.append(Line(*labels.collections(ids, names), figures_of(sums)))
    return lines, total


def by_conversation(period: Period) -> tuple[list[Line], Figures]:
    lines, total = [], Figures()
    for is_total, conversation_id, member_label, day, *sums in period.rows(BY_CONVERSATION):
        if is_total:
            total = figures_of(sums)
        else:
            lines.append(Line(*labels.conversation(conversation_id, member_label, day), figures_of(sums)))
    return lines, total


def figures_of(sums: Sequence[Any]) -> Figures:
    """In the order of the fields. PostgreSQL sums tokens as numeric."""
    values: list[Any] = [*map(int, sums[:-2]), *sums[-2:]]
    return Figures(*values)


def check_period(since: date, until: date) -> None:
    if since > until:
        raise PeriodNotPossible("The period ends before it begins. Choose a later end.")
    if (until - since).days > LONGEST:
        raise PeriodNotPossible("A report covers ten years at most. Choose a shorter period.")


def live_conditions(since: date, until: date) -> tuple[dict[str, str], dict[str, Any]]:
    """What tells days that are not rolled up, in roll-ups and in the ledger, with the values of their parameters."""
    days, moments = ["false"], ["false"]
    values: dict[str, Any] = {"since": since, "until": until}
    rolled = rolled_days(since, until)
    ranges = [(day_bounds(start)[0], day_bounds(end)[0]) for start, end in gaps(since, until, rolled)]
    for number, (start, end) in enumerate(gaps(since, until, rolled)):
        days.append(f"day >= %(from{number})s AND day < %(to{number})s")
        values |= {f"from{number}": start, f"to{number}": end}
    ranges += [(moment, day_bounds(day)[1]) for day, moment in rolled.items() if moment]
    for number, (first, last) in enumerate(ranges):
        moments.append(f"event.created_at >= %(from{number}_at)s AND event.created_at < %(to{number}_at)s")
        values |= {f"from{number}_at": first, f"to{number}_at": last}
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
    return {
        "level": f"CASE {levels} ELSE '{TOTAL}' END",
        "columns": ", ".join(column if column in used else "NULL" for column in EVERY),
        "sets": ", ".join(f"({', '.join(COLUMNS[group])})" for group in groups),
    }


def rolled_days(since: date, until: date) -> dict[date, datetime | None]:
    """In order; with the moment up to which one that runs is rolled up."""
    rows = RolledDay.objects.filter(day__range=(since, until)).order_by("day")
    return dict(rows.values_list("day", "until"))


def gaps(since: date, until: date, taken: Iterable[date]) -> Iterable[tuple[date, date]]:
    """What `taken`, in order, leaves of the days from `since` to `until`. Pure."""
    start = since
    for day in taken:
        if day > start:
            yield start, day
        start = day + timedelta(days=1)
    if start <= until:
        yield start, until + timedelta(days=1)


def ordered(group: str, lines: Iterable[Line]) -> tuple[Line, ...]:
    if group == "day":
        return tuple(sorted(lines, key=lambda line: line.key))
    return tuple(sorted(lines, key=lambda line: (-line.figures.cost_gbp, -line.figures.calls, line.label)))
