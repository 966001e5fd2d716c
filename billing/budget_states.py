"""How budgets stand: spent, held, left, and where the period will end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from billing.budget_periods import current_periods
from billing.budget_warnings import names_of
from billing.budgets import Share, ledger_sum, period_end, period_start
from billing.errors import BudgetNotFound
from billing.forecast import WINDOW, forecast
from billing.models import Budget, BudgetPeriod
from billing.money import share
from billing.reports import live_conditions
from tenants.models import Organisation

STATES_SHOWN = 50  # people of one budget
COSTS = """
SELECT subject, day, sum(cost_gbp) FROM (
  SELECT {subject} AS subject, day, cost_gbp FROM public.billing_dailyusage
  WHERE organisation_id = %(organisation)s AND day BETWEEN %(since)s AND %(until)s AND NOT ({live_days}) {of_members}
  UNION ALL
  SELECT {subject}, (created_at AT TIME ZONE 'UTC')::date, cost_gbp FROM public.billing_usageevent AS event
  WHERE organisation_id = %(organisation)s AND ({live_moments}) {of_members}
) AS costs GROUP BY subject, day
"""


@dataclass(frozen=True, slots=True)
class State:
    """A budget as it stands for one of those it applies to."""

    budget: Budget
    subject: UUID
    name: str
    since: date
    until: date
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    is_reached: bool  # a question found no room
    forecast: Decimal
    period_id: int | None  # None: nothing was asked yet

    @property
    def room(self) -> Decimal:
        return max(Decimal(0), self.limit - self.spent - self.reserved)

    @property
    def percent(self) -> Decimal:
        """Of the limit, spent and held; a limit of nothing is used up."""
        return share(self.spent + self.reserved, self.limit) if self.limit else Decimal(100)

    @property
    def level(self) -> int:
        """The warning it has come to: 0, 50, 80 or 100."""
        spent = share(self.spent, self.limit) if self.limit else Decimal(100)
        return 100 if self.is_reached else max((level for level in (0, 50, 80, 100) if spent >= level), default=0)

    @property
    def will_pass(self) -> bool:
        return self.forecast > self.limit


def budgets_of_organisation(organisation: Organisation) -> QuerySet[Budget]:
    return Budget.objects.filter(organisation=organisation).order_by("-is_active", "created_at")


def budget_of(organisation: Organisation, budget_id: UUID) -> Budget:
    budget = Budget.objects.filter(organisation=organisation, pk=budget_id).first()
    if budget is None:
        raise BudgetNotFound(detail=str(budget_id))
    return budget


def states_of(organisation: Organisation, budgets: Sequence[Budget], today: date) -> dict[UUID, list[State]]:
    """By budget, those nearest their caps first. A budget outside its days has none."""
    periods = list(current_periods(today).filter(budget__in=budgets))
    periods += [row for budget in budgets if (row := period_of_nobody(budget, periods, today))]
    names = names_of(organisation, periods)
    costs = {scope: costs_by_day(organisation, scope, periods, today) for scope in Budget.Scope}
    found: dict[UUID, list[State]] = {budget.pk: [] for budget in budgets}
    for row in periods:
        known = costs[Budget.Scope(row.budget.scope)].get(row.subject_id, {})
        found[row.budget_id].append(state_of(row, names[row.subject_id], known, today))
    return {pk: sorted(states, key=lambda state: -state.percent) for pk, states in found.items()}


def period_of_nobody(budget: Budget, periods: Iterable[BudgetPeriod], today: date) -> BudgetPeriod | None:
    """An unsaved period for a budget of one subject whose first question of the period is still to come."""
    subject = budget.organisation_id if budget.scope == Budget.Scope.ORGANISATION else budget.subject_id
    start = period_start(budget, today)
    if not budget.is_active or subject is None or start is None or any(row.budget_id == budget.pk for row in periods):
        return None
    spent = ledger_sum(Share(budget, subject, start))
    return BudgetPeriod(
        budget=budget, subject_id=subject, starts_on=start, limit_gbp=budget.amount_gbp, spent_gbp=spent
    )


def state_of(row: BudgetPeriod, name: str, costs: dict[date, Decimal], today: date) -> State:
    last = period_end(row.budget, row.starts_on)
    return State(
        budget=row.budget,
        subject=row.subject_id,
        name=name,
        since=row.starts_on,
        until=last,
        limit=row.budget.amount_gbp,
        spent=row.spent_gbp,
        reserved=Decimal(row.reserved_gbp),
        is_reached=row.reached_at is not None,
        forecast=forecast(row.spent_gbp, costs, today, last),
        period_id=row.pk,
    )


def costs_by_day(
    organisation: Organisation, scope: Budget.Scope, periods: Iterable[BudgetPeriod], today: date
) -> dict[UUID, dict[date, Decimal]]:
    """Of the forecast's days, by the organisation or its members."""
    subjects = [row.subject_id for row in periods if row.budget.scope == scope]
    if not subjects or scope == Budget.Scope.GROUP:
        return {}
    of_members = scope == Budget.Scope.MEMBER
    conditions, values = live_conditions(today - timedelta(days=WINDOW), today)
    sql = COSTS.format(
        **conditions,
        subject="member_id" if of_members else "organisation_id",
        of_members="AND member_id = ANY(%(members)s)" if of_members else "",
    )
    found: dict[UUID, dict[date, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "organisation": organisation.pk, "members": subjects})
        for subject, day, cost in cursor.fetchall():
            found.setdefault(subject, {})[day] = cost
    return found


def nearest(states: Iterable[State]) -> State | None:
    """The one that will be the first to have no room."""
    return max(states, key=lambda state: (state.is_reached, state.percent), default=None)
