"""Warnings at 50, 80 and 100 % of a budget: once each by e-mail to owners and finance, and as a bar in the app.

A budget is at its end when it is spent or, what comes first, when a question found no room in it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from smtplib import SMTPException
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Role
from billing.budget_periods import current_periods
from billing.models import Budget, BudgetPeriod, DailyUsage
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import organisation_url

logger = logging.getLogger(__name__)

TOLD = (Role.OWNER, Role.FINANCE)
# One statement decides who sends: of two sweeps at the same time the second finds the row changed.
CLAIM = """
UPDATE public.billing_budgetperiod AS period SET warned_percent = due.percent
FROM (
  SELECT id, warned_percent AS before, CASE WHEN reached_at IS NOT NULL OR spent_gbp >= limit_gbp THEN 100
    WHEN spent_gbp >= 0.8 * limit_gbp THEN 80 WHEN spent_gbp >= 0.5 * limit_gbp THEN 50 ELSE 0 END AS percent
  FROM public.billing_budgetperiod WHERE id = ANY(%s)
) AS due
WHERE period.id = due.id AND period.warned_percent < due.percent
RETURNING period.id, due.before, due.percent
"""
UNCLAIM = "UPDATE public.billing_budgetperiod SET warned_percent = %s WHERE id = %s AND warned_percent = %s"


@dataclass(frozen=True, slots=True)
class Warned:
    """A budget's period that has come so far for the first time."""

    period: BudgetPeriod
    before: int  # the warning that was the last one
    percent: int

    @property
    def is_mailed(self) -> bool:
        """Of a budget that each member has, owners hear when somebody is at its end: not three times for everybody."""
        budget = self.period.budget
        is_of_each = budget.scope == Budget.Scope.MEMBER and budget.subject_id is None
        return self.percent == 100 or not is_of_each


def budgets_warn(today: date | None = None) -> list[Warned]:
    """Claim what is due and send it, an e-mail for an organisation. Repeatable: what was sent is not sent again."""
    claimed = warnings_claim(today or timezone.now().date())
    for organisation_id in {one.period.budget.organisation_id for one in claimed}:
        told = [one for one in claimed if one.period.budget.organisation_id == organisation_id and one.is_mailed]
        if told:
            warnings_send(told)
    return claimed


def warnings_claim(today: date) -> list[Warned]:
    running = {period.pk: period for period in current_periods(today)}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(running)])
        return [Warned(running[pk], before, percent) for pk, before, percent in cursor.fetchall()]


def warnings_send(told: Sequence[Warned]) -> None:
    """One that can't be sent is due again in the next sweep."""
    organisation = told[0].period.budget.organisation
    people = readers(organisation)
    try:
        if people:
            message(organisation, people, told).send()
    except (SMTPException, OSError):
        logger.exception("budgets.warning_not_sent", extra={"organisation_id": str(organisation.pk)})
        with connection.cursor() as cursor:
            cursor.executemany(UNCLAIM, [(one.before, one.period.pk, one.percent) for one in told])


def readers(organisation: Organisation) -> list[str]:
    with entered(organisation.schema_name):
        people = User.objects.filter(role__in=TOLD, is_active=True).values_list("email", flat=True)
        return list(people)


def message(organisation: Organisation, people: Sequence[str], told: Sequence[Warned]) -> EmailMessage:
    names = names_of(organisation, [one.period for one in told])
    lines = [(names[one.period.subject_id], one) for one in sorted(told, key=lambda one: -one.percent)]
    most = max(one.percent for one in told)
    said = "is used up" if most == 100 else f"is used to {most} %"
    what = f"a budget for questions {said}" if len(told) == 1 else f"{len(told)} budgets for questions need a look"
    address = f"{organisation_url(organisation)}/usage/budgets/"
    facts = {"organisation": organisation, "lines": lines, "address": address}
    body = render_to_string("billing/mail/budget_warning.txt", facts)
    # Everybody in `bcc`: a list of who else is told is nobody's business.
    return EmailMessage(f"{organisation.name}: {what}", body, bcc=list(people))


def names_of(organisation: Organisation, periods: Sequence[BudgetPeriod]) -> dict[UUID, str]:
    """What people call the subjects of some periods."""
    people = [period.subject_id for period in periods if period.budget.scope == Budget.Scope.MEMBER]
    labels = member_labels(organisation, people) if people else {}
    return {period.subject_id: name_of(organisation, period, labels) for period in periods}


def member_labels(organisation: Organisation, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Of those who left, as the ledger knows them."""
    with entered(organisation.schema_name):
        here = {user.pk: user.email for user in User.objects.filter(pk__in=ids)}
    left = DailyUsage.objects.filter(organisation_id=organisation.pk, member_id__in=set(ids) - set(here))
    return {**dict(left.values_list("member_id").annotate(Max("member_label"))), **here}


def name_of(organisation: Organisation, period: BudgetPeriod, labels: dict[UUID, str]) -> str:
    if period.budget.scope == Budget.Scope.ORGANISATION:
        return organisation.name
    return labels.get(period.subject_id) or period.budget.subject_label or "somebody who left"
