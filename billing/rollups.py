"""Daily roll-ups of the ledger, and the check that they say what the ledger says. All of it may be repeated.

A day is rolled up when it has ended and whatever was being written then is written, and before that up to some moment.
What is later reports read from the ledger, so they are never behind.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.models import DailyCollection, DailyUsage, RolledDay, UsageDifference, UsageEvent
from billing.savings import OF_CALLS, PRICES

logger = logging.getLogger(__name__)

REST = timedelta(minutes=15)  # after midnight: transactions of the day before have ended
CHECKED_A_NIGHT = 10  # days; those that were checked longest ago

KEY = (
    *("organisation_id", "member_id", "kind", "provider", "model", "outcome"),
    *("group_id", "cost_centre", "api_key_id"),
)
COLLECTION_KEY = ("organisation_id", "collection_ids", "kind", "outcome")
NULLABLE = {"member_id", "group_id", "api_key_id"}
EACH = "CASE WHEN is_counter THEN -1 ELSE 1 END"  # a call that was taken back was none
COUNTS = {  # column → how the ledger's rows become it
    "calls": f"sum({EACH})",
    "unpriced_calls": f"coalesce(sum({EACH}) FILTER (WHERE price_id IS NULL), 0)",
    "estimated_calls": f"coalesce(sum({EACH}) FILTER (WHERE is_estimated), 0)",
    "input_tokens": "sum(input_tokens)",
    "cached_input_tokens": "sum(cached_input_tokens)",
    "cache_write_tokens": "sum(cache_write_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cost_gbp": "sum(cost_gbp)",
}
SUMS = (*COUNTS, "cache_saved_gbp")


def of_ledger(key: Sequence[str], which: str) -> str:
    """The ledger's rows by day and `key`. First together by price, which is quick and leaves few rows, then what they
    saved."""
    return f"""
SELECT calls.day, {", ".join(f"calls.{name}" for name in (*key, "member_label", *COUNTS))},
  coalesce({OF_CALLS}, 0) AS cache_saved_gbp
FROM (
  SELECT (created_at AT TIME ZONE 'UTC')::date AS day, {", ".join(key)}, price_id, rate_id,
    max(member_label) AS member_label, {", ".join(f"{sql} AS {name}" for name, sql in COUNTS.items())}
  FROM public.billing_usageevent AS event WHERE {which}
  GROUP BY 1, {", ".join(key)}, price_id, rate_id
) AS calls {PRICES}
"""


@dataclass(frozen=True, slots=True)
class RollUp:
    """One table that is made of the ledger, a line for each day and key."""

    table: str
    key: tuple[str, ...]
    constraint: str
    labels: tuple[str, ...] = ()

    @property
    def of_day(self) -> str:
        labels = "".join(f", max({name}) AS {name}" for name in self.labels)
        which = "created_at >= %(start)s AND created_at < %(end)s"
        return f"""
SELECT {", ".join(self.key)}{labels}, {", ".join(f"sum({name}) AS {name}" for name in SUMS)}
FROM ({of_ledger(self.key, which)}) AS parts GROUP BY {", ".join(self.key)}
"""

    @property
    def rolled(self) -> str:
        """The ledger only grows, so a line never has to go, and one statement is enough."""
        columns = ", ".join((*self.key, *self.labels, *SUMS))
        return f"""
INSERT INTO public.{self.table} (day, {columns})
SELECT %(day)s, {columns} FROM ({self.of_day}) AS fresh
ON CONFLICT ON CONSTRAINT {self.constraint} DO UPDATE
SET {", ".join(f"{name} = EXCLUDED.{name}" for name in (*self.labels, *SUMS))}
RETURNING calls, cost_gbp
"""

    @property
    def differences(self) -> str:
        return f"""
WITH ledger AS ({self.of_day}), rolled AS (SELECT * FROM public.{self.table} WHERE day = %(day)s)
SELECT coalesce(ledger.organisation_id, rolled.organisation_id),
  coalesce(sum(ledger.calls), 0), coalesce(sum(rolled.calls), 0),
  coalesce(sum(ledger.cost_gbp), 0), coalesce(sum(rolled.cost_gbp), 0)
FROM ledger FULL JOIN rolled
  ON ({", ".join(f"ledger.{name}" for name in self.key if name not in NULLABLE)})
   = ({", ".join(f"rolled.{name}" for name in self.key if name not in NULLABLE)})
  {" ".join(same(name) for name in self.key if name in NULLABLE)}
GROUP BY 1
HAVING bool_or(({", ".join(f"ledger.{name}" for name in SUMS)})
  IS DISTINCT FROM ({", ".join(f"rolled.{name}" for name in SUMS)}))
