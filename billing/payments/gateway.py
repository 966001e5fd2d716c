"""What we need of a payment provider, in our words: it holds the customer, the payment method and the payment.

Amounts are whole pence here and in what implements this, and nowhere else. Every method raises PaymentsUnavailable when
it is not known whether the provider did it, and PaymentsRefused when it is known that it did not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

CURRENCY = "gbp"


class Standing(StrEnum):
    """Of a payment, as the provider sees it. The values are those of `Payment.State`."""

    PROCESSING = "processing"
    NEEDS_ACTION = "needs_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class GatewayMethod:
    """A payment method as people recognise it. No number of a card ever comes to us."""

    id: str
    brand: str  # of a card; else the kind of method
    last4: str = ""
    expires_month: int | None = None
    expires_year: int | None = None


@dataclass(frozen=True, slots=True)
class SetupPage:
    """Where somebody enters a payment method."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What became of a page for entering a method. `method` is empty until somebody has entered one."""

    id: str
    customer: str
    created: datetime
    method: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One attempt to collect one invoice. The ids travel with the payment, so that it is found without our row."""

    customer: str
    method: str
    pence: int
    payment_id: UUID
    invoice_id: UUID
    invoice_number: str
    organisation_id: UUID
    attempt: int
    description: str


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    id: str
    customer: str
    standing: Standing
    pence: int
    currency: str
    created: datetime
    refunded_pence: int = 0
    failure_code: str = ""
    failure_sentence: str = ""
    # As given with the order; None and empty for a payment that is not one of ours.
    payment_id: UUID | None = None
    invoice_id: UUID | None = None
    invoice_number: str = ""
    organisation_id: UUID | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    id: str
    payment: str
    pence: int
    is_failed: bool
    refund_id: UUID | None = None  # ours; None for one that was made at the provider


@dataclass(frozen=True, slots=True)
class Notice:
    """That something happened at the provider, and where to look. What it says itself is not believed."""

    id: str
    type: str
    created: datetime
    object_id: str
    customer: str = ""
    payment: str = ""


class PaymentGateway(Protocol):
    name: str

    def customer_ensure(self, *, organisation_id: UUID, name: str, known: str = "") -> str:
        """The customer's id: the known one, under its present name, or a new one where there is none."""
        ...

    def customer_forget(self, customer: str) -> None:
        """With all payment methods; what was paid stays in the provider's books. Gone already is as good."""
        ...

    def setup_url(self, *, customer: str, organisation_id: UUID, success: str, cancel: str) -> SetupPage: ...

    def setup_of(self, setup: str) -> Setup: ...

    def portal_url(self, *, customer: str, back: str) -> str: ...

    def method_prefer(self, *, customer: str, method: str) -> None:
        """From now on this method is charged."""
        ...

    def method_of(self, customer: str) -> GatewayMethod | None: ...

    def charge(self, order: ChargeOrder, *, key: str) -> GatewayPayment:
        """Collect without the customer there. A repeat with the same key is the same payment."""
        ...

    def payment(self, payment: str) -> GatewayPayment: ...

    def withdraw(self, payment: str) -> GatewayPayment:
        """Nobody can pay it any more, unless it was paid: the answer says which."""
        ...

    def refund(self, payment: str, pence: int, *, refund_id: UUID, key: str) -> GatewayRefund: ...

    def refunds_of(self, payment: str) -> tuple[GatewayRefund, ...]: ...

    def event_of(self, body: bytes, signature: str) -> Notice:
        """Raises BadSignature for what the provider has not signed within the last minutes."""
        ...

    def payments_since(self, moment: datetime) -> Iterator[GatewayPayment]: ...

    def refunds_since(self, moment: datetime) -> Iterator[GatewayRefund]: ...
