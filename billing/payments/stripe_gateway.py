"""Stripe behind `PaymentGateway`. The only module of billing that knows its SDK; nothing of it leaves here.

Errors are told without their cause: the SDK's carry the whole answer, in which a card and a client secret may stand.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import stripe

from billing.payments.errors import BadSignature, CustomerGone, PaymentsRefused, PaymentsUnavailable
from billing.payments.gateway import (
    CURRENCY,
    ChargeOrder,
    GatewayMethod,
    GatewayPayment,
    GatewayRefund,
    Notice,
    Setup,
    SetupPage,
)
from billing.payments.stripe_reading import (
    id_of,
    method_from,
    notice_from,
    payment_from,
    refund_from,
    setup_from,
)

logger = logging.getLogger(__name__)

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
RETRIES = 2  # of the SDK's own, each with the same key
TOLERANCE_SECONDS = 300  # an event signed longer ago is a replay
# Of what the account offers: methods that can be charged later without leading the customer anywhere.
CHARGEABLE: list[Literal["card", "link", "bacs_debit"] | str] = ["card", "link", "bacs_debit"]
EXPAND_CHARGE = ["latest_charge"]  # what was refunded stands there

stripe.enable_telemetry = False


class StripeGateway:
    name = "stripe"

    def __init__(self, *, secret_key: str, webhook_secret: str, base: str = "") -> None:
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base} if base else None,
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )
        self._v1 = self._client.v1

    def customer_ensure(self, *, organisation_id: UUID, name: str, known: str = "") -> str:
        if known and self._renamed(known, name):
            return known
        # The name is part of the key: a repeat after a rename would else be refused as a different request.
        key = f"vena-customer-{organisation_id}-{digest(name + known)}"
        with sorted_errors("customer"):
            made = self._v1.customers.create(
                {"name": name, "metadata": {"vena_organisation": str(organisation_id)}}, {"idempotency_key": key}
            )
        return made.id

    def _renamed(self, customer: str, name: str) -> bool:
        try:
            found = self._customer(customer)
        except CustomerGone:
            return False
        if found.get("name") != name:
            with sorted_errors("customer"):
                self._v1.customers.update(customer, {"name": name})
        return True

    def _customer(self, customer: str) -> dict[str, Any]:
        with sorted_errors("customer", missing=CustomerGone):
            found = self._v1.customers.retrieve(customer)
        told = found.to_dict()
        if told.get("deleted"):
            raise CustomerGone(detail=customer)
        return told

    def customer_forget(self, customer: str) -> None:
        with suppress(CustomerGone), sorted_errors("customer", missing=CustomerGone):
            self._v1.customers.delete(customer)

    def setup_url(self, *, customer: str, organisation_id: UUID, success: str, cancel: str) -> SetupPage:
        with sorted_errors("setup", missing=CustomerGone):
            made = self._v1.checkout.sessions.create(
                {
                    "mode": "setup",
                    "currency": CURRENCY,
                    "allowed_payment_method_types": CHARGEABLE,
                    "customer": customer,
                    "client_reference_id": str(organisation_id),
                    "success_url": success,
                    "cancel_url": cancel,
                }
            )
        return SetupPage(made.id, made.url or "")

    def setup_of(self, setup: str) -> Setup:
        with sorted_errors("setup"):
            found = self._v1.checkout.sessions.retrieve(setup, {"expand": ["setup_intent"]})
        return setup_from(found.to_dict())

    def portal_url(self, *, customer: str, back: str) -> str:
        with sorted_errors("portal", missing=CustomerGone):
            return self._v1.billing_portal.sessions.create({"customer": customer, "return_url": back}).url

    def method_prefer(self, *, customer: str, method: str) -> None:
        with sorted_errors("method"):
            self._v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})

    def method_of(self, customer: str) -> GatewayMethod | None:
        method = id_of((self._customer(customer).get("invoice_settings") or {}).get("default_payment_method"))
        if not method:
            return None
        with sorted_errors("method"):
            return method_from(self._v1.payment_methods.retrieve(method).to_dict())

    def charge(self, order: ChargeOrder, *, key: str) -> GatewayPayment:
        try:
            with sorted_errors("charge"):
                made = self._v1.payment_intents.create(
                    {
                        "amount": order.pence,
                        "currency": CURRENCY,
                        "customer": order.customer,
                        "payment_method": order.method,
                        "confirm": True,
                        "off_session": True,
                        # Else Stripe refuses to confirm without an address to lead the customer back to.
                        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                        "description": order.description,
                        "metadata": metadata_of(order),
                        "expand": EXPAND_CHARGE,
                    },
                    {"idempotency_key": key},
                )
        except Declined as declined:
            return payment_from(declined.payment)
        return payment_from(made.to_dict())

    def payment(self, payment: str) -> GatewayPayment:
        with sorted_errors("payment"):
            return payment_from(self._v1.payment_intents.retrieve(payment, {"expand": EXPAND_CHARGE}).to_dict())

    def withdraw(self, payment: str) -> GatewayPayment:
        try:
            with sorted_errors("withdraw"):
                self._v1.payment_intents.cancel(payment)
        except PaymentsRefused:  # it is over already, or being paid right now
            logger.info("payments.not_withdrawn", extra={"payment": payment})
        return self.payment(payment)

    def refund(self, payment: str, pence: int, *, refund_id: UUID, key: str) -> GatewayRefund:
        with sorted_errors("refund"):
            made = self._v1.refunds.create(
                {"payment_intent": payment, "amount": pence, "metadata": {"vena_refund": str(refund_id)}},
                {"idempotency_key": key},
            )
        return refund_from(made.to_dict())

    def refunds_of(self, payment: str) -> tuple[GatewayRefund, ...]:
        with sorted_errors("refund"):
            listed = self._v1.refunds.list({"payment_intent": payment, "limit": 100})
            return tuple(refund_from(one.to_dict()) for one in listed.auto_paging_iter())

    def event_of(self, body: bytes, signature: str) -> Notice:
        try:
            text = body.decode()
            stripe.WebhookSignature.verify_header(text, signature, self._webhook_secret, TOLERANCE_SECONDS)
            return notice_from(json.loads(text))
        except stripe.SignatureVerificationError:
            raise BadSignature from None  # the SDK's error carries the body
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadSignature(detail="no event") from None

    def payments_since(self, moment: datetime) -> Iterator[GatewayPayment]:
        def listed() -> Any:
            return self._v1.payment_intents.list(
                {"created": {"gte": int(moment.timestamp())}, "limit": 100, "expand": ["data.latest_charge"]}
            )

        yield from paged("payments", listed, payment_from)

    def refunds_since(self, moment: datetime) -> Iterator[GatewayRefund]:
        def listed() -> Any:
            return self._v1.refunds.list({"created": {"gte": int(moment.timestamp())}, "limit": 100})

        yield from paged("refunds", listed, refund_from)


T = TypeVar("T")


class Declined(Exception):
    """The bank said no. Stripe tells it as an error, with the payment that came of it."""

    def __init__(self, payment: dict[str, Any]) -> None:
        self.payment = payment
        super().__init__("declined")


@contextmanager
def sorted_errors(doing: str, *, missing: type[PaymentsRefused] = PaymentsRefused) -> Iterator[None]:
    """Two kinds: nobody knows whether it was done, or it is known that it was not."""
    try:
        yield
    except stripe.CardError as error:
        if payment := payment_inside(error):
            raise Declined(payment) from None
        raise PaymentsRefused(reason=error.code or "card_declined", detail=told(doing, error)) from None
    except stripe.InvalidRequestError as error:
        kind = missing if error.code == "resource_missing" else PaymentsRefused
        raise kind(reason=error.code or "invalid_request", detail=told(doing, error)) from None
    except stripe.StripeError as error:  # the network, their servers, our key, or a key of another request
        if not isinstance(error, stripe.APIConnectionError):
            logger.error("payments.provider_failed", extra={"doing": doing, "failure": told(doing, error)})
        raise PaymentsUnavailable(detail=told(doing, error)) from None


def payment_inside(error: stripe.CardError) -> dict[str, Any] | None:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    found = (body.get("error") or {}).get("payment_intent")
    return dict(found) if isinstance(found, dict) else None


def told(doing: str, error: stripe.StripeError) -> str:
    """For our log. Not the provider's sentence: it may repeat what was sent."""
    facts = (f"{doing}:", type(error).__name__, error.http_status, error.code, error.request_id)
    return " ".join(str(fact) for fact in facts if fact)


def paged(doing: str, listed: Callable[[], Any], read: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    """Page by page; no error of the reader's own is taken for the provider's."""
    with sorted_errors(doing):
        page = listed()
    while True:
        yield from (read(one.to_dict()) for one in page.data)
        if not page.has_more:
            return
        with sorted_errors(doing):
            page = page.next_page()


def metadata_of(order: ChargeOrder) -> dict[str, str]:
    return {
        "vena_payment": str(order.payment_id),
        "vena_invoice": str(order.invoice_id),
        "vena_invoice_number": order.invoice_number,
        "vena_organisation": str(order.organisation_id),
        "vena_attempt": str(order.attempt),
    }


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