"""


def same(column: str) -> str:
    return f"AND coalesce(ledger.{column}::text, '') = coalesce(rolled.{column}::text, '')"


MEMBERS = RollUp("billing_dailyusage", KEY, "one_line_a_day", labels=("member_label",))
COLLECTIONS = RollUp("billing_dailycollection", COLLECTION_KEY, "one_collection_line_a_day")
# Both from one look at the ledger: a row that is written meanwhile is in both or in none.
ROLL = f"""
WITH lines AS ({MEMBERS.rolled}), of_collections AS ({COLLECTIONS.rolled})
INSERT INTO public.billing_rolledday (day, until, calls, cost_gbp, rolled_at)
SELECT %(day)s, %(until)s::timestamptz, coalesce(sum(calls), 0), coalesce(sum(cost_gbp), 0), now() FROM lines
ON CONFLICT (day) DO UPDATE
SET until = EXCLUDED.until, calls = EXCLUDED.calls, cost_gbp = EXCLUDED.cost_gbp, rolled_at = EXCLUDED.rolled_at
"""


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """From its midnight to the next, of UTC; the end is not included."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def of_day(day: date) -> dict[str, Any]:
    start, end = day_bounds(day)
    return {"day": day, "start": start, "end": end, "until": None}


# -- rolling up -----------------------------------------------------------------------------------


def day_roll(day: date) -> None:
    """One statement. Rolling a day again brings it up to date."""
    with connection.cursor() as cursor:
        cursor.execute(ROLL, of_day(day))


def today_roll(now: datetime | None = None) -> datetime | None:
    """The day that runs, up to the last moment whose calls are written: reports read but the rest from the ledger.
    Until when; None where the day has just begun."""
    until = (now or timezone.now()) - REST
    day = until.date()
    if until <= day_bounds(day)[0] or RolledDay.objects.filter(day=day, until=None).exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute(ROLL, {**of_day(day), "end": until, "until": until})
    return until


def day_make_again(day: date) -> None:
    """Also takes away lines that the ledger knows nothing of."""
    with transaction.atomic():
        DailyUsage.objects.filter(day=day).delete()
        DailyCollection.objects.filter(day=day).delete()
        day_roll(day)


def days_roll(now: datetime | None = None) -> list[date]:
    """Roll up every day that has ended and is not yet; which these were."""
    made = list(days_missing(now or timezone.now()))
    for day in made:
        day_roll(day)
    return made


def days_missing(now: datetime) -> Iterator[date]:
    first = UsageEvent.objects.order_by("id").values_list("created_at", flat=True).first()
    if first is None:
        return
    last = (now - REST).date() - timedelta(days=1)
    rolled = set(RolledDay.objects.filter(day__gte=first.date(), until=None).values_list("day", flat=True))
    day = first.date()
    while day <= last:
        if day not in rolled:
            yield day
        day += timedelta(days=1)


# -- the check ------------------------------------------------------------------------------------


def days_check(count: int = CHECKED_A_NIGHT) -> list[UsageDifference]:
    """Compare some days with the ledger, the never checked first; whatever differed, written down and mended."""
    order = F("checked_at").asc(nulls_first=True)
    days = RolledDay.objects.filter(until=None).order_by(order, "-day").values_list("day", flat=True)[:count]
    return [difference for day in list(days) for difference in day_check(day)]


def day_check(day: date) -> list[UsageDifference]:
    found = differences_of(day)
    if found:
        UsageDifference.objects.bulk_create(found)
        day_make_again(day)
        still = {one.organisation_id for one in differences_of(day)}
        mended = [one.pk for one in found if one.organisation_id not in still]
        UsageDifference.objects.filter(pk__in=mended).update(mended_at=timezone.now())
    RolledDay.objects.filter(day=day).update(checked_at=timezone.now())
    for one in found:
        logger.error("usage.differed", extra={**facts_of(one), "day": day.isoformat()})
    return found


def differences_of(day: date) -> list[UsageDifference]:
    """One for each organisation whose lines of the day are not exactly the ledger's, in any figure."""
    rows: dict[Any, tuple[Any, ...]] = {}
    for roll_up in (COLLECTIONS, MEMBERS):
        with connection.cursor() as cursor:
            cursor.execute(roll_up.differences, of_day(day))
            rows |= {row[0]: row for row in cursor.fetchall()}
    return [
        UsageDifference(
            organisation_id=organisation,
            day=day,
            ledger_calls=ledger_calls,
            rolled_calls=rolled_calls,
            ledger_gbp=ledger_gbp,
            rolled_gbp=rolled_gbp,
            organisation_label=label_of(organisation),
        )
        for organisation, ledger_calls, rolled_calls, ledger_gbp, rolled_gbp in rows.values()
    ]


def label_of(organisation_id: Any) -> str:
    events = UsageEvent.objects.filter(organisation_id=organisation_id)
    return events.values_list("organisation_label", flat=True).first() or ""


def facts_of(one: UsageDifference) -> dict[str, Any]:
    return {
        "organisation_id": str(one.organisation_id),
        "ledger_calls": one.ledger_calls,
        "rolled_calls": one.rolled_calls,
        "ledger_gbp": str(one.ledger_gbp),
        "rolled_gbp": str(one.rolled_gbp),
    }
