"""Collecting an invoice: once, whoever asks how often, and whatever breaks in between.

A row is written and committed, then the provider is asked with the row's key, then its answer is written. So two
processes at once find one row; a repeat after a lost answer asks with the same key and the same words, which is the
same payment at the provider; and a row whose process died is found by `reconciling`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.payments.accounts import chargeable_account
from billing.payments.errors import NoPaymentMethod, PaymentDiffers, PaymentsRefused, PaymentsUnavailable
from billing.payments.gateway import ChargeOrder, Standing
from billing.payments.models import Payment, PaymentAccount
from billing.payments.pence import pence_of
from billing.payments.registry import the_gateway
from billing.payments.settling import payment_fail, payment_learn
from tenants.models import Organisation

logger = logging.getLogger(__name__)
State = Payment.State
LEASE = timedelta(minutes=3)  # longer than one charge takes with all its repeats
KEY_HOLDS = timedelta(hours=20)  # the provider knows a key for a day at least
PAUSE = timedelta(minutes=1)  # who asks again so soon after a refusal, with the same method, gets the same answer
ENDED = {State.FAILED, State.NEEDS_ACTION}


def invoice_charge(*, organisation: Organisation, invoice_id: UUID, number: str, amount: Decimal) -> Payment:
    """The payment of this invoice, in whatever state: look at `state`, or wait for `outcomes`.

    May be repeated, at once or later. One that is being paid or is paid is not charged again; after a refusal a repeat
    is a new attempt. Not inside a transaction: the row has to outlive what comes. Raises PaymentsOff, NoPaymentMethod,
    PaymentDiffers, PaymentsUnavailable; after the last the invoice may be paid, and a repeat finds out.
    """
    the_gateway()
    account = chargeable_account(organisation)
    pence_of(amount)
    last = last_of(invoice_id)
    if last and is_to_be_tried_again(last, account.method):
        make_unpayable(last)
    payment, is_ours_to_ask = payment_claim(account=account, invoice_id=invoice_id, number=number, amount=amount)
    return payment_ask(payment) if is_ours_to_ask else payment


def last_of(invoice_id: UUID) -> Payment | None:
    return Payment.objects.filter(invoice_id=invoice_id).order_by("-attempt").first()


def is_to_be_tried_again(last: Payment, method: str) -> bool:
    if last.state not in ENDED:
        return False
    return last.method != method or last.created_at < timezone.now() - PAUSE


def make_unpayable(last: Payment) -> None:
    """Before a new attempt nobody can pay the old one any more; unless it is paid by now."""
    if not last.gateway_id:
        return
    seen = the_gateway().withdraw(last.gateway_id)
    known = payment_learn(last.pk, seen)
    if seen.standing in {Standing.SUCCEEDED, Standing.PROCESSING} and known.state == State.FAILED:
        raise PaymentDiffers(detail=f"{last.pk} failed here and is {seen.standing} there")


@transaction.atomic(durable=True)
def payment_claim(*, account: PaymentAccount, invoice_id: UUID, number: str, amount: Decimal) -> tuple[Payment, bool]:
    """The invoice's live payment, a new one if there is none; and whether it is the caller's to ask the provider."""
    row = PaymentAccount.objects.select_for_update().get(pk=account.pk)  # one claim of an organisation at a time
    if not row.method:
        raise NoPaymentMethod(detail=str(row.organisation_id))
    last = last_of(invoice_id)
    if last and not is_to_be_tried_again(last, row.method):
        check_same(last, organisation_id=row.organisation_id, amount=amount)
        return last, lease_take(last)
    if last and last.state != State.FAILED:
        return last, False  # somebody else withdraws it right now
    payment = Payment.objects.create(
        organisation_id=row.organisation_id,
        invoice_id=invoice_id,
        invoice_number=number,
        attempt=last.attempt + 1 if last else 1,
        amount=amount,
        customer=row.customer,
        method=row.method,
    )
    return payment, True


def check_same(last: Payment, *, organisation_id: UUID, amount: Decimal) -> None:
    if last.state != State.FAILED and (last.amount, last.organisation_id) != (amount, organisation_id):
        logger.error("payments.asked_otherwise", extra={"payment": str(last.pk), "invoice": last.invoice_number})
        raise PaymentDiffers(detail=f"{last.pk}: £{last.amount}, now £{amount}")


def lease_take(payment: Payment) -> bool:
    """One that was begun and not answered is asked about again, by one at a time, while the provider knows its key."""
    now = timezone.now()
    if payment.state != State.STARTED or payment.created_at < now - KEY_HOLDS:
        return False
    free = Payment.objects.filter(pk=payment.pk, state=State.STARTED, asked_at__lte=now - LEASE)
    return bool(free.update(asked_at=now))


def payment_ask(payment: Payment) -> Payment:
    try:
        seen = the_gateway().charge(order_of(payment), key=payment.key)
    except PaymentsUnavailable:
        # Free for whoever repeats it; that it was asked a moment ago stays known.
        Payment.objects.filter(pk=payment.pk, state=State.STARTED).update(asked_at=timezone.now() - LEASE)
        raise
    except PaymentsRefused as refused:
        return payment_fail(payment.pk, code=refused.reason, sentence=refused.text)
    return payment_learn(payment.pk, seen)


def order_of(payment: Payment) -> ChargeOrder:
    return ChargeOrder(
        customer=payment.customer,
        method=payment.method,
        pence=pence_of(payment.amount),
        payment_id=payment.pk,
        invoice_id=payment.invoice_id,
        invoice_number=payment.invoice_number,
        organisation_id=payment.organisation_id,
        attempt=payment.attempt,
        description=f"Vena invoice {payment.invoice_number}",
    )
