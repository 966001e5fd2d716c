"""The pure parts: pounds and pence, and what Stripe's answers mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments.gateway import Standing
from billing.payments.pence import MOST, pence_of, pounds_of
from billing.payments.stripe_reading import failure_of, method_from, payment_from, standing_of


@given(st.integers(min_value=0, max_value=int(MOST * 100)))
def test_pence_come_back_as_they_went(pence: int) -> None:
    pounds = pounds_of(pence)
    assert pence_of(pounds) == pence
    assert pounds.as_tuple().exponent == -2
    assert pounds * 100 == pence


@given(st.decimals(min_value=0, max_value=MOST, places=2))
def test_pounds_come_back_as_they_went(pounds: Decimal) -> None:
    assert pounds_of(pence_of(pounds)) == pounds


@given(st.lists(st.decimals(min_value=0, max_value=1000, places=2), max_size=50))
def test_a_sum_of_pence_is_the_pence_of_the_sum(amounts: list[Decimal]) -> None:
    assert sum(map(pence_of, amounts)) == pence_of(sum(amounts, Decimal(0)))


@given(st.decimals(min_value=0, max_value=MOST, allow_nan=False))
def test_a_fraction_of_a_penny_is_never_rounded_away(amount: Decimal) -> None:
    if amount * 100 == (amount * 100).to_integral_value():
        assert pounds_of(pence_of(amount)) == amount
    else:
        with pytest.raises(ValueError):
            pence_of(amount)


@pytest.mark.parametrize("amount", ["-0.01", "1000000", "NaN", "Infinity", "0.001"])
def test_what_is_no_amount(amount: str) -> None:
    with pytest.raises(ValueError):
        pence_of(Decimal(amount))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("succeeded", "", Standing.SUCCEEDED),
        ("processing", "", Standing.PROCESSING),
        ("requires_confirmation", "", Standing.PROCESSING),
        ("requires_capture", "", Standing.PROCESSING),
        ("requires_payment_method", "", Standing.PROCESSING),
        ("requires_payment_method", "insufficient_funds", Standing.FAILED),
        ("requires_payment_method", "authentication_required", Standing.NEEDS_ACTION),
        ("requires_action", "authentication_required", Standing.NEEDS_ACTION),
        ("canceled", "withdrawn", Standing.FAILED),
    ],
)
def test_what_a_status_means(status: str, code: str, expected: Standing) -> None:
    assert standing_of(status, code) == expected


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (
            "requires_payment_method",
            {"code": "card_declined", "decline_code": "lost_card", "message": "No."},
            "lost_card",
        ),
        ("requires_payment_method", {"code": "expired_card", "message": "No."}, "expired_card"),
        ("requires_action", {}, "authentication_required"),
        ("canceled", {}, "withdrawn"),
        ("succeeded", {"code": "card_declined"}, ""),
    ],
)
def test_why_it_failed(status: str, error: dict[str, Any], code: str) -> None:
    found, sentence = failure_of(status, error)
    assert found == code
    assert bool(sentence) == bool(code)


def test_a_payment_of_somebody_elses_is_read_too() -> None:
    told = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 5,
        "currency": "eur",
        "created": 1,
        "metadata": {"vena_payment": "x"},
    }
    seen = payment_from(told)
    assert (seen.payment_id, seen.invoice_id, seen.customer, seen.refunded_pence) == (None, None, "", 0)
    assert payment_from({**told, "latest_charge": {"amount_refunded": 3}}).refunded_pence == 3
    assert payment_from({**told, "latest_charge": "ch_1"}).refunded_pence == 0


def test_a_method_without_a_card() -> None:
    debit = method_from({"id": "pm_1", "type": "bacs_debit", "bacs_debit": {"last4": "2345", "sort_code": "108800"}})
    assert (debit.brand, debit.last4, debit.expires_month) == ("bacs debit", "2345", None)
    assert method_from({"id": "pm_2", "type": "link", "link": {"email": "a@example.org"}}).last4 == ""
