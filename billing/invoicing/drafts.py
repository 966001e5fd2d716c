"""Drafts: what a month comes to as long as it is not closed. They may be made anew as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.errors import InvoiceClosed
from billing.invoicing.lines import Line, month_lines
from billing.models import BillingDetails, DailyUsage, Invoice, InvoiceLine, PlanPeriod
from billing.plans.periods import month_end
from billing.rollups import label_of as label_in_ledger
from tenants.models import Organisation

CUSTOMER = ("name", "address", "country", "vat_number", "purchase_order", "email")


@dataclass(frozen=True, slots=True)
class Preview:
    """A month as it stands, before tax. Nothing is written."""

    month: date
    lines: tuple[Line, ...]

    @property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))


def preview(organisation_id: UUID, month: date) -> Preview:
    return Preview(month, tuple(month_lines(organisation_id, month)))


@transaction.atomic
def invoice_draft(organisation_id: UUID, month: date) -> Invoice:
    """The draft of the month, with what the ledger and the plans say now. Lines that an operator wrote stay.

    Raises InvoiceClosed.
    """
    row, _ = Invoice.objects.exclude(kind=Invoice.Kind.CREDIT_NOTE).get_or_create(
        organisation_id=organisation_id, month=month, defaults={"organisation_label": label_of(organisation_id)}
    )
    row = Invoice.objects.select_for_update().get(pk=row.pk)
    if row.is_closed:
        raise InvoiceClosed
    kept = list(row.lines.filter(kind=InvoiceLine.Kind.OTHER))
    row.lines.all().delete()
    lines = [line_row(row, line) for line in month_lines(organisation_id, month)]
    for position, line in enumerate([*lines, *kept], start=1):
        line.pk, line.position = None, position
    InvoiceLine.objects.bulk_create([*lines, *kept])
    row.usage_gbp = sum((line.cost_gbp for line in lines), Decimal(0))
    row.net_gbp = net_of([*lines, *kept])
    row.tax_gbp, row.total_gbp = Decimal(0), row.net_gbp
    row.customer = customer_of(organisation_id) or row.customer
    row.save()
    return row


def line_row(invoice: Invoice, line: Line) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        kind=line.kind,
        text=line.text[:200],
        since=line.since,
        until=line.until,
        calls=max(0, line.calls),
        cost_gbp=line.cost,
        amount_gbp=line.amount,
    )


def net_of(lines: Sequence[InvoiceLine]) -> Decimal:
    return sum((line.amount_gbp for line in lines), Decimal("0.00"))


@transaction.atomic
def line_add(invoice: Invoice, *, text: str, amount: Decimal) -> Invoice:
    """Something that no plan and no call stands for: a discount (below zero), a day of training."""
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if row.is_closed:
        raise InvoiceClosed
    last = row.lines.order_by("-position").values_list("position", flat=True).first() or 0
    row.lines.create(
        position=last + 1,
        kind=InvoiceLine.Kind.OTHER,
        text=text,
        since=row.month,
        until=month_end(row.month),
        amount_gbp=amount,
    )
    return invoice_draft(row.organisation_id, row.month)


@transaction.atomic
def line_remove(invoice: Invoice, line_id: int) -> Invoice:
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if row.is_closed:
        raise InvoiceClosed
    row.lines.filter(pk=line_id, kind=InvoiceLine.Kind.OTHER).delete()
    return invoice_draft(row.organisation_id, row.month)


def customer_of(organisation_id: UUID) -> dict[str, Any]:
    row = BillingDetails.objects.filter(organisation_id=organisation_id).first()
    return {name: getattr(row, name) for name in CUSTOMER} if row else {}


def label_of(organisation_id: UUID) -> str:
    name = Organisation.objects.filter(pk=organisation_id).values_list("name", flat=True).first()
    return str(name or label_in_ledger(organisation_id))[:120]


def organisations_in(month: date) -> set[UUID]:
    """Those that had a plan or called something."""
    plans = PlanPeriod.objects.filter(since__lte=month_end(month)).exclude(until__lt=month)
    used = DailyUsage.objects.filter(day__range=(month, month_end(month)))
    return {
        *plans.order_by().values_list("organisation_id", flat=True).distinct(),
        *used.order_by().values_list("organisation_id", flat=True).distinct(),
    }
