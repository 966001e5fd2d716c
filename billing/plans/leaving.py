"""What an organisation that is deleted leaves to the books: its plan ends today, its last month is drafted."""

from __future__ import annotations

from django.db import transaction

from billing.invoicing.drafts import invoice_draft
from billing.models import PlanPeriod
from billing.plans.actions import today
from billing.plans.periods import period_end
from tenants.models import Organisation


@transaction.atomic
def subscription_leave(organisation: Organisation) -> None:
    """The draft keeps whom the invoice is made out to: those lines go with the organisation. Repeatable."""
    if not PlanPeriod.objects.filter(organisation_id=organisation.pk).exists():
        return
    period_end(organisation.pk, today())
    invoice_draft(organisation.pk, today().replace(day=1))
