"""Collecting an invoice over the real SDK: paid, refused, asked twice, broken off in between."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing.models import Payment, PaymentAccount
from billing.payments import outcomes
from billing.payments.actions import checkout_start, invoice_charge, method_refresh
from billing.payments.errors import NoPaymentMethod, PaymentDiffers, PaymentsOff, PaymentsUnavailable
from billing.tests.payments.conftest import without_triggers
from billing.tests.payments.stripe_server import ASKS, DECLINED, StripeServer
from tenants.models import Organisation

State = Payment.State
Charge = Callable[..., Payment]


def some_time_later(payment: Payment) -> None:
    """Longer ago than a repeat of a refusal is taken for the same question."""
    with without_triggers():
        Payment.objects.filter(pk=payment.pk).update(created_at=timezone.now() - timedelta(hours=1))


def test_an_invoice_is_paid(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    account = with_card(acme)
    payment = charge(acme, "49.20")
    row = Payment.objects.get()
    assert (row.pk, row.state, row.amount, row.organisation_id) == (payment.pk, "succeeded", Decimal("49.20"), acme.pk)
    assert row.settled_at is not None
    intent = stripe.payments()[0]
    assert (intent.id, intent.amount, intent.currency, intent.customer) == (
        row.gateway_id,
        4920,
        "gbp",
        account.customer,
    )
    assert intent.description == "Vena invoice V-2026-0001"
    assert intent.metadata["vena_invoice"] == str(row.invoice_id)
    assert (heard.settled, heard.failed) == ([row.pk], [])


def test_a_paid_invoice_is_not_charged_again(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme)
    invoice = uuid4()
    first, again = charge(acme, invoice_id=invoice), charge(acme, invoice_id=invoice)
    assert first.pk == again.pk
    assert len(stripe.payments()) == 1
    assert heard.settled == [first.pk]
    with pytest.raises(PaymentDiffers):
        charge(acme, "50.00", invoice_id=invoice)
    assert len(stripe.payments()) == 1


def test_a_refused_card(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme, DECLINED)
    invoice = uuid4()
    payment = charge(acme, invoice_id=invoice)
    assert (payment.state, payment.failure_code) == ("failed", "card_declined")
    assert payment.failure_sentence == "Your card was declined."
    assert payment.gateway_id == stripe.payments()[0].id
    assert (heard.settled, heard.failed) == ([], [payment.pk])
    assert charge(acme, invoice_id=invoice).pk == payment.pk  # asked again at once: the same answer
    assert len(stripe.payments()) == 1


def test_another_card_is_tried_at_once_and_the_old_attempt_can_not_be_paid_any_more(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    invoice = uuid4()
    with_card(acme, DECLINED)
    first = charge(acme, invoice_id=invoice)
    with_card(acme)
    second = charge(acme, invoice_id=invoice)
    assert (second.state, second.attempt) == ("succeeded", 2)
    assert {one.id: one.status for one in stripe.payments()} == {
        first.gateway_id: "canceled",
        second.gateway_id: "succeeded",
    }
    assert (heard.settled, heard.failed) == ([second.pk], [first.pk])


def test_the_same_card_is_tried_again_later(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge
) -> None:
    invoice = uuid4()
    with_card(acme, DECLINED)
    first = charge(acme, invoice_id=invoice)
    some_time_later(first)
    second = charge(acme, invoice_id=invoice)
    assert (second.state, second.attempt) == ("failed", 2)
    assert len(stripe.payments()) == 2


def test_a_bank_that_wants_the_customer(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    invoice = uuid4()
    with_card(acme, ASKS)
    payment = charge(acme, invoice_id=invoice)
    assert (payment.state, payment.failure_code) == ("needs_action", "authentication_required")
    assert (heard.needs_action, heard.failed) == ([payment.pk], [])
    with_card(acme)
    paid = charge(acme, invoice_id=invoice)
    payment.refresh_from_db()
    assert (payment.state, paid.state) == ("failed", "succeeded")
    assert [one.status for one in stripe.payments()] == ["canceled", "succeeded"]


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_direct_debit_takes_its_time(
    acme: Organisation, stripe: StripeServer, charge: Charge, heard: SimpleNamespace, deliver: Any, is_paid: bool
) -> None:
    url = checkout_start(organisation=acme, back="https://acme.example/")
    stripe.fill_in_debit(url.rpartition("/")[2])
    method_refresh(organisation=acme)
    account = PaymentAccount.objects.get()
    assert (account.brand, account.last4, account.expires_year) == ("sepa debit", "3000", None)
    invoice = uuid4()
    payment = charge(acme, invoice_id=invoice)
    assert payment.state == "processing"
    assert charge(acme, invoice_id=invoice).pk == payment.pk
    assert (heard.settled, heard.failed) == ([], [])
    event = stripe.settle(stripe.payments()[0], is_paid=is_paid)
    assert deliver(event).status_code == 200
    assert Payment.objects.get().state == ("succeeded" if is_paid else "failed")
    assert (heard.settled, heard.failed) == (([payment.pk], []) if is_paid else ([], [payment.pk]))


def test_an_answer_that_is_lost_on_its_way(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    """The charge was made, the connection broke: the SDK asks again with the same key."""
    with_card(acme)
    stripe.drops = 1
    payment = charge(acme)
    assert payment.state == "succeeded"
    assert len(stripe.payments()) == 1
    assert stripe.calls.count("POST /v1/payment_intents") == 2
    assert heard.settled == [payment.pk]


def test_answers_that_are_all_lost(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    """Nobody knows whether it was done; the row stays, and whoever repeats it finds the payment that was made."""
    with_card(acme)
    invoice = uuid4()
    stripe.drops = 3
    with pytest.raises(PaymentsUnavailable):
        charge(acme, invoice_id=invoice)
    row = Payment.objects.get()
    assert (row.state, row.gateway_id, heard.settled) == ("started", "", [])
    PaymentAccount.objects.update(method="pm_another")  # meanwhile: the repeat still asks for what was asked
    payment = charge(acme, invoice_id=invoice)
    assert (payment.pk, payment.state) == (row.pk, "succeeded")
    assert len(stripe.payments()) == 1
    assert heard.settled == [row.pk]


def test_a_method_that_is_gone_is_a_refusal(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme)
    PaymentAccount.objects.update(method="pm_gone")
    payment = charge(acme)
    assert (payment.state, payment.failure_code, payment.gateway_id) == ("failed", "resource_missing", "")
    assert heard.failed == [payment.pk]


@pytest.mark.parametrize("number", ["4242424242424242", DECLINED])
def test_eight_at_once_charge_once(
    live_acme: Organisation,
    stripe: StripeServer,
    with_card: Any,
    charge: Charge,
    heard: SimpleNamespace,
    number: str,
) -> None:
    with_card(live_acme, number)
    invoice = uuid4()
    stripe.hold_seconds = 0.3

    def one(_: int) -> Any:
        try:
            return charge(live_acme, invoice_id=invoice).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(one, range(8)))
    assert len(ids) == 1
    assert len(stripe.payments()) == 1
    assert stripe.calls.count("POST /v1/payment_intents") == 1
    assert len(heard.settled) + len(heard.failed) == 1


def test_what_is_told_and_the_payment_stand_or_fall_together(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any, heard: SimpleNamespace
) -> None:
    with_card(acme)

    def broken(payment: Payment) -> None:
        raise ZeroDivisionError

    outcomes.on_settled.append(broken)
    try:
        with pytest.raises(ZeroDivisionError):
            charge(acme)
        assert Payment.objects.get().state == "started"
        event = stripe.events_of("payment_intent.succeeded")[0]
        assert deliver(event).status_code == 500
    finally:
        outcomes.on_settled.remove(broken)
    heard.settled.clear()
    assert deliver(event).status_code == 200
    assert Payment.objects.get().state == "succeeded"
    assert len(heard.settled) == 1


def test_no_key_and_no_card(acme: Organisation, stripe: StripeServer, charge: Charge, settings: Any) -> None:
    with pytest.raises(NoPaymentMethod):
        charge(acme)
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(PaymentsOff):
        charge(acme)
    assert not Payment.objects.exists()


@pytest.mark.parametrize("amount", ["0.005", "-1", "1000000", "NaN"])
def test_what_can_not_be_paid_is_no_payment(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, amount: str
) -> None:
    with_card(acme)
    with pytest.raises(ValueError):
        charge(acme, amount)
    assert not Payment.objects.exists()


def test_not_inside_a_transaction(live_acme: Organisation, stripe: StripeServer, with_card: Any) -> None:
    with_card(live_acme)
    with pytest.raises(RuntimeError), transaction.atomic():
        invoice_charge(organisation=live_acme, invoice_id=uuid4(), number="V-1", amount=Decimal(1))
    assert not stripe.payments()


@pytest.mark.parametrize("change", [{"state": "failed"}, {"amount": Decimal(1)}, {"gateway_id": "pi_other"}])
def test_the_database_keeps_a_payment_that_is_over(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, change: dict[str, Any]
) -> None:
    with_card(acme)
    payment = charge(acme)
    for act in (lambda rows: rows.update(**change), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act(Payment.objects.filter(pk=payment.pk))
    Payment.objects.filter(pk=payment.pk).update(refunded=Decimal("0.01"))
    assert Payment.objects.get().state == "succeeded"
