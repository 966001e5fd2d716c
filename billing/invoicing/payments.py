"""Money that came for an invoice: entered by an operator, or told by whoever collects it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.errors import PaymentNotPossible
from billing.invoicing.balances import is_overdue, open_amount
from billing.models import Invoice, InvoicePayment
from billing.plans.actions import subscription_paid

Way = InvoicePayment.Way


@transaction.atomic
def payment_enter(
    invoice: Invoice, *, amount: Decimal, paid_on: date, way: str = Way.TRANSFER, reference: str = "", by: str = ""
) -> InvoicePayment:
    """By hand. Below zero: money that went back. Raises PaymentNotPossible."""
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    is_payable = row.kind == Invoice.Kind.INVOICE and row.is_closed
    if not is_payable or not amount or amount > open_amount(row) or paid_on > timezone.now().date():
        raise PaymentNotPossible
    return written(row, amount, paid_on, way, reference, f"hand:{uuid4()}", by)


@transaction.atomic
def payment_told(
    invoice_id: UUID, *, amount: Decimal, paid_on: date, key: str, reference: str = ""
) -> InvoicePayment | None:
    """By whoever collects. A key that is known changes nothing. What is paid twice is kept: it is theirs, and shows as
    less than nothing open."""
    row = Invoice.objects.select_for_update().get(pk=invoice_id)
    if InvoicePayment.objects.filter(key=key).exists():
        return None
    return written(row, amount, paid_on, Way.CARD, reference, key, "")


def written(
    row: Invoice, amount: Decimal, paid_on: date, way: str, reference: str, key: str, by: str
) -> InvoicePayment:
    payment = InvoicePayment.objects.create(
        invoice=row, amount_gbp=amount, paid_on=paid_on, way=way, reference=reference, key=key, made_by=by
    )
    audit(
        Action.INVOICE_PAID,
        target=row.number or "",
        target_id=str(row.pk),
        organisation=row.organisation_label,
        detail={"amount_gbp": str(amount), "way": str(way)},
    )
    settle(row.organisation_id)
    return payment


def settle(organisation_id: UUID) -> None:
    """Who owes nothing for too long any more is open again."""
    if not is_overdue(organisation_id, timezone.now().date()):
        subscription_paid(organisation_id)
