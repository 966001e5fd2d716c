"""What comes by itself: planned changes, the end of trials and of grace, overdue invoices. Repeatable."""

from __future__ import annotations

import logging
from datetime import date
from uuid import UUID

from django.db import transaction

from billing.invoicing.balances import overdue_organisations
from billing.invoicing.sellers import grace_days
from billing.models import Subscription
from billing.plans.actions import (
    Kind,
    State,
    kept,
    noted,
    nothing_planned,
    subscription_end,
    subscription_needs,
    subscription_suspend,
    today,
)
from billing.plans.periods import A_DAY, period_begin

logger = logging.getLogger(__name__)


def subscriptions_advance(on: date | None = None) -> int:
    """How many changed. One that fails does not hold up the others, and is tried again with the next sweep."""
    on = on or today()
    overdue = overdue_organisations(on)
    ids = Subscription.objects.exclude(state=State.ENDED).values_list("organisation_id", flat=True)
    return sum(advanced(organisation_id, on, organisation_id in overdue) for organisation_id in list(ids))


def advanced(organisation_id: UUID, on: date, is_overdue: bool) -> bool:
    try:
        with transaction.atomic():
            rows = Subscription.objects.select_for_update(of=("self",))
            row = rows.select_related("plan", "next_plan", "organisation").get(organisation_id=organisation_id)
            return advance(row, on, is_overdue)
    except Exception:  # noqa: BLE001  (one organisation's trouble is not the others')
        logger.exception("subscriptions.not_advanced", extra={"organisation_id": str(organisation_id)})
        return False


def advance(row: Subscription, on: date, is_overdue: bool) -> bool:
    """One step, the first that is due; on the day after a long rest the sweep is simply run again."""
    if row.changes_on and row.changes_on <= on:
        change_come(row, row.changes_on)
    elif row.state == State.TRIAL and row.trial_ends_on and row.trial_ends_on < on:
        subscription_needs(row, Kind.TRIAL_OVER, row.trial_ends_on + A_DAY, grace_days())
    elif row.state == State.GRACE and row.grace_ends_on and row.grace_ends_on < on:
        subscription_suspend(row, on)
    elif row.state == State.ACTIVE and is_overdue:
        subscription_needs(row, Kind.UNPAID, on, grace_days())
    else:
        return False
    return True


def change_come(row: Subscription, on: date) -> None:
    if row.is_cancelled or row.next_plan is None:
        subscription_end(row, on)
        return
    before, row.plan = row.plan, row.next_plan
    if row.state != State.SUSPENDED:
        period_begin(row.organisation_id, row.plan, on)
    if row.state == State.TRIAL:
        row.state = State.ACTIVE
    nothing_planned(row)
    noted(row, Kind.CHANGED, None, plan=before, next_plan=row.plan, from_day=on)
    kept(row)
