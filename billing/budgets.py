"""Room for what a question may cost: taken before it is asked, given back when it is known what it did cost.

Every change is one statement that tests and changes a row of its own, so it is safe against itself in any number of
processes. Rows are locked in the order of their budgets, so two questions never wait for each other in a circle.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from billing.errors import BudgetReached
from billing.models import Budget, BudgetHold, BudgetPeriod, UsageEvent
from billing.reports import spent_between

REFRESH_SECONDS = 2.0  # a new budget is heard of by every process within this time
FORGOTTEN_AFTER = timedelta(minutes=30)  # a hold whose answer never ended: its process died

LEVEL = """CASE WHEN {spent} >= {limit} THEN 100 WHEN {spent} >= 0.8 * {limit} THEN 80
  WHEN {spent} >= 0.5 * {limit} THEN 50 ELSE 0 END"""
# A limit that grows calls for warnings afresh, but not for those that its new size has behind it already.
RESIZED = (
    "limit_gbp = {limit}, reached_at = NULL, warned_percent = least(billing_budgetperiod.warned_percent, "
    + LEVEL.replace("{spent}", "billing_budgetperiod.spent_gbp")
    + ")"
)
OPEN = f"""
INSERT INTO public.billing_budgetperiod
  (budget_id, subject_id, starts_on, limit_gbp, spent_gbp, reserved_gbp, warned_percent)
SELECT id, %(subject)s, %(start)s, %(limit)s, %(spent)s, 0, 0 FROM public.billing_budget WHERE id = %(budget)s
ON CONFLICT (budget_id, subject_id, starts_on) DO UPDATE SET {RESIZED.format(limit="EXCLUDED.limit_gbp")}
WHERE billing_budgetperiod.limit_gbp <> EXCLUDED.limit_gbp
"""
RESIZE = f"""
UPDATE public.billing_budgetperiod SET {RESIZED.format(limit="%(limit)s")}
WHERE budget_id = %(budget)s AND starts_on = %(start)s AND limit_gbp <> %(limit)s
"""
REACHED = """
UPDATE public.billing_budgetperiod SET reached_at = now()
WHERE budget_id = %(budget)s AND subject_id = %(subject)s AND starts_on = %(start)s AND reached_at IS NULL
"""
# In every budget or in none. The rows are locked before they are looked at, so what is seen is what is changed. The
# change itself asks nothing more of them: it would ask the rows as they were when the statement began.
RESERVE = """
WITH wanted AS (
  SELECT * FROM unnest(%(budgets)s::uuid[], %(subjects)s::uuid[], %(starts)s::date[], %(limits)s::numeric[])
    WITH ORDINALITY AS one (budget_id, subject_id, starts_on, wanted_gbp, place)
), locked AS (
  SELECT period.id, wanted.place, wanted.wanted_gbp = period.limit_gbp AS is_fresh,
    period.spent_gbp + period.reserved_gbp + %(amount)s <= period.limit_gbp AS has_room
  FROM public.billing_budgetperiod AS period JOIN wanted USING (budget_id, subject_id, starts_on)
  ORDER BY period.budget_id, period.subject_id, period.starts_on FOR UPDATE OF period
), verdict AS (
  SELECT place, id, CASE WHEN has_room THEN 'room' WHEN is_fresh THEN 'full' ELSE 'stale' END AS state
  FROM wanted LEFT JOIN locked USING (place)
), earlier AS (SELECT EXISTS (SELECT 1 FROM public.billing_budgethold WHERE key = %(key)s) AS is_held),
claimed AS (
  UPDATE public.billing_budgetperiod AS period SET reserved_gbp = period.reserved_gbp + %(amount)s
  FROM verdict, earlier
  WHERE period.id = verdict.id AND NOT earlier.is_held AND (SELECT bool_and(state = 'room') FROM verdict)
  RETURNING period.id
), held AS (
  INSERT INTO public.billing_budgethold (key, period_id, amount_gbp, created_at)
  SELECT %(key)s, id, %(amount)s, now() FROM claimed
)
SELECT place, state, is_held FROM verdict, earlier ORDER BY place
"""
RELEASE = """
WITH freed AS (DELETE FROM public.billing_budgethold WHERE key = ANY(%s) RETURNING period_id, amount_gbp),
sums AS (SELECT period_id, sum(amount_gbp) AS amount FROM freed GROUP BY period_id),
locked AS (
  SELECT id FROM public.billing_budgetperiod WHERE id IN (SELECT period_id FROM sums)
  ORDER BY budget_id, subject_id, starts_on FOR UPDATE
)
UPDATE public.billing_budgetperiod AS period SET reserved_gbp = reserved_gbp - sums.amount
FROM sums, locked WHERE period.id = sums.period_id AND locked.id = period.id
"""


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a question is asked."""

    organisation_id: UUID
    member_id: UUID | None = None
    group_ids: tuple[UUID, ...] = ()

    def subjects(self, scope: str) -> tuple[UUID, ...]:
        match scope:
            case Budget.Scope.ORGANISATION:
                return (self.organisation_id,)
            case Budget.Scope.GROUP:
                return self.group_ids
        return (self.member_id,) if self.member_id else ()


@dataclass(frozen=True, slots=True)
class Share:
    """One budget as it applies to one of its subjects on one day."""

    budget: Budget
    subject: UUID
    start: date

    @property
    def where(self) -> dict[str, Any]:
        return {"budget": self.budget.pk, "subject": self.subject, "start": self.start}

    @property
    def order(self) -> tuple[bytes, bytes, date]:
        """In which rows are locked."""
        return self.budget.pk.bytes, self.subject.bytes, self.start

    @property
    def name(self) -> str:
        if self.budget.scope == Budget.Scope.ORGANISATION:
            return "your organisation"
        return self.budget.subject_label or ("you" if self.budget.scope == Budget.Scope.MEMBER else "your group")


