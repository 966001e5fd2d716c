"""Providers' own figures beside the ledger, by day and model, over all organisations. For the platform's operators.

A difference is explained as far as the ledger can: by calls whose tokens are our own estimate, because the provider
never told them (stopped, broken off, their process died). What is left has other causes, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from billing.models import ExchangeRate, ProviderDay, RolledDay

DATED = re.compile(r"-(20\d\d-\d\d-\d\d|20\d{6})$")
TOLD = ("input_tokens", "output_tokens")
# Estimated calls from the ledger itself, of which an index knows; everything from the roll-ups.
LEDGER = """
SELECT day, model, sum(calls), sum(input_tokens), sum(output_tokens), sum(unpriced_calls), sum(cost_gbp)
FROM public.billing_dailyusage
WHERE provider = %(provider)s AND day BETWEEN %(since)s AND %(until)s AND NOT (organisation_id = ANY(%(without)s))
GROUP BY 1, 2
"""
ESTIMATED = """
SELECT (created_at AT TIME ZONE 'UTC')::date, model, sum(CASE WHEN is_counter THEN -1 ELSE 1 END),
  sum(input_tokens), sum(output_tokens)
FROM public.billing_usageevent
WHERE is_estimated AND created_at >= %(start)s AND created_at < %(end)s AND provider = %(provider)s
  AND NOT (organisation_id = ANY(%(without)s))
