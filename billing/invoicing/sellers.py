"""Who issues the invoices, as invoices need it."""

from __future__ import annotations

from typing import Any

from billing.errors import SellerMissing
from billing.models import Seller

GRACE_DAYS = 14  # where nobody is named yet
PRINTED = ("name", "address", "country", "company_number", "vat_number", "email", "bank_details")


def seller() -> Seller:
    """Raises SellerMissing."""
    row = Seller.objects.filter(pk=1).first()
    if row is None:
        raise SellerMissing
    return row


def printed(row: Seller) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PRINTED}


def grace_days() -> int:
    row = Seller.objects.filter(pk=1).first()
    return row.grace_days if row else GRACE_DAYS
