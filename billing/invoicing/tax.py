"""Which VAT a seller in the UK charges a business, and what the invoice must say about it. Pure but for the rates.

Services to businesses are taxed where the customer is (HMRC notice 741A): in the UK at its rate, in the EU by the
customer (reverse charge, article 196 of directive 2006/112/EC), elsewhere not by the UK.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import stdnum
from stdnum.exceptions import ValidationError

from billing.errors import VatNumberNeeded, VatNumberWrong, VatRateMissing
from billing.models import Invoice, VatRate

PENNY = Decimal("0.01")
UK = frozenset({"GB", "IM"})  # the Isle of Man is in the UK's VAT area, the Channel Islands are not
EU = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
)  # fmt: skip
PREFIXES = {"GR": "EL"}  # of VAT numbers, where it is not the country's code
ISLE_OF_MAN = "GB"
REVERSED = "Reverse charge: VAT is to be accounted for by the customer (article 196, directive 2006/112/EC)."
NOT_OURS = "Outside the scope of UK VAT: the place of supply is the customer's country."
NOT_REGISTERED = "The seller is not registered for VAT."


@dataclass(frozen=True, slots=True)
class Tax:
    rule: Invoice.Tax
    percent: Decimal
    note: str

    def on(self, net: Decimal) -> Decimal:
        """Of the whole, once, in pence."""
        return (net * self.percent / 100).quantize(PENNY, ROUND_HALF_UP)


def tax_for(*, country: str, vat_number: str, on: date, seller_vat_number: str) -> Tax:
    """Raises VatNumberNeeded for a customer in the EU without one, VatRateMissing."""
    if not seller_vat_number:
        return Tax(Invoice.Tax.NONE, Decimal(0), NOT_REGISTERED)
    if country in UK:
        return Tax(Invoice.Tax.STANDARD, rate_of("GB", on), "")
    if country in EU:
        if not vat_number:
            raise VatNumberNeeded
        return Tax(Invoice.Tax.REVERSE_CHARGE, Decimal(0), REVERSED)
    return Tax(Invoice.Tax.OUTSIDE, Decimal(0), NOT_OURS)


def rate_of(country: str, on: date) -> Decimal:
    row = VatRate.objects.filter(country=country, valid_from__lte=on).order_by("-valid_from").first()
    if row is None:
        raise VatRateMissing(detail=f"{country} on {on}")
    return row.percent


def vat_number_of(country: str, typed: str) -> str:
    """As it is printed: with its prefix, without spaces; its check digits are right. "" stays "".

    Raises VatNumberWrong, and VatNumberNeeded where there must be one.
    """
    text = "".join(typed.split()).upper().replace("-", "").replace(".", "")
    if not text:
        if country in EU:
            raise VatNumberNeeded
        return ""
    code = ISLE_OF_MAN if country == "IM" else country
    module: Any = stdnum.get_cc_module(code.lower(), "vat")
    if module is None:  # no rules are known for this country
        return text[:20]
    prefixes = {PREFIXES.get(code, code), code, *({"XI"} if code == "GB" else ())}
    bare = next((text[len(one) :] for one in prefixes if text.startswith(one)), text)
    try:
        module.validate(bare)
    except ValidationError as error:
        raise VatNumberWrong from error
    prefix = "XI" if text.startswith("XI") and code == "GB" else PREFIXES.get(code, code)
    return f"{prefix}{bare}"
