"""What searches cost that are not part of an answer: held before, booked after, however they end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from billing.budgets import Payer, budget_reserve, has_budgets
from billing.names import COLLECTION, names_keep
from billing.open_answers import usage_settle
from billing.prices import dearest
from billing.types import UsageRecord
from knowledge.providers.registry import embedder, reranker
from knowledge.providers.streams import BYTES_PER_TOKEN
from knowledge.types import Asker, Library, ModelUsage, SearchResult
from tenants.postgresql.rows import read
from tenants.types import TenantKey

OF_DOCUMENTS = """
SELECT DISTINCT own.id, own.name FROM knowledge_collection AS own
JOIN knowledge_document AS document ON document.collection_id = own.id WHERE document.id = ANY(%s)
"""
BY_ID = "SELECT id, name FROM knowledge_collection WHERE id = ANY(%s)"

Call = tuple[str, ModelUsage]  # the ledger's kind, and what was used
# Our own count of tokens is a guess. A tokenizer needs twice as many only for text in a script it hardly knows.
SAFETY = 2


class Calls(list[Call]):
    """What was called, and the documents whose passages were found by it."""

    documents: frozenset[UUID] = frozenset()

    def led_to(self, found: SearchResult) -> None:
        self.documents = frozenset(passage.document_id for passage in found.passages)


@contextmanager
def search_account(library: Library, asker: Asker, *texts: str, subject: UUID | None = None) -> Iterator[Calls]:
    """Room for these searches is held in every budget that applies, and what is put into the list is booked at the
    end. Raises BudgetReached."""
    calls = Calls()
    held = search_hold(library, asker, texts)
    try:
        yield calls
    finally:
        read_from = collections_of(library.tenant, calls.documents)
        usage_settle([_record(library, asker, kind, usage, subject, read_from) for kind, usage in calls], held)


def settle_embedding(library: Library, asker: Asker, usage: ModelUsage | None, held: UUID | None) -> None:
    """Texts that were embedded for their own sake; None: it failed."""
    usage_settle([_record(library, asker, "embedding", usage, None)] if usage else [], held)


def search_hold(library: Library, asker: Asker, texts: Sequence[str], *, is_reranked: bool = True) -> UUID | None:
    """Under which key room is held; None where nothing has to be. Raises BudgetReached."""
    if not has_budgets(library.tenant.id):
        return None
    amount = dearest_search(library, texts, is_reranked=is_reranked)
    if not amount:
        return None
    key = uuid4()
    budget_reserve(Payer(library.tenant.id, asker.id, asker.group_ids), key, amount)
    return key


def dearest_search(library: Library, texts: Sequence[str], *, is_reranked: bool = True) -> Decimal:
    """In pounds: each text embedded, and the passages for it reranked, whose unit is a search and not a token."""
    model, ranker = embedder(library.embedding_provider), reranker() if is_reranked else None
    read = sum(len(text.encode()) // BYTES_PER_TOKEN + 1 for text in texts) * SAFETY
    total = dearest(model.provider, model.name, read=read, written=0)
    return total + dearest(ranker.provider, ranker.name, read=len(texts), written=0) if ranker else total


def calls_of(found: SearchResult) -> list[Call]:
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
    library: Library,
    asker: Asker,
    kind: str,
    usage: ModelUsage,
    subject: UUID | None,
    collections: tuple[UUID, ...] = (),
) -> UsageRecord:
    return UsageRecord(
        key=uuid4(),
        tenant=library.tenant,
        kind=kind,
        outcome="stopped" if usage.estimated else "complete",
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
        subject=subject,
        collection_ids=collections,
        api_key_id=asker.api_key_id,
        api_key_label=asker.api_key_label,
    )
