"""The only writer of the ledger. Called from `finally`, because failed and stopped calls cost money too.

Its tables exist in the public schema only, which every organisation's search path ends with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from billing.budgets import budget_count, budget_release, has_budgets
from billing.cost_groups import charged_to
from billing.models import UsageEvent
from billing.names import KEY, names_keep
from billing.prices import quote
from billing.types import UsageRecord

logger = logging.getLogger(__name__)

FIELDS = [field for field in UsageEvent._meta.concrete_fields if field.name != "id"]
COLUMNS = ", ".join(f'"{field.column}"' for field in FIELDS)
ROW = "(" + ", ".join(f"%s::{field.db_type(connection)}" for field in FIELDS) + ")"
INSERT = """
WITH fresh AS (
  INSERT INTO public.billing_usagekey (key) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING RETURNING key
)
INSERT INTO public.billing_usageevent ({columns})
SELECT call.* FROM (VALUES {rows}) AS call ({columns}) JOIN fresh ON fresh.key = call.idempotency_key
RETURNING organisation_id, member_id, group_ids, cost_gbp, created_at
"""


def record_usage(records: Sequence[UsageRecord]) -> Decimal:
    """Append the calls of one turn or one ingestion in one statement; a key that exists already is left alone.

    What is new is counted against the budgets in the same transaction. Returns the cost of all the calls in pounds.
    """
    events = list({record.key: event_of(record) for record in reversed(records)}.values())[::-1]
    if not events:
        return Decimal(0)
    for record in records:
        if record.api_key_id:
            names_keep(record.tenant.id, KEY, {record.api_key_id: record.api_key_label})
    organisations = {event.organisation_id for event in events}
    if any(map(has_budgets, organisations)):
        with transaction.atomic():
            budget_count(appended(events))
    else:
        appended(events)
    return sum((event.cost_gbp for event in events), Decimal(0))


def usage_settle(records: Sequence[UsageRecord], held: UUID) -> Decimal:
    """An answer has ended: its calls are in the ledger and what it held is free, both or neither. Returns the cost."""
    with transaction.atomic():
        cost = record_usage(records)
        budget_release(held)
    return cost


def appended(events: Sequence[UsageEvent]) -> list[tuple[Any, ...]]:
    """Write the events that are new; (organisation, member, groups, cost, time) of each of these."""
    sql = INSERT.format(columns=COLUMNS, rows=", ".join([ROW] * len(events)))
    values = [getattr(event, field.attname) for event in events for field in FIELDS]
    with connection.cursor() as cursor:
        cursor.execute(sql, [[event.idempotency_key for event in events], *values])
        return list(cursor.fetchall())


def event_of(record: UsageRecord) -> UsageEvent:
    price = quote(record.provider, record.model)
    if price.price_id is None:
        logger.warning("usage.unpriced", extra={"provider": record.provider, "model": record.model})
    cached = min(record.cached_input_tokens, record.input_tokens)
    written = min(record.cache_write_tokens, record.input_tokens - cached)
    charged = charged_to(record)
    return UsageEvent(
        idempotency_key=record.key,
        created_at=timezone.now(),
        organisation_id=record.tenant.id,
        organisation_label=record.tenant.schema_name,
        member_id=record.member_id,
        member_label=record.member_label,
        group_ids=list(record.group_ids),
        group_id=charged.group_id,
        cost_centre=charged.cost_centre,
        api_key_id=record.api_key_id,
        conversation_id=record.conversation_id,
        collection_ids=sorted(record.collection_ids),
        kind=record.kind,
        outcome=record.outcome,
        subject=record.subject,
        provider=record.provider,
        model=record.model,
        input_tokens=record.input_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=record.output_tokens,
        is_estimated=record.is_estimated,
        price_id=price.price_id,
        rate_id=price.rate_id,
        cost_gbp=price.cost(
            input_tokens=record.input_tokens,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=record.output_tokens,
        ),
    )
