"""What an answer has spent until now is noted before each call, so that it is not lost with the process.

The note goes when the answer has ended, in the statement that writes its calls. One that is left belongs to a process
that died: its calls are written then, the open one as an estimate, and what it held is free. Should the process turn
out to be alive, what was written for it is taken back, because it writes its calls itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.utils import timezone

from billing.booking import booked
from billing.budgets import FORGOTTEN_AFTER, budget_release
from billing.corrections import event_take_back, is_corrected
from billing.metering import cost_of, events_of
from billing.models import BudgetHold, OpenAnswer, UsageEvent
from billing.types import UsageRecord
from tenants.types import TenantKey

logger = logging.getLogger(__name__)

# Not waited for until it is on the disk: the note is for a process that dies, and the database goes on then.
NOTE = """
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO public.billing_openanswer
  (id, subject, organisation_id, organisation_label, held, calls, opened_at)
SELECT %s, %s, %s, %s, %s, %s, now() FROM quick
ON CONFLICT (id) DO UPDATE SET held = EXCLUDED.held, calls = EXCLUDED.calls
"""


def answer_note(open_id: UUID, subject: UUID, held: UUID | None, calls: Sequence[UsageRecord]) -> None:
    """`calls` are those that have ended and, as the last one, the one that is about to begin."""
    tenant = calls[-1].tenant
    written = json.dumps([asdict(call) for call in calls], default=str)
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [open_id, subject, tenant.id, tenant.schema_name, held, written])


def calls_of(row: OpenAnswer) -> list[UsageRecord]:
    return [record_of(facts) for facts in row.calls]


def record_of(facts: dict[str, Any]) -> UsageRecord:
    tenant = TenantKey(UUID(facts["tenant"]["id"]), facts["tenant"]["schema_name"])
    known = {field.name: as_it_was(str(field.type), facts[field.name]) for field in fields(UsageRecord)}
    return UsageRecord(**{**known, "tenant": tenant})


def as_it_was(kind: str, value: Any) -> Any:
    """JSON has neither ids nor tuples."""
    if isinstance(value, list):
        return tuple(as_it_was(kind, one) for one in value)
    return UUID(value) if "UUID" in kind and isinstance(value, str) else value


def usage_settle(records: Sequence[UsageRecord], held: UUID | None, open_id: UUID | None = None) -> Decimal:
    """An answer has ended by itself: its calls are in the ledger, what it held is free, its note is gone: all of it
    or nothing. Returns the cost."""
    events = events_of(records)
    if events or held or open_id:
        done = booked(events, held=[held] if held else [], closes=[open_id] if open_id else [])
        if open_id and open_id not in done.closed:
            taken_for_dead(open_id, records)
    return cost_of(events)


# -- a process died -------------------------------------------------------------------------------


def lost_settle(schema_name: str, subject: UUID, shown_tokens: int) -> Decimal:
    """Write what an answer had spent whose process is gone, and give back what it held. `shown_tokens`: what people
    saw of it. The cost, in pounds."""
    rows = list(OpenAnswer.objects.filter(organisation_label=schema_name, subject=subject))
    events = [event for row in rows for event in row_settle(row, shown_tokens)]
    if BudgetHold.objects.filter(key=subject, period__budget__organisation__schema_name=schema_name).exists():
        budget_release(subject)  # it died before its first call
    return cost_of(events)


def lost_sweep() -> int:
    """The same for all that are older than any answer gets: work behind answers, and whatever nobody looked after.
    How many these were."""
    rows = list(OpenAnswer.objects.filter(opened_at__lt=timezone.now() - FORGOTTEN_AFTER))
    return len([row for row in rows if row_settle(row)])


@transaction.atomic
def row_settle(row: OpenAnswer, shown_tokens: int = 0) -> list[UsageEvent]:
    """Once: whoever takes the note away writes the calls."""
    if not OpenAnswer.objects.filter(pk=row.pk).delete()[0]:
        return []
    calls = with_shown(calls_of(row), shown_tokens)
    events = events_of([replace(call, key=lost_key(row.pk, call.key)) for call in calls])
    booked(events, held=[row.held] if row.held else [])
    logger.warning(
        "usage.lost_answer_settled",
        extra={"organisation": row.organisation_label, "answer": str(row.subject), "calls": len(events)},
    )
    return events


def with_shown(calls: list[UsageRecord], tokens: int) -> list[UsageRecord]:
    """The open call wrote what was shown, less what calls before it wrote."""
    *ended, last = calls
    if last.kind != UsageEvent.Kind.CHAT:
        return calls
    before = sum(call.output_tokens for call in ended if call.kind == UsageEvent.Kind.CHAT)
    return [*ended, replace(last, output_tokens=max(last.output_tokens, tokens - before))]


def lost_key(open_id: UUID, key: UUID) -> UUID:
    return uuid5(open_id, str(key))


# -- and was alive --------------------------------------------------------------------------------


def taken_for_dead(open_id: UUID, calls: Sequence[UsageRecord]) -> None:
    """Take back what was written for an answer that has ended by itself after all."""
    keys = [lost_key(open_id, call.key) for call in calls]
    subjects = {call.subject for call in calls}
    for event in UsageEvent.objects.filter(subject__in=subjects, idempotency_key__in=keys, is_counter=False):
        if not is_corrected(event):
            event_take_back(event, reason="The answer ended by itself; its calls are in the ledger.")
