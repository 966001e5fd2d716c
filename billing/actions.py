"""Giving, changing and switching off budgets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from billing.budgets import OPEN, RESIZE, forget_budgets, period_end, period_start
from billing.errors import BudgetExists, BudgetNotPossible
from billing.models import Budget
from billing.reports import spent_between, usage_report
from billing.tasks import recount_budget
from tenants.models import Organisation

# Other processes hear of a budget within seconds; what they wrote into the ledger meanwhile is counted then.
RECOUNT_AFTER = 10


def budget_give(
    *,
    organisation: Organisation,
    scope: str,
    amount_gbp: Decimal,
    at_cap: str = Budget.AtCap.STOP,
    contact: str = "",
    member: User | None = None,
    period: str = Budget.Period.MONTHLY,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> Budget:
    """For the organisation, for one member, or, of scope `member` without one, for each of them by itself.

    Begins with what was spent in the period already. Raises BudgetExists, BudgetNotPossible.
    """
    check_days(period, starts_on, ends_on)
    budget = Budget(
        organisation=organisation,
        scope=scope,
        subject_id=member.pk if member else None,
        subject_label=member.email if member else "",
        amount_gbp=amount_gbp,
        at_cap=at_cap,
        contact=contact,
        period=period,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    stored(budget)
    told(budget, ["amount_gbp", "at_cap"])
    return budget


def budget_change(
    budget: Budget,
    *,
    amount_gbp: Decimal | None = None,
    at_cap: str | None = None,
    contact: str | None = None,
    is_active: bool | None = None,
) -> Budget:
    """What is None stays. Raises BudgetExists when one is switched on beside another."""
    wanted = {"amount_gbp": amount_gbp, "at_cap": at_cap, "contact": contact, "is_active": is_active}
    for name, value in wanted.items():
        if value is not None:
            setattr(budget, name, value)
    stored(budget)
    told(budget, [name for name, value in wanted.items() if value is not None])
    return budget


def told(budget: Budget, fields: list[str]) -> None:
    facts = {
        "fields": fields,
        "scope": budget.scope,
        "amount_gbp": str(budget.amount_gbp),
        "is_active": budget.is_active,
    }
    audit(Action.BUDGET_CHANGED, target_id=str(budget.pk), detail=facts)


def check_days(period: str, starts_on: date | None, ends_on: date | None) -> None:
    if period == Budget.Period.MONTHLY:
        if starts_on or ends_on:
            raise BudgetNotPossible("A monthly budget has no days of its own. Leave them out, or give it once.")
    elif starts_on is None or ends_on is None or starts_on > ends_on:
        raise BudgetNotPossible("A budget given once needs a first day, and a last day that is not before it.")


def stored(budget: Budget) -> None:
    try:
        with transaction.atomic():
            budget.save()
            if budget.is_active:
                periods_begin(budget, timezone.now().date())
    except IntegrityError as error:
        raise BudgetExists(detail=str(budget.pk)) from error
    forget_budgets()
    transaction.on_commit(partial(recount_later, budget.pk))


def recount_later(budget_id: UUID) -> None:
    forget_budgets()
    recount_budget.apply_async(kwargs={"budget_id": str(budget_id)}, countdown=RECOUNT_AFTER, expires=3600)


def periods_begin(budget: Budget, today: date) -> None:
    """Open the period that runs for everybody who has spent something, and give open ones the budget's limit."""
    start = period_start(budget, today)
    if start is None:
        return
    facts: dict[str, Any] = {"budget": budget.pk, "start": start, "limit": budget.amount_gbp}
    with connection.cursor() as cursor:
        cursor.execute(RESIZE, facts)
        for subject, spent in spenders(budget, start):
            cursor.execute(OPEN, {**facts, "subject": subject, "spent": spent})


def spenders(budget: Budget, start: date) -> list[tuple[UUID, Decimal]]:
    """Whom the budget applies to, as far as they spent something, with how much."""
    organisation, end = budget.organisation_id, period_end(budget, start)
    match budget.scope, budget.subject_id:
        case Budget.Scope.ORGANISATION, _:
            return [(organisation, spent_between(organisation, start, end))]
        case Budget.Scope.MEMBER, None:
            lines = usage_report(organisation, start, end, "member").lines
            return [(UUID(line.key), line.figures.cost_gbp) for line in lines if line.key]
        case Budget.Scope.MEMBER, UUID() as member:
            return [(member, spent_between(organisation, start, end, member))]
    return []
