"""Who is told what became of a payment.

Whoever keeps invoices appends its functions when its app is ready. They run in the transaction that writes the
payment's new state, once for each change: what they write stands or falls with it, and one that raises leaves the
payment as it was, to be found again by the provider's next message or by the nightly comparison. So they ask no
network.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from billing.payments.models import Payment

on_settled: list[Callable[[Payment], None]] = []
on_failed: list[Callable[[Payment], None]] = []
on_needs_action: list[Callable[[Payment], None]] = []
on_refunded: list[Callable[[Payment, Decimal], None]] = []  # with what went back this time, in pounds


def settled(payment: Payment) -> None:
    for told in on_settled:
        told(payment)


def failed(payment: Payment) -> None:
    for told in on_failed:
        told(payment)


def needs_action(payment: Payment) -> None:
    """The bank wants the customer there: only they can go on."""
    for told in on_needs_action:
        told(payment)


def refunded(payment: Payment, amount: Decimal) -> None:
    for told in on_refunded:
        told(payment, amount)
