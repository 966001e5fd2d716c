"""What organisations pay, month by month. The one place that platform finance asks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, Sum, When

from billing.models import Invoice, Subscription


def invoiced(month: date) -> dict[UUID, Decimal] | None:
    """What was invoiced to each organisation for a month, without tax. None: there are no invoices to ask,
    because the month was not closed. A credit note counts in the month that it corrects."""
    rows = Invoice.objects.filter(month=month, state=Invoice.State.CLOSED)
    if not rows.exists():
        return None
    sign = Case(When(kind=Invoice.Kind.CREDIT_NOTE, then=-F("net_gbp")), default=F("net_gbp"))
    return dict(rows.order_by().values_list("organisation_id").annotate(Sum(sign)))


def revenue_of(month: date) -> tuple[dict[UUID, Decimal], str]:
    """By organisation, and where it is from. Without invoices: the price of the plan of who had begun by its end."""
    if (found := invoiced(month)) is not None:
        return found, "invoices"
    following = (month.replace(day=28) + date.resolution * 4).replace(day=1)
    rows = Subscription.objects.filter(started_at__date__lt=following).select_related("plan")
    return {row.organisation_id: row.plan.monthly_price_gbp for row in rows}, "plan prices"
