"""From tokens to pounds: exact, dated, and honest about prices that nobody knows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing.models import ExchangeRate, ModelPrice
from billing.prices import QUANTUM, Quote, best_price, forget_quotes, quote

usd = st.decimals(min_value=0, max_value=1000, places=8)
rates = st.decimals(min_value=Decimal("0.000001"), max_value=10, places=6)
tokens = st.integers(min_value=0, max_value=100_000_000)


def price(model: str, *, provider: str = "openai", days: int = 0, usd: str = "1") -> ModelPrice:
    """A price in force from so many days from now."""
    return ModelPrice.objects.create(
        provider=provider,
        model=model,
        valid_from=timezone.now().date() + timedelta(days=days),
        input_usd=Decimal(usd),
        cached_input_usd=Decimal(usd),
        output_usd=Decimal(usd),
        source="test",
    )


# -- the formula ----------------------------------------------------------------------------------


@given(usd, usd, usd, rates, tokens, tokens, tokens)
def test_the_cost_is_the_sum_by_hand(
    fresh_usd: Decimal, cached_usd: Decimal, out_usd: Decimal, rate: Decimal, fresh: int, cached: int, out: int
) -> None:
    known = Quote(1, 1, fresh_usd * rate, cached_usd * rate, out_usd * rate)
    cost = known.cost(input_tokens=fresh + cached, cached_input_tokens=cached, output_tokens=out)
    dollars = fresh * Fraction(fresh_usd) + cached * Fraction(cached_usd) + out * Fraction(out_usd)
    assert Fraction(cost) == Fraction(round(dollars * Fraction(rate) / 1_000_000 * 10**8), 10**8)
    assert cost >= 0
    assert cost.as_tuple().exponent == QUANTUM.as_tuple().exponent


@given(rates, tokens, tokens, st.integers(0, 1_000_000))
def test_more_tokens_never_cost_less(rate: Decimal, fresh: int, out: int, more: int) -> None:
    known = Quote(1, 1, rate, rate / 2, rate * 4)
    base = known.cost(input_tokens=fresh, cached_input_tokens=0, output_tokens=out)
    assert known.cost(input_tokens=fresh + more, cached_input_tokens=0, output_tokens=out) >= base
    assert known.cost(input_tokens=fresh, cached_input_tokens=0, output_tokens=out + more) >= base
    assert known.cost(input_tokens=fresh, cached_input_tokens=fresh, output_tokens=out) <= base


def test_a_worked_example(db: None) -> None:
    """gpt-4o at $2.50, $1.25 cached and $10.00 out, £0.79 for a dollar."""
    cost = quote("openai", "gpt-4o").cost(input_tokens=1000, cached_input_tokens=400, output_tokens=500)
    assert cost == (600 * Decimal("2.50") + 400 * Decimal("1.25") + 500 * Decimal("10")) * Decimal("0.79") / 1_000_000
    assert cost == Decimal("0.00553000")


# -- which price ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "priced_as"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4o-audio-preview", None),
        ("gpt-4o-audio-2024-10-01", None),
        ("gpt-4", None),
        ("GPT-4o", None),
        ("", None),
    ],
)
def test_a_dated_name_has_the_price_of_its_family(db: None, model: str, priced_as: str | None) -> None:
    found = best_price(ModelPrice.objects.filter(provider="openai"), model)
    assert (found and found.model) == priced_as


def test_without_its_own_row_a_model_is_not_priced_as_another(db: None) -> None:
    prices = ModelPrice.objects.filter(provider="openai", model="gpt-4o")
    assert best_price(prices, "gpt-4o-mini") is None
    assert best_price(prices, "gpt-4o-mini-2024-07-18") is None


def test_a_price_of_the_dated_name_itself_wins(db: None) -> None:
    exact = price("gpt-4o-2024-08-06", days=-1)
    price("gpt-4o")
    assert quote("openai", "gpt-4o-2024-08-06").price_id == exact.pk


def test_the_newest_price_in_force_counts(db: None) -> None:
    price("gpt-4o", days=-2, usd="3")
    newest = price("gpt-4o", days=0, usd="4")
    price("gpt-4o", days=1, usd="5")  # tomorrow's
    found = quote("openai", "gpt-4o")
    assert found.price_id == newest.pk
    assert found.input_gbp == Decimal(4) * Decimal("0.79")


def test_the_newest_price_of_a_family_counts(db: None) -> None:
    newest = price("gpt-4o", days=0, usd="4")
    assert quote("openai", "gpt-4o-2024-08-06").price_id == newest.pk


def test_the_newest_rate_in_force_counts(db: None) -> None:
    today = timezone.now().date()
    newest = ExchangeRate.objects.create(valid_from=today, gbp_per_usd=Decimal("0.5"), source="test")
    ExchangeRate.objects.create(valid_from=today + timedelta(days=1), gbp_per_usd=Decimal("0.9"), source="test")
    found = quote("openai", "gpt-4o")
    assert (found.rate_id, found.input_gbp) == (newest.pk, Decimal("1.25"))


@pytest.mark.parametrize(("provider", "model"), [("openai", "unheard-of"), ("nobody", "gpt-4o")])
def test_an_unknown_price_is_unknown(db: None, provider: str, model: str) -> None:
    assert quote(provider, model) == Quote(price_id=None, rate_id=None)


def test_without_a_rate_nothing_is_priced(db: None) -> None:
    ExchangeRate.objects.all().delete()
    assert quote("openai", "gpt-4o") == Quote(price_id=None, rate_id=None)


def test_a_known_price_is_not_asked_for_again_within_the_minute(db: None, django_assert_num_queries: object) -> None:
    first = quote("openai", "gpt-4o")
    price("gpt-4o")
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert quote("openai", "gpt-4o") == first
    forget_quotes()
    assert quote("openai", "gpt-4o") != first


# -- what the database refuses --------------------------------------------------------------------


def test_one_price_a_day(db: None) -> None:
    price("new")
    with pytest.raises(IntegrityError, match="one_price_a_day"), transaction.atomic():
        price("new", usd="2")
    assert ModelPrice.objects.get(model="new").input_usd == 1


@pytest.mark.parametrize("field", ["input_usd", "cached_input_usd", "output_usd"])
def test_no_negative_price(db: None, field: str) -> None:
    row = price("new")
    with pytest.raises(IntegrityError, match="price_not_negative"), transaction.atomic():
        ModelPrice.objects.filter(pk=row.pk).update(**{field: -1})


# -- providers' own caches ------------------------------------------------------------------------


def test_input_written_to_a_providers_cache_has_a_price_of_its_own(db: None) -> None:
    found = quote("anthropic", "claude-sonnet-4-6")
    assert found.cache_write_gbp == Decimal("3.75") * Decimal("0.79")
    cost = found.cost(input_tokens=3000, cached_input_tokens=1000, cache_write_tokens=1500, output_tokens=0)
    assert cost == Decimal("0.79") * (500 * 3 + 1000 * Decimal("0.3") + 1500 * Decimal("3.75")) / 1_000_000


def test_without_such_a_price_it_costs_what_any_input_costs(db: None) -> None:
    found = quote("openai", "gpt-4o")
    one = found.cost(input_tokens=1000, cached_input_tokens=0, cache_write_tokens=1000, output_tokens=0)
    assert one == found.cost(input_tokens=1000, cached_input_tokens=0, output_tokens=0) > 0
