"""What the payment provider tells us by itself. Each event is stored once; what it is about is read there anew."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.utils import timezone

from billing.payments.accounts import account_read, setup_finish
from billing.payments.errors import EventNotHandled, PaymentDiffers
from billing.payments.gateway import Notice
from billing.payments.models import GatewayEvent, PaymentAccount
from billing.payments.reading import payment_read
from billing.payments.registry import the_gateway

logger = logging.getLogger(__name__)


def event_receive(*, body: bytes, signature: str) -> None:
    """Raises PaymentsOff, BadSignature, and EventNotHandled for one that has to come again."""
    notice = the_gateway().event_of(body, signature)
    event = event_store(notice)
    if event.handled_at is None:
        event_handle(event)


def event_store(notice: Notice) -> GatewayEvent:
    values = {
        "type": notice.type,
        "created": notice.created,
        "object_id": notice.object_id,
        "customer": notice.customer,
        "payment": notice.payment,
    }
    return GatewayEvent.objects.get_or_create(pk=notice.id, defaults=values)[0]


def event_handle(event: GatewayEvent) -> None:
    """May be repeated: handlers read what is now. A difference was alerted, and comes out no better by a repeat."""
    handler = HANDLERS.get(event.type)
    try:
        if handler:
            handler(event)
        failure = ""
    except PaymentDiffers as error:
        failure = error.code
    except Exception as error:
        logger.exception("payments.event_failed", extra={"gateway_event": event.pk, "type": event.type})
        GatewayEvent.objects.filter(pk=event.pk).update(failure=type(error).__name__)
        raise EventNotHandled(detail=f"{event.pk}: {type(error).__name__}") from None
    GatewayEvent.objects.filter(pk=event.pk).update(handled_at=timezone.now(), failure=failure)


def payment_changed(event: GatewayEvent) -> None:
    if event.payment:
        payment_read(event.payment)


def payment_disputed(event: GatewayEvent) -> None:
    """For a person: the money is taken back until the bank has decided."""
    facts = {
        "gateway_event": event.pk,
        "type": event.type,
        "gateway_payment": event.payment,
        "dispute": event.object_id,
    }
    logger.error("payments.disputed", extra=facts)
    payment_changed(event)


def setup_filled(event: GatewayEvent) -> None:
    account = PaymentAccount.objects.filter(customer=event.customer).first()
    if account:
        setup_finish(account, event.object_id)
        account_read(account)


def customer_changed(event: GatewayEvent) -> None:
    account = PaymentAccount.objects.filter(customer=event.customer).first() if event.customer else None
    if account:
        account_read(account)


def method_taken_away(event: GatewayEvent) -> None:
    """A method that is detached names no customer any more."""
    account = PaymentAccount.objects.filter(method=event.object_id).first()
    if account:
        account_read(account)


HANDLERS: dict[str, Callable[[GatewayEvent], None]] = {
    "checkout.session.completed": setup_filled,
    "customer.updated": customer_changed,
    "customer.deleted": customer_changed,
    "payment_method.attached": customer_changed,
    "payment_method.updated": customer_changed,
    "payment_method.automatically_updated": customer_changed,
    "payment_method.detached": method_taken_away,
    "payment_intent.processing": payment_changed,
    "payment_intent.requires_action": payment_changed,
    "payment_intent.succeeded": payment_changed,
    "payment_intent.payment_failed": payment_changed,
    "payment_intent.canceled": payment_changed,
    "charge.refunded": payment_changed,
    "charge.refund.updated": payment_changed,
    "refund.created": payment_changed,
    "refund.updated": payment_changed,
    "refund.failed": payment_changed,
    "charge.dispute.created": payment_disputed,
    "charge.dispute.funds_withdrawn": payment_disputed,
    "charge.dispute.closed": payment_disputed,
}
