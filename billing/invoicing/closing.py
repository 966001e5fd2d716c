"""Closing a month: the draft gets its number, its tax and its file, and never changes again."""

from __future__ import annotations

import hashlib
import logging
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.errors import DetailsNeeded, InvoiceClosed, InvoiceNegative, MonthNotOver
from billing.invoicing.drafts import invoice_draft, organisations_in
from billing.invoicing.lines import usage_in
from billing.invoicing.numbers import number_next
from billing.invoicing.pdf import invoice_pdf
from billing.invoicing.sellers import printed, seller
from billing.invoicing.tax import Tax, tax_for
from billing.models import Invoice, InvoiceFile, InvoiceSending, Seller
from billing.plans.periods import A_DAY, month_end, next_month
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

REST = timedelta(days=2)  # after the month: calls of processes that died are in the books by then
CHECKED = timedelta(days=70)  # so long after its beginning a closed month is compared with the ledger


@transaction.atomic
def invoice_close(organisation_id: UUID, month: date, *, by: str = "", on: date | None = None) -> Invoice:
    """Raises MonthNotOver, InvoiceClosed, SellerMissing, DetailsNeeded, VatNumberNeeded, VatRateMissing,
    InvoiceNegative. What can't be closed stays a draft."""
    on = on or timezone.now().date()
    if on < next_month(month) + REST:
        raise MonthNotOver
    row = invoice_draft(organisation_id, month)
    if row.net_gbp < 0:
        raise InvoiceNegative
    if row.net_gbp == 0:
        return statement_close(row, by, on)
    issuer = seller()
    if not row.customer:
        raise DetailsNeeded
    tax = tax_for(
        country=row.customer["country"],
        vat_number=row.customer["vat_number"],
        on=row.month.replace(day=1),
        seller_vat_number=issuer.vat_number,
    )
    row.due_on = on + timedelta(days=issuer.payment_days)
    return issued(row, issuer, tax, "invoice", issuer.invoice_prefix, by, on)


def issued(row: Invoice, issuer: Seller, tax: Tax, series: str, prefix: str, by: str, on: date) -> Invoice:
    """A draft with lines becomes a document with a number."""
    row.tax_rule, row.tax_percent, row.tax_note = tax.rule, tax.percent, tax.note
    if row.kind == Invoice.Kind.INVOICE:
        row.tax_gbp = tax.on(row.net_gbp)
    row.total_gbp = row.net_gbp + row.tax_gbp
    row.seller = printed(issuer)
    row.number = number_next(series, prefix)
    row.issued_on, row.closed_at, row.closed_by = on, timezone.now(), by
    row.problem, row.state = "", Invoice.State.CLOSED
    content = invoice_pdf(row, list(row.lines.all()))
    row.save()
    InvoiceFile.objects.create(invoice=row, content=content, sha256=hashlib.sha256(content).hexdigest())
    InvoiceSending.objects.create(invoice=row)
    note(row)
    return row


def statement_close(row: Invoice, by: str, on: date) -> Invoice:
    """A month with nothing to pay is closed too, without a number: what it cost stays as it is."""
    row.kind, row.state, row.problem = Invoice.Kind.STATEMENT, Invoice.State.CLOSED, ""
    row.issued_on, row.closed_at, row.closed_by = on, timezone.now(), by
    row.save()
    return row


def note(row: Invoice) -> None:
    action = Action.INVOICE_CREDITED if row.kind == Invoice.Kind.CREDIT_NOTE else Action.INVOICE_CLOSED
    audit(
        action,
        target=row.number or "",
        target_id=str(row.pk),
        organisation=row.organisation_label,
        detail={"total_gbp": str(row.total_gbp)},
    )


# -- by the calendar ------------------------------------------------------------------------------


def months_close(on: date | None = None) -> int:
    """Draft what is over, close what can be closed. How many were closed; of the others the draft says why not."""
    on = on or timezone.now().date()
    month = (on.replace(day=1) - A_DAY).replace(day=1)
    due = {(organisation_id, month) for organisation_id in organisations_in(month)}
    drafts = Invoice.objects.filter(state=Invoice.State.DRAFT, kind=Invoice.Kind.INVOICE, month__lte=month)
    due |= set(drafts.values_list("organisation_id", "month"))
    closed = set(closed_in(month))
    return sum(closed_or_told(*one, on) for one in sorted(due, key=str) if one not in closed)


def closed_in(month: date) -> list[tuple[UUID, date]]:
    rows = Invoice.objects.filter(state=Invoice.State.CLOSED, month=month).exclude(kind=Invoice.Kind.CREDIT_NOTE)
    return list(rows.values_list("organisation_id", "month"))


def closed_or_told(organisation_id: UUID, month: date, on: date) -> bool:
    facts = {"organisation_id": str(organisation_id), "month": f"{month:%Y-%m}"}
    try:
        invoice_close(organisation_id, month, on=on)
    except InvoiceClosed:
        return False
    except VenaError as error:
        if not isinstance(error, MonthNotOver):
            logger.error("invoices.not_closed", extra={**facts, "code": error.code, "detail": error.detail})
        row = invoice_draft(organisation_id, month)
        Invoice.objects.filter(pk=row.pk).update(problem=error.text[:300])
        return False
    except Exception:  # noqa: BLE001  (one organisation's trouble is not the others')
        logger.exception("invoices.not_closed", extra=facts)
        return False
    return True


def invoices_check() -> list[Invoice]:
    """Closed months whose ledger says something else than their invoice: nothing may be written there any more."""
    since = (timezone.now().date().replace(day=1) - CHECKED).replace(day=1)
    rows = Invoice.objects.filter(state=Invoice.State.CLOSED, month__gte=since)
    found = []
    for row in rows.exclude(kind=Invoice.Kind.CREDIT_NOTE):
        now = usage_cost(row.organisation_id, row.month)
        if now != row.usage_gbp:
            found.append(row)
            facts = {"invoice": str(row), "organisation_id": str(row.organisation_id), "month": f"{row.month:%Y-%m}"}
            logger.error("invoices.differ", extra={**facts, "invoiced": str(row.usage_gbp), "ledger": str(now)})
    return found


def usage_cost(organisation_id: UUID, month: date) -> Decimal:
    return sum((one.cost for one in usage_in(organisation_id, month, month_end(month))), Decimal(0))
