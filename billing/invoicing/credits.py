"""Credit notes: the only way to take back something of a closed invoice."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.errors import CreditNotPossible
from billing.invoicing.closing import issued
from billing.invoicing.payments import settle
from billing.invoicing.sellers import seller
from billing.invoicing.tax import Tax
from billing.models import Invoice, InvoiceLine
from billing.plans.periods import month_end


@transaction.atomic
def credit_note_issue(invoice: Invoice, *, net: Decimal | None = None, reason: str, by: str = "") -> Invoice:
    """`net` pounds before tax, with the tax that belongs to them; None: all that was not credited yet.

    Raises CreditNotPossible, SellerMissing.
    """
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if row.kind != Invoice.Kind.INVOICE or not row.is_closed or not reason.strip():
        raise CreditNotPossible("Only a closed invoice can be credited, and for a reason.")
    left_net, left_tax = left_of(row)
    net = left_net if net is None else net
    if not 0 < net <= left_net:
        raise CreditNotPossible
    tax = Tax(Invoice.Tax(row.tax_rule), row.tax_percent, row.tax_note)
    # The last piece takes the penny that rounding left.
    taxed = left_tax if net == left_net else min(left_tax, tax.on(net))
    note = Invoice.objects.create(
        kind=Invoice.Kind.CREDIT_NOTE,
        organisation_id=row.organisation_id,
        organisation_label=row.organisation_label,
        month=row.month,
        corrects=row,
        reason=reason.strip(),
        customer=row.customer,
        net_gbp=net,
        tax_gbp=taxed,
        total_gbp=net + taxed,
    )
    note.lines.create(
        position=1,
        kind=InvoiceLine.Kind.OTHER,
        text=f"Credit for invoice {row.number}",
        since=row.month,
        until=month_end(row.month),
        amount_gbp=net,
    )
    issuer = seller()
    done = issued(note, issuer, tax, "credit_note", issuer.credit_prefix, by, timezone.now().date())
    settle(row.organisation_id)
    return done


def left_of(row: Invoice) -> tuple[Decimal, Decimal]:
    """Net and tax that no credit note has taken back."""
    notes = list(row.credit_notes.filter(state=Invoice.State.CLOSED))
    net = sum((one.net_gbp for one in notes), Decimal(0))
    tax = sum((one.tax_gbp for one in notes), Decimal(0))
    return row.net_gbp - net, row.tax_gbp - tax
