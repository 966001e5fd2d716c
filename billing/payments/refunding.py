"""Giving money back: once for each key."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.payments.errors import PaymentNotFound, PaymentsRefused, RefundNotPossible
from billing.payments.gateway import GatewayRefund
from billing.payments.models import Payment, PaymentRefund
from billing.payments.pence import pence_of
from billing.payments.registry import the_gateway
from billing.payments.settling import payment_learn

State = PaymentRefund.State
KEY_HOLDS = timedelta(hours=20)  # the provider knows a key for a day at least


def payment_refund(*, payment_id: UUID, amount: Decimal, key: str) -> Payment:
    """Give `amount` pounds back. The key, such as a credit note's id, makes a repeat harmless.

    Not inside a transaction. Raises PaymentsOff, PaymentNotFound, RefundNotPossible, PaymentsRefused,
    PaymentsUnavailable; after the last it may have been done, and a repeat finds out.
    """
    the_gateway()
    refund = refund_claim(payment_id=payment_id, amount=amount, key=key)
    if refund.state == State.FAILED:
        raise RefundNotPossible("This refund failed. Ask for it anew.", detail=str(refund.pk))
    return refund_ask(refund) if refund.state == State.STARTED else refund.payment


@transaction.atomic(durable=True)
def refund_claim(*, payment_id: UUID, amount: Decimal, key: str) -> PaymentRefund:
    payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if payment is None:
        raise PaymentNotFound(detail=str(payment_id))
    if known := PaymentRefund.objects.filter(key=key).first():
        if (known.payment_id, known.amount) != (payment.pk, amount):
            raise RefundNotPossible(detail=f"key {key} is of another refund")
        return known
    under_way = sum((one.amount for one in payment.refunds.filter(state=State.STARTED)), Decimal(0))
    if amount <= 0 or amount > payment.left - under_way:
        raise RefundNotPossible(f"At most £{max(payment.left - under_way, Decimal(0)):,.2f} can be refunded.")
    pence_of(amount)
    audit(
        Action.PAYMENT_REFUNDED,
        target=payment.invoice_number,
        target_id=str(payment.pk),
        detail={"amount_gbp": str(amount), "organisation": str(payment.organisation_id)},
    )
    return PaymentRefund.objects.create(payment=payment, key=key, amount=amount)


def refund_ask(refund: PaymentRefund) -> Payment:
    """One that is too old for its key is looked for, and never asked for again."""
    found = refund_find(refund)
    if found is None and refund.created_at < timezone.now() - KEY_HOLDS:
        refund_close(refund, State.FAILED)
        raise RefundNotPossible("This refund was never made. Ask for it anew.", detail=str(refund.pk))
    made = found or refund_make(refund)
    seen = the_gateway().payment(refund.payment.gateway_id)
    with transaction.atomic():  # at once, or the next claim would find room that is taken
        payment = payment_learn(refund.payment_id, seen)
        refund_close(refund, State.FAILED if made.is_failed else State.DONE, made.id)
    return payment


def refund_make(refund: PaymentRefund) -> GatewayRefund:
    pence, key = pence_of(refund.amount), f"vena-refund-{refund.pk}"
    try:
        return the_gateway().refund(refund.payment.gateway_id, pence, refund_id=refund.pk, key=key)
    except PaymentsRefused:
        refund_close(refund, State.FAILED)
        raise


def refund_find(refund: PaymentRefund) -> GatewayRefund | None:
    listed = the_gateway().refunds_of(refund.payment.gateway_id)
    return next((one for one in listed if one.refund_id == refund.pk), None)


def refund_close(refund: PaymentRefund, state: PaymentRefund.State, gateway_id: str = "") -> None:
    refund.state, refund.gateway_id = state, gateway_id
    refund.save(update_fields=["state", "gateway_id"])
