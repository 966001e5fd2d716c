"""Every night what the provider has is held against what we have. A difference is mended where it can be, and told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from billing.payments.errors import EventNotHandled, PaymentDiffers, PaymentsRefused, RefundNotPossible
from billing.payments.events import event_handle
from billing.payments.gateway import GatewayPayment
from billing.payments.models import GatewayEvent, Payment, PaymentRefund
from billing.payments.reading import payment_for, payment_read, payment_restore
from billing.payments.refunding import refund_ask
from billing.payments.registry import gateway, the_gateway
from billing.payments.settling import payment_fail, payment_learn

logger = logging.getLogger(__name__)
State = Payment.State
DAYS = 5  # the provider repeats an event for three
SETTLES_WITHIN = timedelta(hours=1)  # a row that was begun longer ago has no process any more
GIVEN_UP_AFTER = timedelta(days=30)
CLOCKS = timedelta(minutes=10)  # ours and the provider's differ by less


@dataclass(frozen=True, slots=True)
class Difference:
    gateway_id: str
    invoice_number: str
    was: str
    is_now: str


def payments_reconcile(days: int = DAYS) -> list[Difference]:
    """What differed. Does nothing without a provider."""
    if gateway() is None:
        return []
    since = first_moment(days)
    found = [*compare_payments(since), *end_lost(since), *compare_open(), *compare_refunds(since)]
    events_again()
    for one in found:
        facts = {"gateway_payment": one.gateway_id, "invoice": one.invoice_number, "had": one.was, "true": one.is_now}
        logger.error("payments.differed", extra=facts)
    return found


def first_moment(days: int) -> datetime:
    """Far enough back for every row whose answer we never got."""
    usual = timezone.now() - timedelta(days=days)
    oldest = Payment.objects.filter(state=State.STARTED).order_by("created_at").first()
    return min(usual, oldest.created_at - CLOCKS) if oldest else usual


def compare_payments(since: datetime) -> Iterator[Difference]:
    for seen in the_gateway().payments_since(since):
        yield from compare(seen)


def compare(seen: GatewayPayment) -> Iterator[Difference]:
    try:
        before = payment_for(seen)
        payment = before or payment_restore(seen)
        if payment is None:
            return
        after = payment_learn(payment.pk, seen)
    except PaymentDiffers as error:
        yield Difference(seen.id, seen.invoice_number, "another payment", error.detail)
        return
    was, now = summary(before) if before else "no row", summary(after)
    if was != now:
        yield Difference(seen.id, after.invoice_number, was, now)
    elif after.is_final and after.state != seen.standing:
        yield Difference(seen.id, after.invoice_number, was, f"{seen.standing} at the provider")


def summary(payment: Payment) -> str:
    return f"{payment.state}, £{payment.refunded} refunded"


def end_lost(since: datetime) -> Iterator[Difference]:
    """Asked for long ago, and not among the provider's payments since: the question never arrived."""
    long_ago = timezone.now() - SETTLES_WITHIN
    for payment in Payment.objects.filter(state=State.STARTED, created_at__gt=since, asked_at__lt=long_ago):
        sentence = "The payment provider was not reached. Nothing was charged."
        after = payment_fail(payment.pk, code="not_sent", sentence=sentence, asked_before=long_ago)
        if after.is_final:
            yield Difference("", payment.invoice_number, summary(payment), summary(after))


def compare_open() -> Iterator[Difference]:
    """Those that take their time, such as direct debits: older than what was listed."""
    for payment in Payment.objects.filter(state__in=[State.PROCESSING, State.NEEDS_ACTION]):
        yield from compare_again(payment.gateway_id)


def compare_refunds(since: datetime) -> Iterator[Difference]:
    """Refunds of payments older than what was listed, then those of our own that nobody has finished."""
    for gateway_id in {one.payment for one in the_gateway().refunds_since(since) if one.payment}:
        yield from compare_again(gateway_id)
    long_ago = timezone.now() - SETTLES_WITHIN
    unfinished = PaymentRefund.objects.filter(state=PaymentRefund.State.STARTED, created_at__lt=long_ago)
    for refund in unfinished.select_related("payment"):
        try:
            after = refund_ask(refund)
        except (RefundNotPossible, PaymentsRefused, PaymentDiffers) as error:
            logger.error("payments.refund_failed", extra={"refund": str(refund.pk), "reason": error.code})
            continue
        if (was := summary(refund.payment)) != (now := summary(after)):
            yield Difference(after.gateway_id, after.invoice_number, was, now)


def compare_again(gateway_id: str) -> Iterator[Difference]:
    before = Payment.objects.filter(gateway_id=gateway_id).first()
    try:
        after = payment_read(gateway_id)
    except (PaymentDiffers, PaymentsRefused) as error:
        yield Difference(gateway_id, before.invoice_number if before else "", "another payment", error.detail)
        return
    if before and after and summary(before) != summary(after):
        yield Difference(gateway_id, after.invoice_number, summary(before), summary(after))


def events_again() -> None:
    """Those that failed each time they came."""
    since = timezone.now() - GIVEN_UP_AFTER
    for event in GatewayEvent.objects.filter(handled_at__isnull=True, received_at__gt=since):
        try:
            event_handle(event)
        except EventNotHandled as error:
            logger.warning("payments.event_still_fails", extra={"gateway_event": event.pk, "detail": error.detail})
