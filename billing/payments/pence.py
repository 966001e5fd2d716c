"""Between our books, which hold pounds, and the provider, which counts pence. Pure."""

from __future__ import annotations

from decimal import Decimal

PENNY = Decimal("0.01")
MOST = Decimal("999999.99")  # the provider takes no larger amount in one payment


def pence_of(amount: Decimal) -> int:
    """Exact, or ValueError: an invoice is rounded once, when it is made, and never here."""
    if not amount.is_finite() or amount < 0 or amount > MOST:
        raise ValueError(f"not an amount that can be paid: {amount}")
    scaled = amount.scaleb(2)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"a fraction of a penny can't be paid: {amount}")
    return int(scaled)


def pounds_of(pence: int) -> Decimal:
    return Decimal(pence).scaleb(-2).quantize(PENNY)
