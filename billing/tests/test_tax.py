"""Which VAT is charged to whom, and which numbers are taken."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import VatNumberNeeded, VatNumberWrong, VatRateMissing
from billing.invoicing.tax import Tax, tax_for, vat_number_of
from billing.models import Invoice, VatRate

DAY = date(2026, 5, 1)
OURS = "GB980780684"


def rule(country: str, vat_number: str = "", seller: str = OURS, on: date = DAY) -> tuple[str, Decimal]:
    tax = tax_for(country=country, vat_number=vat_number, on=on, seller_vat_number=seller)
    return tax.rule, tax.percent


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("country", "number", "expected"),
    [
        ("GB", "", ("standard", Decimal(20))),
        ("GB", "GB980780684", ("standard", Decimal(20))),
        ("IM", "", ("standard", Decimal(20))),
        ("DE", "DE136695976", ("reverse_charge", Decimal(0))),
        ("JE", "", ("outside", Decimal(0))),
        ("US", "", ("outside", Decimal(0))),
    ],
)
def test_where_the_customer_is_decides(country: str, number: str, expected: tuple[str, Decimal]) -> None:
    assert rule(country, number) == expected


@pytest.mark.django_db
def test_a_customer_in_the_eu_without_a_number_is_not_sold_to() -> None:
    with pytest.raises(VatNumberNeeded):
        rule("FR")


@pytest.mark.django_db
def test_a_seller_who_is_not_registered_charges_none() -> None:
    assert rule("GB", seller="") == ("none", Decimal(0))


@pytest.mark.django_db
def test_the_rate_is_the_one_of_the_day() -> None:
    VatRate.objects.create(valid_from=date(2026, 6, 1), percent=Decimal("22.5"), source="an act")
    assert rule("GB", on=date(2026, 5, 31)) == ("standard", Decimal(20))
    assert rule("GB", on=date(2026, 6, 1)) == ("standard", Decimal("22.5"))
    with pytest.raises(VatRateMissing):
        rule("GB", on=date(2010, 1, 1))


@pytest.mark.parametrize(
    ("country", "typed", "expected"),
    [
        ("GB", "gb 980 7806 84", "GB980780684"),
        ("GB", "980780684", "GB980780684"),
        ("GB", "", ""),
        ("DE", "DE 136.695.976", "DE136695976"),
        ("GR", "el094259216", "EL094259216"),
        ("US", "12-3456789", "123456789"),
        ("IM", "GB980780684", "GB980780684"),
        ("GB", "XI980780684", "XI980780684"),
    ],
)
def test_numbers_are_written_in_one_way(country: str, typed: str, expected: str) -> None:
    assert vat_number_of(country, typed) == expected


@pytest.mark.parametrize(("country", "typed"), [("GB", "GB980780685"), ("DE", "DE136695977"), ("FR", "GB980780684")])
def test_a_number_with_wrong_check_digits_is_refused(country: str, typed: str) -> None:
    with pytest.raises(VatNumberWrong):
        vat_number_of(country, typed)


def test_in_the_eu_there_must_be_one() -> None:
    with pytest.raises(VatNumberNeeded):
        vat_number_of("NL", "  ")


@given(st.decimals(min_value=0, max_value=10**7, places=2), st.decimals(min_value=0, max_value=30, places=2))
def test_tax_is_whole_pence_and_never_off_by_more_than_half_of_one(net: Decimal, percent: Decimal) -> None:
    tax = Tax(Invoice.Tax.STANDARD, percent, "").on(net)
    assert tax == tax.quantize(Decimal("0.01"))
    assert abs(tax - net * percent / 100) <= Decimal("0.005")
