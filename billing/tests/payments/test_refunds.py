"""Money that goes back: in part, in whole, once for each key, by whoever's hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.audit.models import AuditEvent
from billing.models import Payment, PaymentRefund
from billing.payments.actions import payment_refund
from billing.payments.errors import PaymentNotFound, PaymentsUnavailable, RefundNotPossible
from billing.payments.registry import the_gateway
from billing.tests.payments.stripe_server import DECLINED, StripeServer
from tenants.models import Organisation


@pytest.fixture
def paid(acme: Organisation, stripe: StripeServer, with_card: Any, charge: Callable[..., Payment]) -> Payment:
    with_card(acme)
    return charge(acme, "49.20")


def test_in_part_then_the_rest(paid: Payment, stripe: StripeServer, heard: SimpleNamespace, deliver: Any) -> None:
    assert payment_refund(payment_id=paid.pk, amount=Decimal("9.20"), key="note-1").refunded == Decimal("9.20")
    assert payment_refund(payment_id=paid.pk, amount=Decimal(40), key="note-2").left == 0
    for event in stripe.events_of("charge.refunded"):
        assert deliver(event).status_code == 200
    row = Payment.objects.get()
    assert (row.state, row.refunded) == ("succeeded", Decimal("49.20"))
    assert heard.refunded == [(paid.pk, Decimal("9.20")), (paid.pk, Decimal("40.00"))]
    assert {one.amount for one in stripe.refunds()} == {920, 4000}
    assert {one.state for one in PaymentRefund.objects.all()} == {"done"}
    entries = AuditEvent.objects.filter(action="payment.refunded")
    assert {one.target_label for one in entries} == {"V-2026-0001"}
    assert len(entries) == 2


@pytest.mark.parametrize("amount", ["49.21", "0", "-1"])
def test_no_more_than_was_paid(paid: Payment, stripe: StripeServer, amount: str) -> None:
    with pytest.raises(RefundNotPossible):
        payment_refund(payment_id=paid.pk, amount=Decimal(amount), key="note-1")
    assert not stripe.refunds()
    assert not PaymentRefund.objects.exists()


def test_a_key_is_one_refund(paid: Payment, stripe: StripeServer, heard: SimpleNamespace) -> None:
    for _ in range(3):
        assert payment_refund(payment_id=paid.pk, amount=Decimal(10), key="note-1").refunded == 10
    assert len(stripe.refunds()) == 1
    assert heard.refunded == [(paid.pk, Decimal("10.00"))]
    with pytest.raises(RefundNotPossible):
        payment_refund(payment_id=paid.pk, amount=Decimal(11), key="note-1")


def test_an_answer_that_is_lost(paid: Payment, stripe: StripeServer, heard: SimpleNamespace) -> None:
    stripe.drop_path, stripe.drops = "/v1/refunds", 3
    try:
        with pytest.raises(PaymentsUnavailable):
            payment_refund(payment_id=paid.pk, amount=Decimal(10), key="note-1")
        assert PaymentRefund.objects.get().state == "started"
        assert payment_refund(payment_id=paid.pk, amount=Decimal(10), key="note-1").refunded == 10
    finally:
        stripe.drop_path = "/v1/payment_intents"
    assert len(stripe.refunds()) == 1
    assert heard.refunded == [(paid.pk, Decimal("10.00"))]


def test_made_by_hand_at_the_provider(
    paid: Payment, stripe: StripeServer, heard: SimpleNamespace, deliver: Any
) -> None:
    the_gateway().refund(paid.gateway_id, 500, refund_id=uuid4(), key="by-hand")
    assert deliver(stripe.events_of("charge.refunded")[0]).status_code == 200
    assert Payment.objects.get().refunded == 5
    assert heard.refunded == [(paid.pk, Decimal("5.00"))]
    with pytest.raises(RefundNotPossible):
        payment_refund(payment_id=paid.pk, amount=Decimal("44.21"), key="note-1")


def test_what_the_provider_refuses(paid: Payment, stripe: StripeServer) -> None:
    """Refunded there a moment ago, which we have not heard of yet."""
    the_gateway().refund(paid.gateway_id, 4920, refund_id=uuid4(), key="by-hand")
    with pytest.raises(Exception, match="refund"):
        payment_refund(payment_id=paid.pk, amount=Decimal(1), key="note-1")
    assert PaymentRefund.objects.get().state == "failed"
    with pytest.raises(RefundNotPossible):
        payment_refund(payment_id=paid.pk, amount=Decimal(1), key="note-1")


def test_nothing_of_a_payment_that_failed(
    acme: Organisation, stripe: StripeServer, with_card: Any, charge: Callable[..., Payment]
) -> None:
    with_card(acme, DECLINED)
    failed = charge(acme)
    with pytest.raises(RefundNotPossible):
        payment_refund(payment_id=failed.pk, amount=Decimal(1), key="note-1")
    with pytest.raises(PaymentNotFound):
        payment_refund(payment_id=uuid4(), amount=Decimal(1), key="note-2")


def test_four_at_once_with_one_key_and_then_with_four(
    live_acme: Organisation, stripe: StripeServer, with_card: Any, charge: Callable[..., Payment]
) -> None:
    with_card(live_acme)
    paid = charge(live_acme, "10.00")

    def one(key: str) -> bool:
        try:
            payment_refund(payment_id=paid.pk, amount=Decimal(3), key=key)
            return True
        except RefundNotPossible:
            return False
        finally:
            connection.close()

    stripe.hold_seconds = 0.3  # all have looked for it before the first has made it
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(one, ["same"] * 4)) == [True] * 4
    assert len(stripe.refunds()) == 1
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one, ["a", "b", "c", "d"])) <= 2
    paid.refresh_from_db()
    assert paid.refunded <= paid.amount
    assert sum(one.amount for one in stripe.refunds()) == paid.refunded * 100
