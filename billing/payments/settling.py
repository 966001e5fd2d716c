"""The one place where a payment's state changes: what the provider says is held against our row, then written.

What is told is always the provider's present answer, read anew, so it does not matter in which order messages come, how
often, or whether one is lost.
"""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.payments import outcomes
from billing.payments.errors import PaymentDiffers
from billing.payments.gateway import CURRENCY, GatewayPayment, Standing
from billing.payments.models import Payment
from billing.payments.pence import pence_of, pounds_of

logger = logging.getLogger(__name__)
State = Payment.State
TOLD = {
    State.SUCCEEDED: outcomes.settled,
    State.FAILED: outcomes.failed,
    State.NEEDS_ACTION: outcomes.needs_action,
}


@transaction.atomic
def payment_learn(payment_id: UUID, seen: GatewayPayment) -> Payment:
    """Raises PaymentDiffers, and changes nothing, when this is not the payment that the row asked for."""
    payment = locked(payment_id)
    if reason := misfit(payment, seen):
        alert(payment, seen, reason)
        raise PaymentDiffers(detail=f"{payment.pk} {seen.id}: {reason}")
    if payment.is_final:
        tell_difference(payment, seen)
    elif payment.state != seen.standing:
        payment.gateway_id = seen.id
        enter(payment, State(seen.standing), seen.failure_code, seen.failure_sentence)
    learn_refunds(payment, pounds_of(seen.refunded_pence))
    return payment


@transaction.atomic
def payment_fail(payment_id: UUID, *, code: str, sentence: str, asked_before: datetime | None = None) -> Payment:
    """For one that the provider refused to begin, or never heard of; the latter only if nobody asks it right now."""
    payment = locked(payment_id)
    if payment.state == State.STARTED and (asked_before is None or payment.asked_at < asked_before):
        enter(payment, State.FAILED, code, sentence)
    return payment


def locked(payment_id: UUID) -> Payment:
    return Payment.objects.select_for_update().get(pk=payment_id)


def enter(payment: Payment, state: Payment.State, code: str, sentence: str) -> None:
    payment.state = state
    payment.failure_code, payment.failure_sentence = code[:80], sentence[:300]
    payment.settled_at = timezone.now() if payment.is_final else None
    payment.save()
    facts = {"payment": str(payment.pk), "invoice": payment.invoice_number, "state": str(state), "failure": code}
    logger.info("payments.changed", extra=facts)
    if told := TOLD.get(state):
        told(payment)


def misfit(payment: Payment, seen: GatewayPayment) -> str:
    if seen.customer != payment.customer:
        return "another customer"
    if payment.gateway_id and payment.gateway_id != seen.id:
        return "another payment of the provider's"
    if (seen.payment_id, seen.invoice_id) != (payment.pk, payment.invoice_id):
        return "another invoice"
    if seen.currency != CURRENCY or seen.pence != pence_of(payment.amount):
        return "another amount"
    return ""


def tell_difference(payment: Payment, seen: GatewayPayment) -> None:
    """A payment that is over stays. That the provider sees it otherwise is for a person to look at, but for answers
    that were on their way when it ended."""
    over = {Standing.SUCCEEDED, Standing.FAILED}
    if seen.standing in over and payment.state != seen.standing:
        alert(payment, seen, "over here otherwise than there")


def learn_refunds(payment: Payment, refunded: Decimal) -> None:
    """As much as the provider says in all, by whoever's hand. A refund that failed there lowers it again."""
    more = refunded - payment.refunded
    if not more or payment.state != State.SUCCEEDED:
        return
    payment.refunded = refunded
    payment.save(update_fields=["refunded"])
    facts = {"payment": str(payment.pk), "invoice": payment.invoice_number, "amount": str(more)}
    if more > 0:
        logger.info("payments.refunded", extra=facts)
        outcomes.refunded(payment, more)
    else:
        logger.error("payments.refund_came_back", extra=facts)


def alert(payment: Payment, seen: GatewayPayment, reason: str) -> None:
    facts = {"payment": str(payment.pk), "invoice": payment.invoice_number, "gateway_payment": seen.id}
    states = {"state": payment.state, "standing": str(seen.standing), "reason": reason}
    logger.error("payments.differs", extra={**facts, **states})
