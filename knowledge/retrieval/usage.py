from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid4

from billing.metering import record_usage
from billing.names import COLLECTION, names_keep
from billing.types import UsageRecord
from knowledge.types import Asker, Library, ModelUsage, SearchResult
from tenants.postgresql.rows import read
from tenants.types import TenantKey

OF_DOCUMENTS = """
SELECT DISTINCT own.id, own.name FROM knowledge_collection AS own
JOIN knowledge_document AS document ON document.collection_id = own.id WHERE document.id = ANY(%s)
"""
BY_ID = "SELECT id, name FROM knowledge_collection WHERE id = ANY(%s)"


def record_search(library: Library, asker: Asker, found: SearchResult) -> None:
    """Meter the provider calls of a search that is not part of an answer."""
    collections = collections_of(library.tenant, {passage.document_id for passage in found.passages})
    record_usage([_record(library, asker, kind, usage, collections) for kind, usage in calls_of(found)])


def record_embedding(library: Library, asker: Asker, usage: ModelUsage) -> None:
    """Meter texts that were embedded for their own sake."""
    record_usage([_record(library, asker, "embedding", usage)])


def calls_of(found: SearchResult) -> list[tuple[str, ModelUsage]]:
    """The provider calls of a search, with the ledger's kind of each."""
    calls = [("embedding", found.usage)]
    return calls if found.rerank_usage is None else [*calls, ("rerank", found.rerank_usage)]


def collections_of(tenant: TenantKey, documents: Collection[UUID]) -> tuple[UUID, ...]:
    """Of some documents; what they are called is kept for reports."""
    if not documents:
        return ()
    return _named(tenant, read(OF_DOCUMENTS, [list(documents)]))


def collections_named(tenant: TenantKey, ids: Collection[UUID]) -> tuple[UUID, ...]:
    """Those that are there; what they are called is kept for reports."""
    return _named(tenant, read(BY_ID, [list(ids)])) if ids else ()


def _named(tenant: TenantKey, rows: Sequence[tuple[Any, ...]]) -> tuple[UUID, ...]:
    names_keep(tenant.id, COLLECTION, dict(rows))
    return tuple(sorted(collection for collection, _ in rows))


def _record(
    library: Library, asker: Asker, kind: str, usage: ModelUsage, collections: tuple[UUID, ...] = ()
) -> UsageRecord:
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
        collection_ids=collections,
        api_key_id=asker.api_key_id,
        api_key_label=asker.api_key_label,
    )
