"""Whom invoices are made out to."""

from __future__ import annotations

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.models import BillingDetails
from tenants.models import Organisation

FIELDS = ("name", "address", "country", "vat_number", "purchase_order", "email")


@transaction.atomic
def details_change(organisation: Organisation, **values: str) -> BillingDetails:
    """`values` are of FIELDS, checked by whoever calls. Closed invoices stay as they are."""
    row = BillingDetails.objects.select_for_update().filter(organisation=organisation).first()
    row = row or BillingDetails(organisation=organisation)
    changed = sorted(name for name in FIELDS if name in values and getattr(row, name) != values[name])
    for name in changed:
        setattr(row, name, values[name])
    row.save()
    if changed:
        audit(Action.BILLING_DETAILS_CHANGED, target_id=str(organisation.pk), detail={"fields": changed})
    return row