# -- what applies ---------------------------------------------------------------------------------

_known: dict[UUID, tuple[float, tuple[Budget, ...]]] = {}


def budgets_of(organisation_id: UUID) -> tuple[Budget, ...]:
    """The organisation's active budgets, remembered for a moment: every question asks."""
    kept = _known.get(organisation_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    rows = tuple(Budget.objects.filter(organisation_id=organisation_id, is_active=True).order_by("pk"))
    _known[organisation_id] = (time.monotonic() + REFRESH_SECONDS, rows)
    return rows


def has_budgets(organisation_id: UUID) -> bool:
    return bool(budgets_of(organisation_id))


def has_strict_budgets(organisation_id: UUID) -> bool:
    """Whether some budget stops everything at its cap, earlier answers included."""
    return any(budget.at_cap == Budget.AtCap.STOP for budget in budgets_of(organisation_id))


def forget_budgets() -> None:
    _known.clear()


def shares_of(payer: Payer, day: date) -> list[Share]:
    """In the order in which their rows are locked."""
    found = [
        Share(budget, subject, start)
        for budget in budgets_of(payer.organisation_id)
        if (start := period_start(budget, day)) is not None
        for subject in payer.subjects(budget.scope)
        if budget.subject_id in (None, subject)
    ]
    return sorted(found, key=lambda share: share.order)


def period_start(budget: Budget, day: date) -> date | None:
    """The first day of the period that a day falls in; None outside the days of a budget given once."""
    if budget.period == Budget.Period.MONTHLY:
        return day.replace(day=1)
    if budget.starts_on is None or budget.ends_on is None or not budget.starts_on <= day <= budget.ends_on:
        return None
    return budget.starts_on


# -- reserve and release --------------------------------------------------------------------------


def budget_reserve(payer: Payer, key: UUID, amount: Decimal) -> None:
    """Hold `amount` in every budget that applies, or in none. Raises BudgetReached, which names the first without room.

    Reserving again under the same key changes nothing.
    """
    shares = shares_of(payer, timezone.now().date())
    if not shares:
        return
    full = claimed_by_all(shares, key, amount)
    if full is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(REACHED, full.where)
    budget = full.budget
    raise BudgetReached(name=full.name, limit=budget.amount_gbp, at_cap=budget.at_cap, contact=budget.contact)


def claimed_by_all(shares: Sequence[Share], key: UUID, amount: Decimal) -> Share | None:
    """Claim in each or in none; the first without room, None when there was room in all."""
    found = reserved(shares, key, amount)
    if stale := [share for share, state in found if state == "stale"]:
        for share in stale:
            period_open(share)
        found = reserved(shares, key, amount)
    return next((share for share, state in found if state != "room"), None)


def reserved(shares: Sequence[Share], key: UUID, amount: Decimal) -> list[tuple[Share, str]]:
    """One statement. What each share had: room, none (`full`), or no row as it should be (`stale`)."""
    facts: dict[str, Any] = {
        "budgets": [share.budget.pk for share in shares],
        "subjects": [share.subject for share in shares],
        "starts": [share.start for share in shares],
        "limits": [share.budget.amount_gbp for share in shares],
        "amount": amount,
        "key": key,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, facts)
        rows = cursor.fetchall()
    if any(is_held for _, _, is_held in rows):
        return []
    return [(shares[place - 1], state) for place, state, _ in rows]


def period_open(share: Share) -> None:
    """Make the period's row, or bring its limit up to date.

    A new row begins with what the ledger holds already: budgets are also given in the middle of a month.
    """
    row = BudgetPeriod.objects.filter(budget=share.budget, subject_id=share.subject, starts_on=share.start).first()
    if row and row.limit_gbp == share.budget.amount_gbp:
        return
    spent = row.spent_gbp if row else ledger_sum(share)
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {**share.where, "limit": share.budget.amount_gbp, "spent": spent})


def budget_release(*keys: UUID) -> None:
    """The answers have ended, in whatever way: what they held is free. Their cost is in the ledger. Repeatable."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, [list(keys)])


def holds_sweep() -> int:
    """Free what answers hold whose process died. Returns how many."""
    forgotten = list(
        BudgetHold.objects.filter(created_at__lt=timezone.now() - FORGOTTEN_AFTER).values_list("key", flat=True)
    )
    if forgotten:
        budget_release(*set(forgotten))
    return len(forgotten)


# -- what was spent -------------------------------------------------------------------------------


def ledger_sum(share: Share) -> Decimal:
    """What the ledger holds for one subject in one period."""
    budget = share.budget
    if budget.scope == Budget.Scope.GROUP:
        return spent_by_group(budget, share)
    member = share.subject if budget.scope == Budget.Scope.MEMBER else None
    return spent_between(budget.organisation_id, share.start, period_end(budget, share.start), member)


def spent_by_group(budget: Budget, share: Share) -> Decimal:
    """From the ledger itself: the roll-ups know members, who were in the group at one time and not at another."""
    until = period_end(budget, share.start) + timedelta(days=1)
    events = UsageEvent.objects.filter(
        organisation_id=budget.organisation_id,
        created_at__gte=datetime(share.start.year, share.start.month, share.start.day, tzinfo=UTC),
        created_at__lt=datetime(until.year, until.month, until.day, tzinfo=UTC),
        group_ids__contains=[share.subject],
    )
    return events.aggregate(sum=Sum("cost_gbp"))["sum"] or Decimal(0)


def period_end(budget: Budget, start: date) -> date:
    """The last day."""
    if budget.period == Budget.Period.ONCE and budget.ends_on:
        return budget.ends_on
    return (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
