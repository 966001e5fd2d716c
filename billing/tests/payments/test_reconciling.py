"""What is found at night: lost events, lost answers, lost rows, and what nobody can mend."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from billing.models import GatewayEvent, Payment, PaymentRefund
from billing.payments.actions import checkout_start, payment_refund, payments_reconcile
from billing.payments.errors import PaymentsUnavailable
from billing.payments.registry import the_gateway
from billing.tasks import reconcile_payments
from billing.tests.payments.conftest import BACK, setup_of, without_triggers
from billing.tests.payments.stripe_server import DECLINED, StripeServer
from tenants.models import Organisation

Charge = Callable[..., Payment]


def begun_hours_ago(hours: int) -> None:
    long_ago = timezone.now() - timedelta(hours=hours)
    Payment.objects.filter(state="started").update(created_at=long_ago, asked_at=long_ago)


def test_nothing_to_find(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace, settings: Any
) -> None:
    with_card(acme)
    charge(acme)
    assert payments_reconcile() == []
    settings.STRIPE_SECRET_KEY = ""
    assert payments_reconcile() == []
    assert len(heard.settled) == 1


def test_an_event_that_never_came(
    acme: Organisation,
    stripe: StripeServer,
    charge: Charge,
    heard: SimpleNamespace,
    deliver: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stripe.fill_in_debit(setup_of(checkout_start(organisation=acme, back=BACK)))
    deliver(stripe.events_of("checkout.session.completed")[0])
    payment = charge(acme)
    stripe.settle(stripe.payments()[0], is_paid=True)
    with caplog.at_level(logging.ERROR):
        found = payments_reconcile()
    assert [(one.was, one.is_now) for one in found] == [
        ("processing, £0.00 refunded", "succeeded, £0.00 refunded"),
    ]
    alerts = [one.message for one in caplog.records if one.levelno >= logging.ERROR]
    assert [one for one in alerts if one.startswith("payments.")] == ["payments.differed"]
    assert heard.settled == [payment.pk]
    assert payments_reconcile() == []


def test_a_debit_older_than_what_is_listed(
    acme: Organisation, stripe: StripeServer, charge: Charge, heard: SimpleNamespace, deliver: Any
) -> None:
    stripe.fill_in_debit(setup_of(checkout_start(organisation=acme, back=BACK)))
    deliver(stripe.events_of("checkout.session.completed")[0])
    payment = charge(acme)
    intent = stripe.payments()[0]
    intent.created -= 20 * 86_400
    stripe.settle(intent, is_paid=False)
    reconcile_payments()
    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("failed", "debit_not_authorized")
    assert heard.failed == [payment.pk]


def test_a_process_that_died_between_the_charge_and_the_row(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme)
    stripe.drops = 3
    with pytest.raises(PaymentsUnavailable):
        charge(acme)
    begun_hours_ago(200)  # longer ago than the days that are usually looked at, and than any key is known
    stripe.payments()[0].created -= 200 * 3600
    found = payments_reconcile()
    assert [one.is_now for one in found] == ["succeeded, £0.00 refunded"]
    assert heard.settled == [Payment.objects.get().pk]
    assert len(stripe.payments()) == 1


def test_a_process_that_died_before_the_charge(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme)
    invoice = uuid4()
    stripe.fails = "/v1/payment_intents"
    with pytest.raises(PaymentsUnavailable):
        charge(acme, invoice_id=invoice)
    stripe.fails = ""
    assert payments_reconcile() == []  # it was asked a moment ago: it may be on its way
    assert Payment.objects.get().state == "started"
    begun_hours_ago(2)
    assert [one.is_now for one in payments_reconcile()] == ["failed, £0.00 refunded"]
    lost = Payment.objects.get()
    assert (lost.failure_code, heard.failed) == ("not_sent", [lost.pk])
    assert charge(acme, invoice_id=invoice).attempt == 2
    assert len(stripe.payments()) == 1


def test_a_row_that_was_lost(
    acme: Organisation, globex: Organisation, stripe: StripeServer, with_card: Any, charge: Charge
) -> None:
    """The database came back from an older copy."""
    with_card(acme)
    with_card(globex)
    before = [charge(acme), charge(globex)]
    kept = (
        "id",
        "organisation_id",
        "invoice_id",
        "invoice_number",
        "attempt",
        "amount",
        "state",
        "gateway_id",
        "customer",
    )
    rows = [Payment.objects.filter(pk=one.pk).values(*kept).get() for one in before]
    with without_triggers():
        Payment.objects.all().delete()
    assert {(one.was, one.is_now) for one in payments_reconcile()} == {("no row", "succeeded, £0.00 refunded")}
    assert [Payment.objects.filter(pk=one.pk).values(*kept).get() for one in before] == rows


def test_what_nobody_can_mend_is_told(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    """Failed here, and paid there by somebody's hand: the row stays, and a person has to look, each night."""
    with_card(acme, DECLINED)
    payment = charge(acme)
    intent = stripe.payments()[0]
    intent.latest_charge.status = "succeeded"
    for _ in range(2):
        assert [one.is_now for one in payments_reconcile()] == ["succeeded at the provider"]
    payment.refresh_from_db()
    assert payment.state == "failed"
    assert heard.settled == []


