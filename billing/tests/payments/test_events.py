"""What the provider tells us: signed, once, in any order, and only about whom it is about."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from billing.models import GatewayEvent, Payment, PaymentAccount
from billing.payments.actions import checkout_start
from billing.payments.errors import PaymentDiffers
from billing.payments.registry import the_gateway
from billing.payments.settling import payment_learn
from billing.tests.payments.conftest import BACK, HOOK, setup_of
from billing.tests.payments.stripe_server import DECLINED, StripeServer, body_of, sign
from tenants.models import Organisation

Charge = Callable[..., Payment]


@pytest.fixture
def debit(stripe: StripeServer, acme: Organisation, deliver: Any, charge: Charge) -> tuple[Payment, Any]:
    """A payment that the bank has not answered yet."""
    stripe.fill_in_debit(setup_of(checkout_start(organisation=acme, back=BACK)))
    assert deliver(stripe.events_of("checkout.session.completed")[0]).status_code == 200
    payment = charge(acme)
    assert payment.state == "processing"
    return payment, stripe.payments()[0]


def test_an_event_is_handled_once(
    debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any, heard: SimpleNamespace
) -> None:
    payment, intent = debit
    event = stripe.settle(intent, is_paid=True)
    reads = len(stripe.calls)
    assert [deliver(event).status_code for _ in range(3)] == [200, 200, 200]
    assert len(stripe.calls) == reads + 1
    assert heard.settled == [payment.pk]
    row = GatewayEvent.objects.get(pk=event.id)
    assert (row.type, row.payment, row.object_id) == ("payment_intent.succeeded", intent.id, intent.id)
    assert (row.customer, row.failure) == (intent.customer, "")
    assert row.handled_at is not None


def test_of_an_event_only_ids_are_kept() -> None:
    names = {one.name for one in GatewayEvent._meta.fields}
    assert names == {
        *("id", "type", "created", "received_at", "handled_at"),
        *("failure", "object_id", "customer", "payment"),
    }


def test_a_forged_signature(debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any) -> None:
    payment, intent = debit
    event = stripe.settle(intent, is_paid=True)
    good = sign(body_of(event), "whsec_of_the_tests")
    for answer in (
        deliver(event, secret="whsec_of_somebody"),
        deliver(event, signature=""),
        deliver(event, signature="t=1,v1=00"),
        deliver(event, signature="v1=" + "0" * 64),
        deliver(event, signature=good.replace("v1=", "v0=")),
        deliver(body_of(event) + b" ", signature=good),
        deliver(b"\xff\xfe", secret="whsec_of_somebody"),
    ):
        assert answer.status_code == 400
    payment.refresh_from_db()
    assert payment.state == "processing"
    assert not GatewayEvent.objects.filter(pk=event.id).exists()


def test_a_replay_of_what_was_signed_long_ago(
    debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any, heard: SimpleNamespace
) -> None:
    event = stripe.settle(debit[1], is_paid=True)
    assert deliver(event, at=time.time() - 301).status_code == 400
    assert heard.settled == []
    assert deliver(event, at=time.time() - 200).status_code == 200
    assert heard.settled == [debit[0].pk]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1}', b"no json", b"\xff\xfe", b'{"data":{"object":[]}}'])
def test_what_is_signed_and_no_event(stripe: StripeServer, db: None, deliver: Any, body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        assert deliver(body, signature="t=1,v1=00").status_code == 400
    else:
        assert deliver(body).status_code == 400
    assert not GatewayEvent.objects.exists()


def test_succeeded_before_processing(
    debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any, heard: SimpleNamespace
) -> None:
    """What an event says itself is not believed: the payment is read as it is now."""
    payment, intent = debit
    early = stripe.event("payment_intent.processing", intent)
    late = stripe.settle(intent, is_paid=True)
    assert [deliver(event).status_code for event in (late, early)] == [200, 200]
    assert Payment.objects.get().state == "succeeded"
    assert (heard.settled, heard.failed) == ([payment.pk], [])


def test_what_an_event_claims_is_not_believed(
    debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any, heard: SimpleNamespace
) -> None:
    _, intent = debit
    event = stripe.event("payment_intent.succeeded", intent)
    event.data["object"]["status"] = "succeeded"
    assert deliver(event).status_code == 200
    assert Payment.objects.get().state == "processing"
    assert heard.settled == []


def test_an_event_that_can_not_be_handled_comes_again(
    debit: tuple[Payment, Any], stripe: StripeServer, deliver: Any, heard: SimpleNamespace
) -> None:
    event = stripe.settle(debit[1], is_paid=True)
    stripe.fails = "/v1/payment_intents"
    assert deliver(event).status_code == 500
    row = GatewayEvent.objects.get(pk=event.id)
    assert (row.handled_at, row.failure) == (None, "PaymentsUnavailable")
    stripe.fails = ""
    assert deliver(event).status_code == 200
    row.refresh_from_db()
    assert row.handled_at is not None
    assert row.failure == ""
    assert heard.settled == [debit[0].pk]


def test_an_event_of_one_never_touches_the_other(
    acme: Organisation, globex: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any
) -> None:
    ours, theirs = with_card(acme), with_card(globex, DECLINED)
    mine, foreign = charge(acme), charge(globex)
    kept = (
        PaymentAccount.objects.filter(pk=theirs.pk).values().get(),
        Payment.objects.filter(pk=foreign.pk).values().get(),
    )
    for event in list(stripe.events):
        if getattr(event, "data", {})["object"].get("customer") == ours.customer:
            assert deliver(event).status_code == 200
    assert kept[0] == PaymentAccount.objects.filter(pk=theirs.pk).values().get()
    assert kept[1] == Payment.objects.filter(pk=foreign.pk).values().get()
    mine.refresh_from_db()
    assert mine.state == "succeeded"


def test_a_payment_that_names_the_others_invoice_is_not_taken(
    acme: Organisation, globex: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any
) -> None:
    """Of our customer, with the ids of the other's payment: alerted, handled, and nothing is written."""
    with_card(acme)
    with_card(globex, DECLINED)
    charge(acme)
    foreign = charge(globex)
    kept = list(Payment.objects.order_by("pk").values())
    mine = next(
        one for one in stripe.payments() if one.customer == PaymentAccount.objects.get(organisation=acme).customer
    )
    forged = type(mine)(amount=4920, currency="gbp", customer=mine.customer, payment_method=mine.payment_method)
    forged.metadata = {
        "vena_payment": str(foreign.pk),
        "vena_invoice": str(foreign.invoice_id),
        "vena_organisation": str(globex.pk),
        "vena_attempt": "1",
    }
    forged.latest_charge = mine.latest_charge
    event = stripe.event("payment_intent.succeeded", forged)
    assert deliver(event).status_code == 200
    assert list(Payment.objects.order_by("pk").values()) == kept
    assert GatewayEvent.objects.get(pk=event.id).failure == "payment_differs"


