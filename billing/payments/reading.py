"""From a payment at the provider to ours."""

from __future__ import annotations

import logging

from django.db import IntegrityError, transaction

from billing.payments.errors import PaymentDiffers
from billing.payments.gateway import GatewayPayment
from billing.payments.models import Payment, PaymentAccount
from billing.payments.pence import pounds_of
from billing.payments.registry import the_gateway
from billing.payments.settling import payment_learn

logger = logging.getLogger(__name__)


def payment_read(gateway_id: str) -> Payment | None:
    """Read it anew at the provider and write what it says. None: it is none of ours."""
    seen = the_gateway().payment(gateway_id)
    payment = payment_for(seen) or payment_restore(seen)
    return payment_learn(payment.pk, seen) if payment else None


def payment_for(seen: GatewayPayment) -> Payment | None:
    """By the provider's id; else, where its answer never reached our row, by the id that we gave it."""
    known = Payment.objects.filter(gateway_id=seen.id).first()
    if known is None and seen.payment_id:
        known = Payment.objects.filter(pk=seen.payment_id, customer=seen.customer).first()
    return known


def payment_restore(seen: GatewayPayment) -> Payment | None:
    """A row that was lost, as by a database that came back from yesterday's copy, is written again from what the
    payment carries. Only for a customer of ours, and only where the payment says the same organisation."""
    account = PaymentAccount.objects.filter(customer=seen.customer).first()
    if account is None or not seen.payment_id or not seen.invoice_id:
        return None
    facts = {"gateway_payment": seen.id, "invoice": seen.invoice_number, "standing": str(seen.standing)}
    if seen.organisation_id != account.organisation_id:
        logger.error("payments.of_another", extra=facts)
        raise PaymentDiffers(detail=f"{seen.id} is of another organisation")
    logger.error("payments.row_missing", extra=facts)
    try:
        with transaction.atomic():
            return Payment.objects.create(
                id=seen.payment_id,
                organisation_id=account.organisation_id,
                invoice_id=seen.invoice_id,
                invoice_number=seen.invoice_number,
                attempt=max(seen.attempt, 1),
                amount=pounds_of(seen.pence),
                customer=seen.customer,
                created_at=seen.created,
            )
    except IntegrityError:
        raise PaymentDiffers(detail=f"{seen.id} is beside another payment of its invoice") from None
