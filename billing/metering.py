"""The only writer of the ledger. Called from `finally`, because failed and stopped calls cost money too.

Its tables exist in the public schema only, which every organisation's search path ends with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal

from django.utils import timezone

from billing.booking import booked
from billing.cost_groups import charged_to
from billing.models import UsageEvent
from billing.names import KEY, names_keep
from billing.prices import quote
from billing.types import UsageRecord
from tenants.selectors import own_key_providers

logger = logging.getLogger(__name__)

# What organisations' own keys are used for; vectors and reranking are the platform's.
OF_CHAT_MODELS = frozenset({"chat", "rewrite", "assist", "context"})


def record_usage(records: Sequence[UsageRecord]) -> Decimal:
    """Append the calls of one turn or one ingestion in one statement; a key that exists already is left alone.

    What is new is counted against the budgets with it. Returns the cost of all the calls in pounds.
    """
    events = events_of(records)
    if events:
        booked(events)
    return cost_of(events)


def events_of(records: Sequence[UsageRecord]) -> list[UsageEvent]:
    """One for each key, the first one. What the API keys behind them are called is kept for reports."""
    for record in records:
        if record.api_key_id:
            names_keep(record.tenant.id, KEY, {record.api_key_id: record.api_key_label})
    return list({record.key: event_of(record) for record in reversed(records)}.values())[::-1]


def cost_of(events: Sequence[UsageEvent]) -> Decimal:
    return sum((event.cost_gbp for event in events), Decimal(0))


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
        quantity=record.quantity,
        is_estimated=record.is_estimated,
        is_own_key=record.kind in OF_CHAT_MODELS and record.provider in own_key_providers(record.tenant.schema_name),
        price_id=price.price_id,
        rate_id=price.rate_id,
        cost_gbp=price.cost(
            input_tokens=record.input_tokens,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=record.output_tokens,
            quantity=record.quantity,
        ),
    )
