"""How money is written for people. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

LARGE = Decimal(100)


def places_for(total: Decimal) -> int:
    """Decimals for a table with this total: tenths of a penny and less count where little was spent."""
    return 2 if abs(total) >= LARGE else 4


def pounds(amount: Decimal, places: int = 2) -> str:
    """`£1,234.50`; `-£0.20`; `<£0.01` for what rounds to nothing and is not."""
    least = Decimal(1).scaleb(-places)
    rounded = amount.quantize(least, ROUND_HALF_UP)
    if amount and not rounded:
        return f"<£{least}" if amount > 0 else f">-£{least}"
    return f"{'-' if rounded < 0 else ''}£{abs(rounded):,.{places}f}"


def share(part: Decimal, whole: Decimal) -> Decimal:
    """In percent, not rounded; of nothing everything is nothing."""
    return part * 100 / whole if whole else Decimal(0)


def each(total: Decimal, count: int) -> Decimal | None:
    return total / count if count else None
