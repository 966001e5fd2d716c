"""Invoices by e-mail: each once, to whom the organisation named, with the PDF. Refused by the server, tried again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from billing.budget_warnings import readers
from billing.models import Invoice, InvoiceSending
from tenants.models import Organisation
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)

ABANDONED = timedelta(minutes=15)
# One statement decides who sends: of two sweeps at the same time the second finds the row claimed.
CLAIM = """
UPDATE public.billing_invoicesending SET claimed_at = %(now)s
WHERE sent_at IS NULL AND (claimed_at IS NULL OR claimed_at < %(abandoned)s) RETURNING id
"""


def invoices_send(now: datetime | None = None) -> int:
    """What was closed and not sent. How many were."""
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "abandoned": now - ABANDONED})
        claimed = [pk for (pk,) in cursor.fetchall()]
    rows = InvoiceSending.objects.filter(pk__in=claimed).select_related("invoice__file", "invoice__corrects")
    return sum(sent(row, now) for row in rows.order_by("invoice__number"))


def sent(row: InvoiceSending, now: datetime) -> bool:
    invoice = row.invoice
    people = recipients(invoice)
    try:
        if people:
            message(invoice, people).send()
    except (SMTPException, OSError):
        logger.exception("invoices.not_sent", extra={"organisation_id": str(invoice.organisation_id)})
        row.claimed_at, row.failures = None, row.failures + 1
        row.save(update_fields=["claimed_at", "failures"])
        return False
    row.sent_at, row.people = now, len(people)
    row.save(update_fields=["sent_at", "people"])
    return bool(people)


def recipients(invoice: Invoice) -> list[str]:
    """The address on the invoice, else owners and finance. An organisation that is gone has only the first."""
    if named := invoice.customer.get("email"):
        return [named]
    organisation = Organisation.objects.filter(pk=invoice.organisation_id).first()
    return readers(organisation) if organisation else []


def message(invoice: Invoice, people: list[str]) -> EmailMessage:
    organisation = Organisation.objects.filter(pk=invoice.organisation_id).first()
    facts = {
        "invoice": invoice,
        "address": f"{organisation_url(organisation)}/billing/" if organisation else "",
    }
    body = render_to_string("billing/mail/invoice.txt", facts)
    subject = f"{invoice.get_kind_display()} {invoice.number} from {invoice.seller['name']}"
    mail = EmailMessage(subject, body, bcc=people, reply_to=[invoice.seller["email"]])
    mail.attach(f"{invoice.number}.pdf", bytes(invoice.file.content), "application/pdf")
    return mail
