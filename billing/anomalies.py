"""Spending that is far out of the usual: of a person or a model, on the day before, against its own last four weeks.

Usual is the median of the days on which something was spent. Far is more than twice that, and more than `SPREADS`
spreads above it, where the spread is the median distance from the median: one wild day does not move either. Below a
floor in pounds nothing is told, and with less than a week of figures nothing is known to be usual.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing.errors import AnomalyNotFound
from billing.models import RolledDay, SpendAnomaly
from tenants.models import Organisation

logger = logging.getLogger(__name__)

WINDOW = 28  # days
LEAST_DAYS = 7
SPREADS = 5
LIKE_A_DEVIATION = Decimal("1.4826")  # of a normal distribution, for one median distance
SHOWN_FOR = 30  # days
KEY_NAME = """
SELECT own.label FROM public.billing_usagename AS own WHERE own.kind = 'key'
  AND own.organisation_id = billing_dailyusage.organisation_id AND own.subject_id = billing_dailyusage.api_key_id
"""
SUBJECTS = {
    SpendAnomaly.Kind.MEMBER: ("member_id::text", "max(member_label)", "member_id IS NOT NULL"),
    SpendAnomaly.Kind.MODEL: ("provider || '/' || model", "max(provider || ' ' || model)", "true"),
    SpendAnomaly.Kind.KEY: ("api_key_id::text", f"max(({KEY_NAME}))", "api_key_id IS NOT NULL"),
}
# Only of those whose day is above the floor at all.
COSTS = """
WITH costs AS (
  SELECT organisation_id, {subject} AS subject, day, sum(cost_gbp) AS cost, {label} AS label
  FROM public.billing_dailyusage WHERE day BETWEEN %(since)s AND %(day)s AND {which} GROUP BY 1, 2, 3
)
SELECT organisation_id, subject,
  max(cost) FILTER (WHERE day = %(day)s), max(label) FILTER (WHERE day = %(day)s),
  array_agg(cost) FILTER (WHERE day < %(day)s AND cost > 0)
FROM costs GROUP BY 1, 2 HAVING max(cost) FILTER (WHERE day = %(day)s) >= %(floor)s
"""


@dataclass(frozen=True, slots=True)
class Usual:
    median: Decimal
    most: Decimal  # above is out of the usual


def usual_of(costs: Sequence[Decimal]) -> Usual | None:
    """None with too few days to know. Pure."""
    if len(costs) < LEAST_DAYS:
        return None
    middle = median(costs)
    spread = median([abs(cost - middle) for cost in costs]) * LIKE_A_DEVIATION
    return Usual(middle, max(2 * middle, middle + SPREADS * spread))


def anomalies_find(day: date | None = None) -> list[SpendAnomaly]:
    """Of all organisations that are open, of yesterday; those that are new. Nothing while the day is not rolled up."""
    day = day or timezone.now().date() - timedelta(days=1)
    if not RolledDay.objects.filter(day=day, until=None).exists():
        return []
    opened = set(Organisation.objects.filter(state=Organisation.State.ACTIVE).values_list("pk", flat=True))
    wanted = [row for kind in SpendAnomaly.Kind for row in out_of_the_usual(kind, day) if row.organisation_id in opened]
    known = set(SpendAnomaly.objects.filter(day=day).values_list("organisation_id", "kind", "subject"))
    fresh = [row for row in wanted if (row.organisation_id, row.kind, row.subject) not in known]
    SpendAnomaly.objects.bulk_create(fresh, ignore_conflicts=True)
    for row in fresh:
        logger.warning("usage.anomaly", extra={"organisation_id": str(row.organisation_id), "kind": row.kind})
    return fresh


def out_of_the_usual(kind: SpendAnomaly.Kind, day: date) -> Iterable[SpendAnomaly]:
    subject, label, which = SUBJECTS[kind]
    floor = Decimal(settings.VENA_ANOMALY_FLOOR_GBP)
    facts: dict[str, Any] = {"since": day - timedelta(days=WINDOW), "day": day, "floor": floor}
    with connection.cursor() as cursor:
        cursor.execute(COSTS.format(subject=subject, label=label, which=which), facts)
        rows = cursor.fetchall()
    for organisation_id, name, spent, called, costs in rows:
        usual = usual_of(costs or [])
        if usual and spent > usual.most and spent - usual.median >= floor:
            yield SpendAnomaly(
                organisation_id=organisation_id,
                day=day,
                kind=kind,
                subject=name,
                label=called or name,
                spent_gbp=spent,
                usual_gbp=usual.median,
                most_gbp=usual.most,
            )


# -- for the page -----------------------------------------------------------------------------------


def anomalies_unseen(organisation: Organisation) -> list[SpendAnomaly]:
    since = timezone.now().date() - timedelta(days=SHOWN_FOR)
    return list(SpendAnomaly.objects.filter(organisation=organisation, seen_at__isnull=True, day__gte=since))


def anomaly_see(organisation: Organisation, anomaly_id: UUID) -> None:
    """Seen for everybody who reads usage. Raises AnomalyNotFound."""
    if not SpendAnomaly.objects.filter(organisation=organisation, pk=anomaly_id).update(seen_at=timezone.now()):
        raise AnomalyNotFound(detail=str(anomaly_id))
