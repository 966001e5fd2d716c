"""Owners and finance hear by e-mail what their subscription needs, each thing once."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from billing.budget_warnings import readers
from billing.models import Subscription
from billing.plans.actions import State, today
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)

BEFORE = timedelta(days=3)  # the end of a trial
SUBJECTS = {
    "trial": "your trial ends soon",
    "choice": "your trial is over",
    "payment": "an invoice is unpaid",
    "suspended": "your organisation is suspended",
    "ended": "your subscription has ended",
}


def subscribers_tell(on: date | None = None) -> int:
    """How many messages went out. What the mail server refuses is tried again with the next sweep."""
    on = on or today()
    rows = Subscription.objects.exclude(state=State.ACTIVE).select_related("plan", "organisation")
    return sum(told(row, due) for row in rows if (due := due_of(row, on)) and due != row.told_of)


def due_of(row: Subscription, on: date) -> str:
    """What is to be said, with the day it is about: said once for each."""
    match row.state:
        case State.TRIAL if row.trial_ends_on and not row.changes_on and row.trial_ends_on - BEFORE <= on:
            return f"trial {row.trial_ends_on}"
        case State.GRACE:
            return f"{row.lacks} {row.grace_ends_on}"
        case State.SUSPENDED | State.ENDED:
            return f"{row.state} {row.grace_ends_on or ''}".strip()
    return ""


def told(row: Subscription, due: str) -> bool:
    """One UPDATE decides who says it."""
    before = row.told_of
    if not Subscription.objects.filter(pk=row.pk, told_of=before).update(told_of=due):
        return False
    people = readers(row.organisation)
    try:
        if people:
            message(row, due.partition(" ")[0], people).send()
    except (SMTPException, OSError):
        logger.exception("subscriptions.not_told", extra={"organisation_id": str(row.organisation_id)})
        Subscription.objects.filter(pk=row.pk, told_of=due).update(told_of=before)
        return False
    return bool(people)


def message(row: Subscription, what: str, people: list[str]) -> EmailMessage:
    facts = {"row": row, "what": what, "address": f"{organisation_url(row.organisation)}/billing/"}
    body = render_to_string("billing/mail/subscription.txt", facts)
    # Everybody in `bcc`: a list of who else is told is nobody's business.
    return EmailMessage(f"{row.organisation.name}: {SUBJECTS[what]}", body, bcc=people)
