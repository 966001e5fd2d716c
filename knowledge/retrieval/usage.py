from __future__ import annotations

from uuid import uuid4

from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.types import Asker, Library, ModelUsage, SearchResult


def record_search(library: Library, asker: Asker, found: SearchResult) -> None:
    """Meter the provider calls of a search that is not part of an answer."""
    record_usage([_record(library, asker, kind, usage) for kind, usage in calls_of(found)])


def record_embedding(library: Library, asker: Asker, usage: ModelUsage) -> None:
    """Meter texts that were embedded for their own sake."""
    record_usage([_record(library, asker, "embedding", usage)])


def calls_of(found: SearchResult) -> list[tuple[str, ModelUsage]]:
    """The provider calls of a search, with the ledger's kind of each."""
    calls = [("embedding", found.usage)]
    return calls if found.rerank_usage is None else [*calls, ("rerank", found.rerank_usage)]


def _record(library: Library, asker: Asker, kind: str, usage: ModelUsage) -> UsageRecord:
    return UsageRecord(
        key=uuid4(),
        tenant=library.tenant,
        kind=kind,
        outcome="complete",
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_id=asker.id,
        member_label=asker.label,
        group_ids=asker.group_ids,
    )
