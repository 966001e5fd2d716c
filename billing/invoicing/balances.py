"""What is still open of an invoice, and who owes something for too long."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from billing.models import Invoice, InvoicePayment

MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=12, decimal_places=2)


def with_balance(rows: QuerySet[Invoice]) -> QuerySet[Any]:
    """`credited`, `paid` and `open`, in pounds. One statement for however many."""
    credits = Invoice.objects.filter(corrects=OuterRef("pk"), state=Invoice.State.CLOSED).order_by()
    payments = InvoicePayment.objects.filter(invoice=OuterRef("pk")).order_by()
    return rows.annotate(
        credited=summed(credits.values("corrects").annotate(sum=Sum("total_gbp")).values("sum")),
        paid=summed(payments.values("invoice").annotate(sum=Sum("amount_gbp")).values("sum")),
    ).annotate(open=F("total_gbp") - F("credited") - F("paid"))


def summed(query: QuerySet[Invoice, object] | QuerySet[InvoicePayment, object]) -> Coalesce:
    return Coalesce(Subquery(query, output_field=MONEY), Value(Decimal(0)), output_field=MONEY)


def open_amount(invoice: Invoice) -> Decimal:
    if invoice.kind != Invoice.Kind.INVOICE or not invoice.is_closed:
        return Decimal(0)
    found: Decimal = with_balance(Invoice.objects.filter(pk=invoice.pk)).values_list("open", flat=True).get()
    return found


def unpaid() -> QuerySet[Any]:
    rows = Invoice.objects.filter(kind=Invoice.Kind.INVOICE, state=Invoice.State.CLOSED)
    return with_balance(rows).filter(open__gt=0)


def overdue_organisations(on: date) -> set[UUID]:
    return set(unpaid().filter(due_on__lt=on).order_by().values_list("organisation_id", flat=True))


def is_overdue(organisation_id: UUID, on: date) -> bool:
    return unpaid().filter(organisation_id=organisation_id, due_on__lt=on).exists()