GROUP BY 1, 2
"""


class Verdict(StrEnum):
    EQUAL = "equal"
    ESTIMATED = "estimated"
    MORE_THERE = "more_there"
    LESS_THERE = "less_there"
    NOT_THERE = "not_there"
    NOT_HERE = "not_here"
    NOT_CLOSED = "not_closed"


WORDS = {
    Verdict.EQUAL: "Equal to the token.",
    Verdict.ESTIMATED: "Within what calls may differ by whose tokens the provider did not tell: stopped or broken off.",
    Verdict.MORE_THERE: "The provider has more. Somebody else may use the same key, or calls were made past Vena.",
    Verdict.LESS_THERE: "The provider has less. An organisation may use a key of its own, or the file lacks a project.",
    Verdict.NOT_THERE: "Not in the provider's file. Another account paid, or the file does not cover this model.",
    Verdict.NOT_HERE: "Not in the ledger. Something else uses the same account.",
    Verdict.NOT_CLOSED: "The day has no roll-up yet. Look again when it has ended.",
}
# What an estimate may be wrong by: our count of a prompt beside the provider's, and text that we never received.
LOOSE_INPUT, LOOSE_OUTPUT_TOKENS = Decimal("0.5"), 4096


@dataclass(frozen=True, slots=True)
class Sums:
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced_calls: int = 0
    cost_gbp: Decimal = Decimal(0)

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Match:
    """One day of one model, in both books."""

    day: date
    model: str
    provider: Sums | None
    ledger: Sums | None
    estimated: Sums  # of the ledger's
    verdict: Verdict

    @property
    def words(self) -> str:
        return WORDS[self.verdict]

    @property
    def input_difference(self) -> int:
        return (self.provider or Sums()).input_tokens - (self.ledger or Sums()).input_tokens

    @property
    def output_difference(self) -> int:
        return (self.provider or Sums()).output_tokens - (self.ledger or Sums()).output_tokens

    @property
    def is_fine(self) -> bool:
        return self.verdict in (Verdict.EQUAL, Verdict.ESTIMATED)


@dataclass(frozen=True, slots=True)
class CostMatch:
    """What a provider charged for a day, beside what the ledger has for it, both in pounds."""

    day: date
    charged_gbp: Decimal | None  # None: no exchange rate is known
    ledger_gbp: Decimal
    unpriced_calls: int

    @property
    def difference(self) -> Decimal | None:
        return None if self.charged_gbp is None else self.charged_gbp - self.ledger_gbp


def family(model: str) -> str:
    """Providers bill dated names (`gpt-4o-2024-08-06`), and are asked for plain ones."""
    return DATED.sub("", model)


def matches_of(provider: str, since: date, until: date, without: Collection[UUID] = ()) -> list[Match]:
    """`without`: organisations that pay the provider themselves, with a key of their own."""
    theirs = provider_sums(provider, since, until)
    ours = ledger_sums(LEDGER, provider, since, until, without)
    estimated = ledger_sums(ESTIMATED, provider, since, until, without)
    closed = set(RolledDay.objects.filter(day__range=(since, until)).values_list("day", flat=True))
    covered = {day for day, _ in theirs}
    found = []
    for day, model in sorted({*theirs, *(key for key in ours if key[0] in covered)}):
        key = (day, model)
        guessed = estimated.get(key, Sums())
        verdict = verdict_of(theirs.get(key), ours.get(key), guessed) if day in closed else Verdict.NOT_CLOSED
        found.append(Match(day, model, theirs.get(key), ours.get(key), guessed, verdict))
    return found


def verdict_of(theirs: Sums | None, ours: Sums | None, estimated: Sums) -> Verdict:
    """Pure."""
    if theirs is None:
        return Verdict.NOT_THERE
    if ours is None:
        return Verdict.NOT_HERE
    apart = [getattr(theirs, name) - getattr(ours, name) for name in TOLD]
    if not any(apart):
        return Verdict.EQUAL
    may = (int(estimated.input_tokens * LOOSE_INPUT), estimated.calls * LOOSE_OUTPUT_TOKENS)
    # A refused call may have cost nothing: then the whole of its estimate is too much.
    least = (-estimated.input_tokens, -estimated.output_tokens)
    if estimated.calls and all(low <= one <= high for low, one, high in zip(least, apart, may, strict=True)):
        return Verdict.ESTIMATED
    return Verdict.MORE_THERE if sum(apart) > 0 else Verdict.LESS_THERE


def provider_sums(provider: str, since: date, until: date) -> dict[tuple[date, str], Sums]:
    rows = ProviderDay.objects.filter(provider=provider, kind="usage", day__range=(since, until))
    return added(
        ((row.day, row.model), Sums(row.calls or 0, row.input_tokens, row.output_tokens)) for row in rows.iterator()
    )


def ledger_sums(
    sql: str, provider: str, since: date, until: date, without: Collection[UUID]
) -> dict[tuple[date, str], Sums]:
    midnight = timezone.get_default_timezone()
    facts: dict[str, Any] = {
        "provider": provider,
        "since": since,
        "until": until,
        "start": datetime.combine(since, time(), midnight),
        "end": datetime.combine(until + timedelta(days=1), time(), midnight),
        "without": list(without),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        return added(((day, model), Sums(*whole(sums))) for day, model, *sums in cursor.fetchall())


def whole(sums: Iterable[Any]) -> list[Any]:
    """Counts as numbers of Python's; money, the last one of five, stays Decimal."""
    return [value if place == 4 else int(value) for place, value in enumerate(sums)]


def added(pairs: Iterable[tuple[tuple[date, str], Sums]]) -> dict[tuple[date, str], Sums]:
    found: dict[tuple[date, str], Sums] = {}
    for (day, model), sums in pairs:
        key = (day, family(model))
        found[key] = found.get(key, Sums()) + sums
    return found


def costs_of(provider: str, since: date, until: date, without: Collection[UUID] = ()) -> list[CostMatch]:
    """Of days whose cost a provider told; at the exchange rate of the day."""
    charged: dict[date, Decimal] = {}
    for row in ProviderDay.objects.filter(provider=provider, kind="cost", day__range=(since, until)):
        charged[row.day] = charged.get(row.day, Decimal(0)) + (row.cost_usd or 0)
    ours: dict[date, Sums] = {}
    for (day, _), sums in ledger_sums(LEDGER, provider, since, until, without).items():
        ours[day] = ours.get(day, Sums()) + sums
    return [
        CostMatch(day, in_pounds(usd, day), ours.get(day, Sums()).cost_gbp, ours.get(day, Sums()).unpriced_calls)
        for day, usd in sorted(charged.items())
    ]


def in_pounds(usd: Decimal, day: date) -> Decimal | None:
    rate = ExchangeRate.objects.filter(valid_from__lte=day).order_by("-valid_from").first()
    return usd * rate.gbp_per_usd if rate else None
