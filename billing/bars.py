"""The bar over every page that says a budget comes to its end: to those who read usage, and to the person whose own
budget it is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Can, may
from billing.budget_periods import current_periods
from billing.budgets import has_budgets
from billing.models import Budget, BudgetPeriod
from billing.money import pounds, share
from tenants.models import Organisation

HIDDEN = "hidden_budget_bars"
KEPT = 50  # of those hidden
OWN_FROM = 80  # percent from which people hear of their own budget


@dataclass(frozen=True, slots=True)
class Bar:
    key: str  # of this budget's period at this level
    level: int
    text: str
    is_own: bool


def bars_of(user: User, organisation: Organisation, session: Any) -> list[Bar]:
    """One for the organisation's budgets, the one that is nearest its cap, and one for the person's own."""
    if not has_budgets(organisation.pk):
        return []
    reads = may(user.role, Can.READ_USAGE)
    mine = Q(budget__scope=Budget.Scope.MEMBER, subject_id=user.pk)
    whole = Q(budget__scope=Budget.Scope.ORGANISATION)
    rows = current_periods(timezone.now().date()).filter(budget__organisation=organisation)
    bars = [bar_of(row) for row in rows.filter(mine | whole if reads else mine)]
    hidden = set(session.get(HIDDEN, ()))
    shown = [bar for bar in bars if bar.level >= (OWN_FROM if bar.is_own else 50) and bar.key not in hidden]
    highest = {bar.is_own: bar for bar in sorted(shown, key=lambda bar: bar.level)}
    return list(highest.values())


def bar_of(row: BudgetPeriod) -> Bar:
    level, is_own = level_of(row), row.budget.scope == Budget.Scope.MEMBER
    return Bar(f"{row.pk}.{level}", level, sentence(row, level, is_own), is_own)


def level_of(row: BudgetPeriod) -> int:
    if row.reached_at is not None or row.spent_gbp >= row.limit_gbp:
        return 100
    spent = share(row.spent_gbp, row.limit_gbp)
    return max((level for level in (50, 80) if spent >= level), default=0)


def sentence(row: BudgetPeriod, level: int, is_own: bool) -> str:
    whose = "Your own budget" if is_own else "Your organisation's budget"
    if level == 100:
        whom = row.budget.contact or "an owner or finance"
        return f"{whose} of {pounds(row.limit_gbp)} has no room for the usual answers. Ask {whom} for more."
    left = pounds(max(Decimal(0), row.limit_gbp - row.spent_gbp))
    return f"{whose} of {pounds(row.limit_gbp)} is used to more than {level} %: {left} are left."


def bar_hide(session: Any, key: str) -> None:
    if key.replace(".", "").isdecimal() and len(key) < 40:
        session[HIDDEN] = [*session.get(HIDDEN, []), key][-KEPT:]
