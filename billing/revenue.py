"""What organisations pay, month by month. The one place that platform finance asks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from billing.models import Subscription


def invoiced(month: date) -> dict[UUID, Decimal] | None:
    """What was invoiced to each organisation for a month, without tax. None: there are no invoices to ask."""
    return None


def revenue_of(month: date) -> tuple[dict[UUID, Decimal], str]:
    """By organisation, and where it is from. Without invoices: the price of the plan of who had begun by its end."""
    if (found := invoiced(month)) is not None:
        return found, "invoices"
    following = (month.replace(day=28) + date.resolution * 4).replace(day=1)
    rows = Subscription.objects.filter(started_at__date__lt=following).select_related("plan")
    return {row.organisation_id: row.plan.monthly_price_gbp for row in rows}, "plan prices"
