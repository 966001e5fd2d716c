from __future__ import annotations

from uuid import uuid4

from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.types import Asker, Library, ModelUsage


def record_search(library: Library, asker: Asker, usage: ModelUsage) -> None:
    """Meter the query embedding of a search that is not part of an answer."""
    record = UsageRecord(
        key=uuid4(),
        tenant=library.tenant,
        kind="embedding",
        outcome="complete",
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_id=asker.id,
        member_label=asker.label,
    )
    record_usage([record])
