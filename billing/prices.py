"""From tokens to pounds. Decimal all the way; an unknown price is recorded as unknown, not as free."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from billing.models import ExchangeRate, ModelPrice

MILLION = Decimal(1_000_000)
QUANTUM = Decimal("0.00000001")
REFRESH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Quote:
    """The price and rate in force, with the ids that the ledger keeps."""

    price_id: int | None
    rate_id: int | None
    input_gbp: Decimal = Decimal(0)  # for a million tokens
    cached_input_gbp: Decimal = Decimal(0)
    output_gbp: Decimal = Decimal(0)
    cache_write_gbp: Decimal | None = None  # None: as any input
    unit_gbp: Decimal = Decimal(0)  # for one

    def cost(
        self,
        *,
        input_tokens: int,
        cached_input_tokens: int,
        output_tokens: int,
        cache_write_tokens: int = 0,
        quantity: int = 0,
    ) -> Decimal:
        fresh = input_tokens - cached_input_tokens - cache_write_tokens
        write_gbp = self.input_gbp if self.cache_write_gbp is None else self.cache_write_gbp
        total = fresh * self.input_gbp + cached_input_tokens * self.cached_input_gbp
        total += cache_write_tokens * write_gbp + output_tokens * self.output_gbp
        return (total / MILLION + quantity * self.unit_gbp).quantize(QUANTUM)


def dearest(provider: str, model: str, *, read: int, written: int) -> Decimal:
    """What a call of so many tokens may cost at most, in pounds: nothing of it was in the provider's cache, and all of
    it may be put there."""
    price = quote(provider, model)
    fresh = price.cost(input_tokens=read, cached_input_tokens=0, output_tokens=written)
    kept = price.cost(input_tokens=read, cached_input_tokens=0, output_tokens=written, cache_write_tokens=read)
    return max(fresh, kept)


_quotes: dict[tuple[str, str], tuple[float, Quote]] = {}


def quote(provider: str, model: str) -> Quote:
    """The price in force today; kept for a minute, because every answer asks."""
    kept = _quotes.get((provider, model))
    if kept and kept[0] > time.monotonic():
        return kept[1]
    fresh = load_quote(provider, model)
    _quotes[(provider, model)] = (time.monotonic() + REFRESH_SECONDS, fresh)
    return fresh


def load_quote(provider: str, model: str, day: date | None = None) -> Quote:
    """The price in force on a day, or today."""
    day = day or timezone.now().date()
    price = best_price(ModelPrice.objects.filter(provider=provider, valid_from__lte=day), model)
    rate = ExchangeRate.objects.filter(valid_from__lte=day).order_by("-valid_from").first()
    return Quote(price_id=None, rate_id=None) if price is None or rate is None else quote_at(price, rate)


def quote_at(price: ModelPrice, rate: ExchangeRate) -> Quote:
    return Quote(
        price_id=price.pk,
        rate_id=rate.pk,
        input_gbp=price.input_usd * rate.gbp_per_usd,
        cached_input_gbp=price.cached_input_usd * rate.gbp_per_usd,
        output_gbp=price.output_usd * rate.gbp_per_usd,
        unit_gbp=price.unit_usd * rate.gbp_per_usd,
        cache_write_gbp=None if price.cache_write_usd is None else price.cache_write_usd * rate.gbp_per_usd,
    )


def best_price(prices: QuerySet[ModelPrice], model: str) -> ModelPrice | None:
    """The newest row of the model, else of its family: providers answer with dated names (`gpt-4o-2024-08-06`)."""
    rows = list(prices.order_by("-valid_from"))
    exact = [row for row in rows if row.model == model]
    family = sorted((row for row in rows if model.startswith(f"{row.model}-20")), key=lambda row: -len(row.model))
    return next(iter(exact or family), None)


def forget_quotes() -> None:
    _quotes.clear()
