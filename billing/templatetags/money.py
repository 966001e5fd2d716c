from __future__ import annotations

from decimal import Decimal

from django import template

from billing import money

register = template.Library()


@register.filter
def pounds(amount: Decimal | None, places: int = 2) -> str:
    return "–" if amount is None else money.pounds(amount, places)


@register.filter
def finely(amount: Decimal | None) -> str:
    """With as many decimals as an amount of its size needs."""
    return pounds(amount, 2 if amount is not None and abs(amount) >= 10 else 4)


@register.filter
def percent(value: Decimal) -> str:
    return f"{value:.1f}%" if 0 < value < 10 else f"{value:.0f}%"
