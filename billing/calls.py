"""The single calls behind a line of a report: figures only, never what was asked or answered."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from billing.errors import LineNotFound
from billing.models import UsageEvent
from billing.reports import check_period
from billing.rollups import day_bounds

IDS = {"member": "member_id", "group": "group_id", "key": "api_key_id", "conversation": "conversation_id"}


def calls_of_line(organisation_id: UUID, since: date, until: date, group: str, key: str) -> QuerySet[UsageEvent]:
    """Those that the line with this key sums up, in no order. Raises PeriodNotPossible, LineNotFound."""
    check_period(since, until)
    try:
        wanted = conditions(group, key)
    except ValueError as error:
        raise LineNotFound(detail=f"{group}: {key[:100]}") from error
    return UsageEvent.objects.filter(
        organisation_id=organisation_id,
        created_at__gte=day_bounds(since)[0],
        created_at__lt=day_bounds(until)[1],
        **wanted,
    )


def conditions(group: str, key: str) -> dict[str, Any]:
    """Raises ValueError for what is no key of such a line."""
    match group:
        case "day":
            return {"created_at__date": date.fromisoformat(key)}
        case "model":
            provider, _, model = key.partition("/")
            return {"provider": provider, "model": model}
        case "kind" | "cost_centre":
            return {group: key}
        case "collection":
            return {"collection_ids": sorted(UUID(one) for one in key.split(",")) if key else []}
    return {IDS[group]: UUID(key)} if key else {f"{IDS[group]}__isnull": True}