def test_a_refund_that_was_not_heard_of(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, heard: SimpleNamespace
) -> None:
    with_card(acme)
    payment = charge(acme)
    stripe.payments()[0].created -= 60 * 86_400  # an old payment, refunded today
    the_gateway().refund(payment.gateway_id, 500, refund_id=uuid4(), key="by-hand")
    assert [one.is_now for one in payments_reconcile()] == ["succeeded, £5.00 refunded"]
    assert heard.refunded == [(payment.pk, Decimal("5.00"))]


@pytest.mark.parametrize("was_made", [True, False])
def test_a_refund_whose_process_died(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, was_made: bool
) -> None:
    with_card(acme)
    payment = charge(acme)
    stripe.drop_path, stripe.drops = "/v1/refunds", 3
    stripe.fails = "" if was_made else "/v1/refunds"
    try:
        with pytest.raises(PaymentsUnavailable):
            payment_refund(payment_id=payment.pk, amount=Decimal(10), key="note-1")
    finally:
        stripe.drop_path, stripe.drops, stripe.fails = "/v1/payment_intents", 0, ""
    PaymentRefund.objects.update(created_at=timezone.now() - timedelta(hours=30))  # no key is known any more
    payments_reconcile()
    payment.refresh_from_db()
    assert PaymentRefund.objects.get().state == ("done" if was_made else "failed")
    assert payment.refunded == (10 if was_made else 0)
    assert len(stripe.refunds()) == int(was_made)


def test_events_that_failed_each_time(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any
) -> None:
    with_card(acme)
    stripe.fails = "/v1/customers"
    event = stripe.events_of("customer.updated")[-1]
    assert deliver(event).status_code == 500
    stripe.fails = ""
    payments_reconcile()
    assert GatewayEvent.objects.get(pk=event.id).handled_at is not None


def test_more_payments_than_one_page_holds(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge
) -> None:
    with_card(acme)
    charge(acme)
    first = stripe.payments()[0]
    for _ in range(240):
        type(first)(amount=100, currency="gbp")
    since = timezone.now() - timedelta(days=1)
    seen = [one.id for one in the_gateway().payments_since(since)]
    assert sorted(seen) == sorted(one.id for one in stripe.payments())
    assert list(the_gateway().payments_since(timezone.now() + timedelta(days=1))) == []


def test_operators_see_it_and_change_nothing(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any, on_host: Any
) -> None:
    with_card(acme)
    payment = charge(acme)
    payment_refund(payment_id=payment.pk, amount=Decimal(1), key="note-1")
    deliver(stripe.events_of("payment_intent.succeeded")[0])
    User.objects.create_superuser("operator@vena.example", "correct horse battery")
    host = on_host(None)
    host.sign_in("operator@vena.example")
    for model, shown in {
        "payment": "V-2026-0001",
        "paymentaccount": "visa •••• 4242",
        "paymentrefund": "1.00",
        "gatewayevent": "payment_intent.succeeded",
    }.items():
        page = host.get(f"/admin/billing/{model}/")
        assert page.status_code == 200
        assert shown in page.content.decode()
        assert host.get(f"/admin/billing/{model}/add/").status_code == 403
    assert host.get(f"/admin/billing/payment/{payment.pk}/change/").status_code == 200
    assert host.post(f"/admin/billing/payment/{payment.pk}/change/", {"state": "failed"}).status_code == 403
    assert host.post(f"/admin/billing/payment/{payment.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Payment.objects.get().state == "succeeded"
