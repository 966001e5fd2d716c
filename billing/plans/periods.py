"""Which plan on which day."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from billing.models import Plan, PlanPeriod

A_DAY = timedelta(days=1)
AGREED = ("monthly_price_gbp", "included_usage_gbp", "usage_markup_percent", "is_usage_charged")


def next_month(day: date) -> date:
    """Its first day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_end(day: date) -> date:
    return next_month(day) - A_DAY


def period_begin(organisation_id: UUID, plan: Plan, since: date, *, is_free: bool = False) -> None:
    """In the transaction that holds the subscription's row. A period that began on the same day gives way."""
    period_end(organisation_id, since - A_DAY)
    PlanPeriod.objects.create(
        organisation_id=organisation_id,
        plan=plan,
        since=since,
        is_free=is_free,
        monthly_price_gbp=plan.monthly_price_gbp,
        included_usage_gbp=plan.included_usage_gbp,
        usage_markup_percent=plan.usage_markup_percent,
        is_usage_charged=plan.is_usage_charged,
    )


def period_end(organisation_id: UUID, until: date) -> None:
    """The running one ends on that day; one that begins after it is as if it never was."""
    running = PlanPeriod.objects.filter(organisation_id=organisation_id, until=None)
    running.filter(since__gt=until).delete()
    running.update(until=until)


def period_resume(organisation_id: UUID, plan: Plan, since: date) -> None:
    """The same plan goes on after a rest, at the price that was agreed."""
    period_begin(organisation_id, plan, since)
    last = (
        PlanPeriod.objects.filter(organisation_id=organisation_id, plan=plan, since__lt=since).order_by("since").last()
    )
    if last is not None:
        PlanPeriod.objects.filter(organisation_id=organisation_id, until=None).update(
            **{name: getattr(last, name) for name in AGREED}
        )
