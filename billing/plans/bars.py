"""The bar over every page that says what the subscription needs: to who may do something about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from accounts.models import User
from accounts.permissions import Can, may
from billing.models import Subscription
from billing.plans.actions import today
from tenants.models import Organisation

State = Subscription.State
BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PlanBar:
    text: str
    is_urgent: bool


def plan_bar(user: User, organisation: Organisation) -> PlanBar | None:
    if not organisation.entitlements or not may(user.role, Can.MANAGE_PLAN):
        return None
    row = Subscription.objects.filter(organisation=organisation).first()
    return bar_of(row, today()) if row else None


def bar_of(row: Subscription, on: date) -> PlanBar | None:
    if row.state == State.GRACE and row.grace_ends_on:
        what = "An invoice is overdue." if row.lacks == Subscription.Lacks.PAYMENT else "The trial is over."
        return PlanBar(f"{what} Everything works until {row.grace_ends_on:%-d %B}.", True)
    if row.state in {State.SUSPENDED, State.ENDED}:
        return PlanBar("Nobody can ask questions or open documents. Nothing is deleted.", True)
    if row.is_cancelled and row.changes_on:
        return PlanBar(f"The subscription is cancelled. Everything works until {row.changes_on:%-d %B} begins.", False)
    if row.state == State.TRIAL and row.trial_ends_on and not row.changes_on and row.trial_ends_on - BEFORE <= on:
        return PlanBar(f"The trial ends on {row.trial_ends_on:%-d %B}. Choose a plan to go on.", False)
    return None