@pytest.mark.parametrize(
    "otherwise",
    [
        {"customer": "cus_of_another"},
        {"id": "pi_another"},
        {"payment_id": uuid4()},
        {"invoice_id": uuid4()},
        {"pence": 4921},
        {"currency": "eur"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_does_not_fit_the_row_changes_nothing(
    debit: tuple[Payment, Any], stripe: StripeServer, heard: SimpleNamespace, otherwise: dict[str, Any]
) -> None:
    payment, intent = debit
    stripe.settle(intent, is_paid=True)
    seen = the_gateway().payment(intent.id)
    with pytest.raises(PaymentDiffers):
        payment_learn(payment.pk, replace(seen, **otherwise))
    payment.refresh_from_db()
    assert (payment.state, heard.settled) == ("processing", [])
    assert payment_learn(payment.pk, seen).state == "succeeded"


def test_a_lost_row_is_not_written_again_for_another_organisation(
    acme: Organisation, globex: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any
) -> None:
    with_card(acme)
    with_card(globex)
    charge(acme)
    mine = stripe.payments()[0]
    forged = type(mine)(amount=100, currency="gbp", customer=mine.customer, payment_method=mine.payment_method)
    forged.metadata = {**mine.metadata, "vena_payment": str(uuid4()), "vena_invoice": str(uuid4())}
    forged.metadata["vena_organisation"] = str(globex.pk)
    event = stripe.event("payment_intent.processing", forged)
    assert deliver(event).status_code == 200
    assert GatewayEvent.objects.get(pk=event.id).failure == "payment_differs"
    assert Payment.objects.count() == 1


def test_a_page_that_was_filled_in_for_another_customer(
    acme: Organisation, globex: Organisation, stripe: StripeServer, deliver: Any
) -> None:
    """The event names their customer and our page: neither gets the card."""
    ours = setup_of(checkout_start(organisation=acme, back=BACK))
    checkout_start(organisation=globex, back=BACK)
    stripe.fill_in(ours)
    event = stripe.events_of("checkout.session.completed")[0]
    event.data["object"]["customer"] = PaymentAccount.objects.get(organisation=globex).customer
    assert deliver(event).status_code == 200
    assert {one.state for one in PaymentAccount.objects.all()} == {"empty"}


def test_payments_of_somebody_elses_business_are_left_alone(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Charge, deliver: Any
) -> None:
    with_card(acme)
    charge(acme)
    mine = stripe.payments()[0]
    other = type(mine)(amount=100, currency="gbp", payment_method=mine.payment_method)
    assert deliver(stripe.event("payment_intent.processing", other)).status_code == 200
    assert deliver(stripe.event("product.created", mine)).status_code == 200
    assert Payment.objects.count() == 1


def test_the_same_event_on_four_connections(
    live_acme: Organisation, stripe: StripeServer, charge: Charge, heard: SimpleNamespace, deliver: Any
) -> None:
    stripe.fill_in_debit(setup_of(checkout_start(organisation=live_acme, back=BACK)))
    deliver(stripe.events_of("checkout.session.completed")[0])
    payment = charge(live_acme)
    event = stripe.settle(stripe.payments()[0], is_paid=True)

    def one(_: int) -> int:
        try:
            return int(deliver(event).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(one, range(4))) == {200}
    assert heard.settled == [payment.pk]


def test_the_door(stripe: StripeServer, acme: Organisation, on_host: Any, deliver: Any, settings: Any) -> None:
    public = on_host(None)
    assert public.get(HOOK).status_code == 405
    assert on_host(acme).post(HOOK).status_code == 404
    assert deliver(b" " * (256 * 1024 + 1)).status_code == 413
    assert deliver(b" " * (3 * 1024 * 1024)).status_code == 413
    settings.VENA_LIMITS = {**settings.VENA_LIMITS, "payment_event": (2, 60)}
    assert [deliver(b"{}").status_code for _ in range(3)][-1] == 429
    settings.STRIPE_SECRET_KEY = ""
    settings.VENA_LIMITS = {**settings.VENA_LIMITS, "payment_event": (1000, 60)}
    assert deliver(b"{}").status_code == 409
