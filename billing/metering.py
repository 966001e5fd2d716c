"""The only writer of the ledger.

Its tables exist in the public schema only, which every organisation's search path ends with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal

from billing.models import UsageEvent
from billing.prices import quote
from billing.types import UsageRecord

logger = logging.getLogger(__name__)


def record_usage(records: Sequence[UsageRecord]) -> Decimal:
    """Append the calls of one turn or one ingestion in one statement; a key that exists already is left alone.

    Returns their cost in pounds.
    """
    events = [event_of(record) for record in records]
    UsageEvent.objects.bulk_create(events, ignore_conflicts=True)
    return sum((event.cost_gbp for event in events), Decimal(0))


def event_of(record: UsageRecord) -> UsageEvent:
    price = quote(record.provider, record.model)
    if price.price_id is None:
        logger.warning("usage.unpriced", extra={"provider": record.provider, "model": record.model})
    cached = min(record.cached_input_tokens, record.input_tokens)
    return UsageEvent(
        idempotency_key=record.key,
        organisation_id=record.tenant.id,
        organisation_label=record.tenant.schema_name,
        member_id=record.member_id,
        member_label=record.member_label,
        kind=record.kind,
        outcome=record.outcome,
        subject=record.subject,
        provider=record.provider,
        model=record.model,
        input_tokens=record.input_tokens,
        cached_input_tokens=cached,
        output_tokens=record.output_tokens,
        is_estimated=record.is_estimated,
        price_id=price.price_id,
        rate_id=price.rate_id,
        cost_gbp=price.cost(
            input_tokens=record.input_tokens, cached_input_tokens=cached, output_tokens=record.output_tokens
        ),
    )
