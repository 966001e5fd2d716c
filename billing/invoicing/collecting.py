"""Open invoices and the payment provider: what is charged when, what came, and who hears of a refusal."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from billing.errors import NothingToPay
from billing.invoicing.balances import open_amount, unpaid
from billing.invoicing.payments import payment_told
from billing.invoicing.refusals import tell_of_payment
from billing.models import Invoice, Payment, PaymentAccount
from billing.payments.actions import invoice_charge, payment_refund
from billing.payments.registry import gateway
from tenants.models import Organisation
from tenants.queueing import delay_on_commit
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

AGAIN = timedelta(days=3)  # after a card was refused
TRIES = 4  # by ourselves; after that the organisation is in grace, and pays by hand
WAITING = frozenset({Payment.State.STARTED, Payment.State.PROCESSING, Payment.State.NEEDS_ACTION})


def invoice_collect(organisation: Organisation, invoice: Invoice) -> Payment:
    """What is open of it, from the organisation's own method. Not inside a transaction.

    Raises NothingToPay, and what `invoice_charge` raises.
    """
    amount = open_amount(invoice)
    if amount <= 0 or invoice.number is None:
        raise NothingToPay
    return invoice_charge(organisation=organisation, invoice_id=invoice.pk, number=invoice.number, amount=amount)


def invoices_collect(now: datetime | None = None) -> int:
    """Charge what is open where there is a method. How many were tried."""
    now = now or timezone.now()
    if gateway() is None:
        return 0
    accounts = {
        row.organisation_id: row.organisation
        for row in PaymentAccount.objects.filter(state=PaymentAccount.State.READY).select_related("organisation")
    }
    rows = unpaid().filter(organisation_id__in=accounts).order_by("number")
    return sum(tried(accounts[row.organisation_id], row) for row in rows if is_due(row, now))


def is_due(invoice: Invoice, now: datetime) -> bool:
    attempts = list(Payment.objects.filter(invoice_id=invoice.pk).order_by("created_at"))
    if not attempts:
        return True
    last = attempts[-1]
    return last.state == Payment.State.FAILED and len(attempts) < TRIES and last.created_at < now - AGAIN


def tried(organisation: Organisation, invoice: Invoice) -> bool:
    try:
        invoice_collect(organisation, invoice)
    except VenaError as error:
        facts = {"organisation_id": str(organisation.pk), "invoice": str(invoice), "code": error.code}
        logger.warning("invoices.not_collected", extra={**facts, "detail": error.detail})
        return False
    return True


def overpaid_refund(invoice: Invoice) -> Decimal:
    """What was paid by card and is more than the invoice is worth by now goes back. Not inside a transaction.

    How much. Raises NothingToPay where there is nothing to give back, and what `payment_refund` raises.
    """
    over = -open_amount(invoice)
    paid = Payment.objects.filter(invoice_id=invoice.pk, state=Payment.State.SUCCEEDED).order_by("created_at")
    given = Decimal(0)
    for payment in paid:
        amount = min(over - given, payment.amount - payment.refunded)
        if amount > 0:
            payment_refund(payment_id=payment.pk, amount=amount, key=f"{payment.pk}:{payment.refunded + amount}")
            given += amount
    if not given:
        raise NothingToPay("Nothing was paid by card that is more than the invoice is worth.")
    return given


def last_payment(invoice_id: UUID) -> Payment | None:
    return Payment.objects.filter(invoice_id=invoice_id).order_by("-created_at").first()


# -- what payments tell ---------------------------------------------------------------------------


def on_settled(payment: Payment) -> None:
    entered(payment, payment.amount, f"payment:{payment.pk}")


def on_refunded(payment: Payment, amount: Decimal) -> None:
    entered(payment, -amount, f"refund:{payment.pk}:{payment.refunded}")


def entered(payment: Payment, amount: Decimal, key: str) -> None:
    """A payment for an invoice that is not in the books is for us to look at, and nothing to stop the provider for."""
    if not Invoice.objects.filter(pk=payment.invoice_id).exists():
        logger.error("invoices.payment_without_invoice", extra={"payment": str(payment.pk)})
        return
    day = (payment.settled_at or timezone.now()).date()
    payment_told(payment.invoice_id, amount=amount, paid_on=day, key=key, reference=payment.gateway_id)


def on_failed(payment: Payment) -> None:
    delay_on_commit(tell_of_payment, payment_id=str(payment.pk))
