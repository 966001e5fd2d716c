"""Owners and finance hear that a card was refused, and why."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from uuid import UUID

from celery import shared_task
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from billing.budget_warnings import readers
from billing.models import Payment
from tenants.models import Organisation
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)


@shared_task
def tell_of_payment(*, payment_id: str) -> None:
    payment_failed_tell(UUID(payment_id))


def payment_failed_tell(payment_id: UUID) -> None:
    payment = Payment.objects.get(pk=payment_id)
    organisation = Organisation.objects.filter(pk=payment.organisation_id).first()
    people = readers(organisation) if organisation else []
    if not people or organisation is None:
        return
    facts = {"payment": payment, "organisation": organisation, "address": f"{organisation_url(organisation)}/billing/"}
    body = render_to_string("billing/mail/payment_failed.txt", facts)
    try:
        # Everybody in `bcc`: a list of who else is told is nobody's business.
        subject = f"{organisation.name}: invoice {payment.invoice_number} could not be paid"
        EmailMessage(subject, body, bcc=people).send()
    except (SMTPException, OSError):
        logger.exception("invoices.refusal_not_told", extra={"organisation_id": str(organisation.pk)})
