from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from billing.models import Payment, PaymentAccount
from billing.payments import outcomes
from billing.payments.actions import checkout_start, invoice_charge, method_refresh
from billing.tests.payments.stripe_server import GOOD, StripeServer, body_of, running, sign
from tenants.models import Organisation

BACK = "https://acme.example/billing/"
SECRET = "whsec_of_the_tests"
HOOK = "/billing/webhooks/stripe/"


@contextmanager
def without_triggers() -> Iterator[None]:
    """What the database refuses, for tests that have to make a past or a loss."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = 'replica'")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = 'origin'")


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[StripeServer]:
    yield from running()


@pytest.fixture
def stripe(stripe_server: StripeServer, settings: Any) -> StripeServer:
    stripe_server.clear()
    settings.STRIPE_API_BASE = stripe_server.base
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.STRIPE_SECRET_KEY = "sk_test_vena0000tests"
    return stripe_server


@pytest.fixture
def heard() -> Iterator[SimpleNamespace]:
    """What whoever keeps invoices is told."""
    found = SimpleNamespace(settled=[], failed=[], needs_action=[], refunded=[])
    outcomes.on_settled.append(lambda payment: found.settled.append(payment.pk))
    outcomes.on_failed.append(lambda payment: found.failed.append(payment.pk))
    outcomes.on_needs_action.append(lambda payment: found.needs_action.append(payment.pk))
    outcomes.on_refunded.append(lambda payment, amount: found.refunded.append((payment.pk, amount)))
    yield found
    for told in (outcomes.on_settled, outcomes.on_failed, outcomes.on_needs_action, outcomes.on_refunded):
        told.pop()


@pytest.fixture
def with_card(stripe: StripeServer) -> Callable[..., PaymentAccount]:
    """An organisation that went through the page for a card and came back."""

    def make(organisation: Organisation, number: str = GOOD) -> PaymentAccount:
        stripe.fill_in(setup_of(checkout_start(organisation=organisation, back=BACK)), number)
        account = method_refresh(organisation=organisation)
        assert account is not None
        return account

    return make


def setup_of(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.fixture
def charge() -> Callable[..., Payment]:
    def make(organisation: Organisation, amount: str = "49.20", invoice_id: UUID | None = None) -> Payment:
        return invoice_charge(
            organisation=organisation,
            invoice_id=invoice_id or uuid4(),
            number="V-2026-0001",
            amount=Decimal(amount),
        )

    return make


@pytest.fixture
def deliver(on_host: Any) -> Callable[..., Any]:
    """The provider's POST to our webhook, signed as it signs."""

    def send(event: Any, *, secret: str = SECRET, at: float | None = None, signature: str | None = None) -> Any:
        body = event if isinstance(event, bytes) else body_of(event)
        host = on_host(None, enforce_csrf_checks=True)
        host.raise_request_exception = False
        signed = sign(body, secret, at) if signature is None else signature
        return host.post(HOOK, body, content_type="application/json", headers={"stripe-signature": signed})

    return send
