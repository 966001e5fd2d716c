"""What was wrong in the ledger is taken back by a counter-entry, and, where the right figures are known, entered anew.

Both are dated when they are made: days that are over stay as they were reported. A row is taken back once; the row that
stands for it can be corrected in its turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from billing.booking import FIELDS, booked
from billing.errors import CallIsCorrected, CorrectionNotPossible
from billing.models import UsageEvent, UsageKey
from billing.prices import Quote, load_quote, quote_at

NEGATED = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "quantity", "cost_gbp")
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call used in truth. Input includes what was read from a cache and what was written to it."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def is_possible(self) -> bool:
        counts = (self.input_tokens, self.output_tokens, self.cached_input_tokens, self.cache_write_tokens)
        return min(counts) >= 0 and self.cached_input_tokens + self.cache_write_tokens <= self.input_tokens


def is_corrected(event: UsageEvent) -> bool:
    return UsageKey.objects.filter(pk=counter_key(event)).exists()


@transaction.atomic
def event_take_back(event: UsageEvent, *, reason: str, entered_by: str = "") -> UsageEvent:
    """The counter-entry. Raises CallIsCorrected, CorrectionNotPossible."""
    if event.is_counter:
        raise CorrectionNotPossible("A counter-entry is not taken back. Correct the row that stands beside it.")
    if not reason.strip():
        raise CorrectionNotPossible("Say why: the books keep the reason.")
    counter = copied(event, key=counter_key(event), reason=reason, entered_by=entered_by)
    counter.is_counter = True
    for name in NEGATED:
        setattr(counter, name, -getattr(event, name))
    if counter.idempotency_key not in booked([counter]).written:
        raise CallIsCorrected(detail=str(event.idempotency_key))
    return counter


@transaction.atomic
def event_replace(
    event: UsageEvent, tokens: Tokens, *, reason: str, entered_by: str = "", is_estimated: bool = False
) -> UsageEvent:
    """Taken back, and entered with its true tokens at the price and rate of its own time. Where none was known then,
    at those that are known now for its day. Raises what `event_take_back` raises."""
    if not tokens.is_possible:
        raise CorrectionNotPossible("Tokens are not below nothing, and those of a cache are part of the input.")
    event_take_back(event, reason=reason, entered_by=entered_by)
    row = copied(event, key=uuid5(event.idempotency_key, "right"), reason=reason, entered_by=entered_by)
    price, row.is_estimated = price_of(event), is_estimated
    row.price_id, row.rate_id = price.price_id, price.rate_id
    values = {name: getattr(tokens, name) for name in Tokens.__slots__}
    for name, value in values.items():
        setattr(row, name, value)
    row.cost_gbp = price.cost(**values, quantity=event.quantity)
    booked([row])
    return row


def counter_key(event: UsageEvent) -> UUID:
    return uuid5(event.idempotency_key, "taken back")


def copied(event: UsageEvent, *, key: UUID, reason: str, entered_by: str) -> UsageEvent:
    """Everything else stays: whose it was, what for, of which model."""
    facts: dict[str, Any] = {field.attname: getattr(event, field.attname) for field in FIELDS}
    return UsageEvent(
        **{
            **facts,
            "idempotency_key": key,
            "created_at": timezone.now(),
            "corrects": event.idempotency_key,
            "reason": reason.strip()[:LONGEST_REASON],
            "entered_by": entered_by,
        }
    )


def price_of(event: UsageEvent) -> Quote:
    if event.price and event.rate:
        return quote_at(event.price, event.rate)
    return load_quote(event.provider, event.model, event.created_at.date())
