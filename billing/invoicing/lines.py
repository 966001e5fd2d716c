"""What a month costs an organisation, line by line: its plans by days, its usage by model. The sums are pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from uuid import UUID

from django.db import connection

from billing.models import InvoiceLine, PlanPeriod
from billing.plans.periods import A_DAY, month_end

PENNY = Decimal("0.01")
NOTHING = Decimal("0.00")
# Straight from the ledger: roll-ups are for reading, invoices are for paying.
USAGE = """
SELECT provider, model, is_own_key, sum(CASE WHEN is_counter THEN -1 ELSE 1 END), sum(cost_gbp)
FROM public.billing_usageevent WHERE organisation_id = %s AND created_at >= %s AND created_at < %s
GROUP BY provider, model, is_own_key ORDER BY sum(cost_gbp) DESC, provider, model, is_own_key
"""
Kind = InvoiceLine.Kind


@dataclass(frozen=True, slots=True)
class Terms:
    """Of a plan, as they were agreed."""

    plan: str
    price: Decimal  # a month
    included: Decimal  # usage in the price, a month
    markup: Decimal  # percent, on usage beyond
    is_usage_charged: bool
    is_free: bool  # a trial


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one month with the same terms. None: there was no plan."""

    since: date
    until: date
    terms: Terms | None

    @property
    def share(self) -> Fraction:
        """Of its month."""
        return Fraction((self.until - self.since).days + 1, month_end(self.since).day)


@dataclass(frozen=True, slots=True)
class Used:
    provider: str
    model: str
    calls: int
    cost: Decimal  # pounds, as the ledger has it
    is_own_key: bool = False  # the organisation has paid the provider itself


@dataclass(frozen=True, slots=True)
class Line:
    kind: Kind
    text: str
    since: date
    until: date
    amount: Decimal  # pounds, whole pence
    calls: int = 0
    cost: Decimal = Decimal(0)


def month_lines(organisation_id: UUID, month: date) -> list[Line]:
    stretches = stretches_of(organisation_id, month)
    return lines_of(stretches, [usage_in(organisation_id, one.since, one.until) for one in stretches])


def stretches_of(organisation_id: UUID, month: date) -> list[Stretch]:
    """Of the whole month, each day in one."""
    rows = PlanPeriod.objects.filter(organisation_id=organisation_id, since__lte=month_end(month)).select_related(
        "plan"
    )
    found, free_from = [], month
    for row in rows.order_by("since"):
        since, until = max(row.since, month), min(row.until or month_end(month), month_end(month))
        if until < since:
            continue
        if since > free_from:
            found.append(Stretch(free_from, since - A_DAY, None))
        found.append(Stretch(since, until, terms_of(row)))
        free_from = until + A_DAY
    if free_from <= month_end(month):
        found.append(Stretch(free_from, month_end(month), None))
    return found


def terms_of(row: PlanPeriod) -> Terms:
    return Terms(
        plan=row.plan.name,
        price=row.monthly_price_gbp,
        included=row.included_usage_gbp,
        markup=row.usage_markup_percent,
        is_usage_charged=row.is_usage_charged,
        is_free=row.is_free,
    )


def usage_in(organisation_id: UUID, since: date, until: date) -> list[Used]:
    """Days of UTC, both included."""
    start, end = (datetime.combine(day, time.min, UTC) for day in (since, until + A_DAY))
    with connection.cursor() as cursor:
        cursor.execute(USAGE, [organisation_id, start, end])
        return [Used(provider, model, int(calls), cost, own) for provider, model, own, calls, cost in cursor.fetchall()]


# -- the sums -------------------------------------------------------------------------------------


def lines_of(stretches: Sequence[Stretch], used: Sequence[Sequence[Used]]) -> list[Line]:
    """The costs of all lines together are the ledger's; the amounts are what is charged."""
    usage = [line for one, rows in zip(stretches, used, strict=True) for line in usage_lines(one, rows)]
    return [*plan_lines(stretches), *usage]


def plan_lines(stretches: Sequence[Stretch]) -> Iterator[Line]:
    """By days. Rounded on the running sum, so that a whole month at one price is that price."""
    exact, charged = Fraction(0), NOTHING
    for one in stretches:
        if one.terms is None:
            continue
        exact += one.share * Fraction(0 if one.terms.is_free else one.terms.price)
        amount = rounded(exact) - charged
        charged += amount
        if amount or one.terms.is_free:
            said = f"{one.terms.plan}, trial" if one.terms.is_free else f"{one.terms.plan} plan{days_said(one)}"
            yield Line(Kind.PLAN, said, one.since, one.until, amount)


def usage_lines(one: Stretch, used: Sequence[Used]) -> Iterator[Line]:
    terms = one.terms
    is_charged = terms is not None and terms.is_usage_charged and not terms.is_free
    factor = 1 + Fraction(terms.markup) / 100 if terms and is_charged else Fraction(0)
    exact, charged = Fraction(0), NOTHING
    for row in used:
        exact += 0 if row.is_own_key else Fraction(row.cost) * factor
        amount = rounded(exact) - charged
        charged += amount
        text = f"{name_of(row)}{not_charged(row, terms)}"
        yield Line(Kind.USAGE, text, one.since, one.until, amount, row.calls, row.cost)
    if terms is not None and is_charged and charged > 0:
        free = min(Fraction(terms.included) * one.share * factor, exact)
        if taken_off := charged - rounded(exact - free):
            yield Line(Kind.INCLUDED, f"Usage included in {terms.plan}", one.since, one.until, -taken_off)


def rounded(exact: Fraction) -> Decimal:
    """To whole pence, halves away from zero."""
    pence = abs(exact) * 100
    whole = (2 * pence.numerator + pence.denominator) // (2 * pence.denominator)
    return (Decimal(whole) * PENNY).quantize(PENNY, ROUND_HALF_UP).copy_sign(Decimal(1 if exact >= 0 else -1)) + 0


def days_said(one: Stretch) -> str:
    days, whole = (one.until - one.since).days + 1, month_end(one.since).day
    return "" if days == whole else f", {days} of {whole} days"


def name_of(row: Used) -> str:
    return f"{row.provider} {row.model}"


def not_charged(row: Used, terms: Terms | None) -> str:
    """Why it is not, where it is not."""
    if row.is_own_key:
        return " (your own key, not charged)"
    if terms is None:
        return " (without a plan, not charged)"
    if terms.is_free:
        return " (trial, not charged)"
    return "" if terms.is_usage_charged else " (in the price)"
