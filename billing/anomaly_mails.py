"""Owners and finance hear by e-mail of spending out of the usual, once, in one message for an organisation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from billing.budget_warnings import readers
from billing.models import SpendAnomaly
from tenants.models import Organisation
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)

TOLD_WITHIN = timedelta(days=3)  # of the day; what is older is on the page
# Of two that send at the same time, the second finds nothing.
CLAIM = """
UPDATE public.billing_spendanomaly SET mailed_at = now()
WHERE mailed_at IS NULL AND seen_at IS NULL AND day >= %s RETURNING id
"""


def anomalies_tell() -> int:
    """How many were told. What the mail server refuses is told the next time."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [(timezone.now() - TOLD_WITHIN).date()])
        claimed = [pk for (pk,) in cursor.fetchall()]
    rows = list(SpendAnomaly.objects.filter(pk__in=claimed).select_related("organisation"))
    for organisation in {row.organisation for row in rows}:
        send(organisation, [row for row in rows if row.organisation == organisation])
    return len(rows)


def send(organisation: Organisation, rows: Sequence[SpendAnomaly]) -> None:
    try:
        if people := readers(organisation):
            message(organisation, people, rows).send()
    except (SMTPException, OSError):
        logger.exception("anomalies.not_told", extra={"organisation_id": str(organisation.pk)})
        SpendAnomaly.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=None)


def message(organisation: Organisation, people: Sequence[str], rows: Sequence[SpendAnomaly]) -> EmailMessage:
    facts = {"organisation": organisation, "rows": rows, "address": f"{organisation_url(organisation)}/usage/"}
    body = render_to_string("billing/mail/anomaly.txt", facts)
    # Everybody in `bcc`: a list of who else is told is nobody's business.
    return EmailMessage(f"{organisation.name}: more was spent than usual", body, bcc=list(people))
