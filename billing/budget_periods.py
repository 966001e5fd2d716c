"""The months of budgets that run now: which they are, and that they follow the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from billing.budgets import Share, ledger_sum
from billing.models import Budget, BudgetPeriod


def current_periods(today: date) -> QuerySet[BudgetPeriod]:
    """Of budgets that are in force, with the budget and its organisation."""
    monthly = Q(budget__period=Budget.Period.MONTHLY, starts_on=today.replace(day=1))
    once = Q(budget__period=Budget.Period.ONCE, budget__ends_on__gte=today, starts_on=F("budget__starts_on"))
    rows = BudgetPeriod.objects.select_related("budget__organisation").filter(monthly | once)
    return rows.filter(budget__is_active=True, starts_on__lte=today)


def budgets_recount(budget_id: UUID | None = None) -> list[tuple[BudgetPeriod, Decimal]]:
    """Set the periods that run, all or one budget's, to what the ledger says; what differed, with what it had been."""
    periods = current_periods(timezone.now().date())
    return list(differences(periods.filter(budget=budget_id) if budget_id else periods))


def differences(periods: Iterable[BudgetPeriod]) -> Iterator[tuple[BudgetPeriod, Decimal]]:
    for period in periods:
        with transaction.atomic():
            row = BudgetPeriod.objects.select_for_update().get(pk=period.pk)
            true, had = ledger_sum(Share(period.budget, period.subject_id, period.starts_on)), row.spent_gbp
            if true != had:
                row.spent_gbp = true
                row.save(update_fields=["spent_gbp"])
                yield row, had
