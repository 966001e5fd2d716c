"""A member who is erased keeps their sums in the books, without a name: ids stay, labels go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from billing.models import Budget, SpendAnomaly, UsageEvent
from billing.models_rollups import DailyUsage, UsageName

ERASED = "erased"


def calls_of(organisation_id: UUID, member_id: UUID) -> QuerySet[UsageEvent]:
    return UsageEvent.objects.filter(organisation_id=organisation_id, member_id=member_id)


def days_of(organisation_id: UUID, member_id: UUID) -> QuerySet[DailyUsage]:
    return DailyUsage.objects.filter(organisation_id=organisation_id, member_id=member_id)


def anomalies_of(organisation_id: UUID, member_id: UUID) -> QuerySet[SpendAnomaly]:
    return SpendAnomaly.objects.filter(organisation_id=organisation_id, kind="member", subject=str(member_id))


def named_rows(organisation_id: UUID, member_id: UUID) -> int:
    """Ledger rows, roll-ups and budgets that still hold the member's name."""
    budgets = Budget.objects.filter(organisation_id=organisation_id, subject_id=member_id)
    return (
        calls_of(organisation_id, member_id).exclude(member_label__in=["", ERASED]).count()
        + days_of(organisation_id, member_id).exclude(member_label__in=["", ERASED]).count()
        + anomalies_of(organisation_id, member_id).exclude(label=ERASED).count()
        + budgets.exclude(subject_label__in=["", ERASED]).count()
    )


@transaction.atomic
def member_label_erase(*, organisation_id: UUID, member_id: UUID) -> int:
    """How many ledger rows lost the name. The database lets a label be blanked, and refuses all other updates."""
    Budget.objects.filter(organisation_id=organisation_id, subject_id=member_id).update(
        subject_label=ERASED, is_active=False
    )
    anomalies_of(organisation_id, member_id).update(label=ERASED)
    days_of(organisation_id, member_id).exclude(member_label="").update(member_label=ERASED)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE public.billing_usageevent SET member_label = %s "
            "WHERE organisation_id = %s AND member_id = %s AND member_label NOT IN ('', %s)",
            [ERASED, organisation_id, member_id, ERASED],
        )
        return int(cursor.rowcount)


def names_erase(organisation_id: UUID) -> int:
    """What an organisation that is deleted called its groups and collections: its books keep their ids."""
    return UsageName.objects.filter(organisation_id=organisation_id).delete()[0]


def calls_shown(organisation_id: UUID, member_id: UUID) -> list[dict[str, Any]]:
    """For the export of what is kept about a person."""
    names = ("created_at", "kind", "outcome", "provider", "model", "input_tokens", "output_tokens", "cost_gbp")
    return list(calls_of(organisation_id, member_id).order_by("created_at").values(*names))
