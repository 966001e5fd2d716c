"""An answer whose process died: what it had spent until then is booked."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from billing.open_answers import lost_settle
from knowledge.providers.streams import estimate_tokens


def lost_answer_settle(schema_name: str, answer_id: UUID, shown: str) -> Decimal:
    """`shown` is as much of its text as is known. The cost, in pounds; repeatable, then it is nothing."""
    return lost_settle(schema_name, answer_id, estimate_tokens(shown))
