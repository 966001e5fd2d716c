"""Reports by e-mail: what is due, made and sent once for each period; refused by the mail server, tried again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Can, Role, may
from billing import statements
from billing.exporting import file_of, media_type, sheet_of
from billing.models import ReportSchedule, ReportSending
from billing.reports import usage_report
from billing.sheets import About, Sheet
from tenants.context import entered
from tenants.entitlements import Feature
from tenants.models import Organisation
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)

TOLD = (Role.OWNER, Role.FINANCE)
REPORTS = {
    "chargeback": "Chargeback by cost centre and group",
    "day": "Usage by day",
    "member": "Usage by person",
    "group": "Usage by group",
    "model": "Usage by model",
    "kind": "Usage by what it was for",
    "collection": "Usage by collection",
    "key": "Usage by API key",
}
REST = timedelta(minutes=20)  # after midnight: the last calls of the day before are written
ABANDONED = timedelta(minutes=15)  # who claimed a report so long ago and did not send it is gone
# One statement decides who sends: of two sweeps at the same time the second finds the row claimed.
CLAIM = """
INSERT INTO public.billing_reportsending (schedule_id, since, claimed_at, people, failures)
VALUES (%(schedule)s, %(since)s, %(now)s, 0, 0)
ON CONFLICT ON CONSTRAINT one_sending_a_period DO UPDATE SET claimed_at = EXCLUDED.claimed_at
WHERE billing_reportsending.sent_at IS NULL
  AND (billing_reportsending.claimed_at IS NULL OR billing_reportsending.claimed_at < %(abandoned)s)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A period that has ended, both days included."""

    schedule: ReportSchedule
    since: date
    until: date


def reports_send(now: datetime | None = None) -> int:
    """Send what is due. Repeatable: what was sent is not sent again. How many were sent."""
    now = now or timezone.now()
    return sum(1 for due in reports_due(now) if (sending := claimed(due, now)) and sent(due, sending, now))


def reports_due(now: datetime) -> Iterator[Due]:
    """Of each schedule the last period that has ended, unless it was sent."""
    today = (now - REST).date()
    rows = ReportSchedule.objects.filter(is_active=True, organisation__state=Organisation.State.ACTIVE)
    for schedule in rows.select_related("organisation"):
        since, until = last_period(schedule.every, today)
        is_in_plan = schedule.organisation.entitled.allows(Feature.SCHEDULES)
        if is_in_plan and until >= schedule.starts_on and not is_sent(schedule, since):
            yield Due(schedule, since, until)


def last_period(every: str, today: date) -> tuple[date, date]:
    """The week, from Monday on, or the month that ended last before today."""
    if every == ReportSchedule.Every.WEEK:
        monday = today - timedelta(days=today.weekday())
        return monday - timedelta(days=7), monday - timedelta(days=1)
    until = today.replace(day=1) - timedelta(days=1)
    return until.replace(day=1), until


def is_sent(schedule: ReportSchedule, since: date) -> bool:
    return ReportSending.objects.filter(schedule=schedule, since=since, sent_at__isnull=False).exists()


def claimed(due: Due, now: datetime) -> int | None:
    """The row that says that we send it; None where somebody else does, or did."""
    values: dict[str, Any] = {"schedule": due.schedule.pk, "since": due.since, "now": now, "abandoned": now - ABANDONED}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def sent(due: Due, sending: int, now: datetime) -> bool:
    """Whether it went out. One that can't be sent is due again in the next sweep."""
    organisation = due.schedule.organisation
    row = ReportSending.objects.get(pk=sending)
    try:
        people = recipients(organisation, due.schedule.member_ids)
        if people:
            message(organisation, people, due, now).send()
    except (SMTPException, OSError):
        facts = {"organisation_id": str(organisation.pk), "schedule": str(due.schedule.pk), "since": str(due.since)}
        logger.exception("reports.not_sent", extra=facts)
        row.claimed_at, row.failures = None, row.failures + 1
        row.save(update_fields=["claimed_at", "failures"])
        return False
    row.sent_at, row.people = now, len(people)
    row.save(update_fields=["sent_at", "people"])
    return bool(people)


def recipients(organisation: Organisation, member_ids: Sequence[UUID]) -> list[str]:
    """Who still is there and may still read usage: a named person who may not any more gets nothing."""
    with entered(organisation.schema_name):
        people = User.objects.filter(is_active=True, is_service=False)
        people = people.filter(pk__in=member_ids) if member_ids else people.filter(role__in=TOLD)
        return [one.email for one in people if may(one.role, Can.READ_USAGE)]


def message(organisation: Organisation, people: Sequence[str], due: Due, now: datetime) -> EmailMessage:
    sheet = sheet_for(organisation.pk, due)
    title = REPORTS.get(due.schedule.report, sheet.title)
    facts = {
        "organisation": organisation,
        "title": title,
        "due": due,
        "total": statements.chargeback(organisation.pk, due.since, due.until).total,
        "address": f"{organisation_url(organisation)}/usage/?from={due.since}&to={due.until}",
        "schedules": f"{organisation_url(organisation)}/usage/schedules/",
    }
    body = render_to_string("billing/mail/report.txt", facts)
    subject = f"{organisation.name}: {title}, {due.since:%d %b} to {due.until:%d %b %Y}"
    # Everybody in `bcc`: a list of who else is told is nobody's business.
    mail = EmailMessage(subject, body, bcc=list(people))
    for ending in due.schedule.formats:
        content = file_of(sheet, ending, About(organisation.name, now))
        mail.attach(sheet.file_name(ending), content, media_type(ending).partition(";")[0])
    return mail


def sheet_for(organisation_id: UUID, due: Due) -> Sheet:
    if due.schedule.report == "chargeback":
        return statements.chargeback_sheet(statements.chargeback(organisation_id, due.since, due.until))
    return sheet_of(usage_report(organisation_id, due.since, due.until, due.schedule.report))
