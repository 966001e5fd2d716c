"""Adding, pausing and removing reports that are sent by e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.permissions import Can, may
from billing.errors import ScheduleNotFound, ScheduleNotPossible
from billing.models import ReportSchedule
from billing.schedules import REPORTS
from tenants.entitlements import Feature
from tenants.errors import NotInPlan
from tenants.models import Organisation

MOST = 50  # for one organisation


def schedule_of(organisation: Organisation, schedule_id: UUID) -> ReportSchedule:
    row = ReportSchedule.objects.filter(organisation=organisation, pk=schedule_id).first()
    if row is None:
        raise ScheduleNotFound(detail=str(schedule_id))
    return row


@transaction.atomic
def schedule_add(
    *,
    organisation: Organisation,
    report: str,
    every: str,
    formats: Sequence[str],
    people: Sequence[User] = (),
) -> ReportSchedule:
    """From the period that runs now on. Raises ScheduleNotPossible, NotInPlan."""
    if not organisation.entitled.allows(Feature.SCHEDULES):
        raise NotInPlan(Feature.SCHEDULES.label)
    if report not in REPORTS or not formats or not set(formats) <= set(ReportSchedule.Format.values):
        raise ScheduleNotPossible
    if refused := [one.email for one in people if not may(one.role, Can.READ_USAGE)]:
        raise ScheduleNotPossible(f"{refused[0]} may not read usage. Choose somebody who is owner, admin or finance.")
    if ReportSchedule.objects.filter(organisation=organisation).count() >= MOST:
        raise ScheduleNotPossible(f"There are {MOST} already. Remove one that nobody reads, then add this one.")
    row = ReportSchedule.objects.create(
        organisation=organisation,
        report=report,
        every=every,
        formats=list(formats),
        member_ids=[one.pk for one in people],
        starts_on=timezone.now().date(),
    )
    told(row, "added")
    return row


def schedule_pause(row: ReportSchedule, *, is_active: bool) -> None:
    """One that goes on again begins with the period that runs then: what was missed is not sent after."""
    if is_active and not row.is_active:
        row.starts_on = timezone.now().date()
    row.is_active = is_active
    row.save(update_fields=["is_active", "starts_on"])
    told(row, "resumed" if is_active else "paused")


def schedule_remove(row: ReportSchedule) -> None:
    told(row, "removed")
    row.delete()


def told(row: ReportSchedule, what: str) -> None:
    facts = {"what": what, "report": row.report, "every": row.every, "people": len(row.member_ids)}
    audit(Action.REPORT_SCHEDULED, target_id=str(row.pk), detail=facts)
