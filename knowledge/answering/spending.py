"""What one answer costs: every provider call on the way to it, metered together at its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ParamSpec
from uuid import UUID, uuid4, uuid5

from billing.budgets import Payer, budget_reserve
from billing.errors import BudgetReached
from billing.open_answers import answer_note, usage_settle
from billing.types import UsageRecord
from knowledge.retrieval.usage import collections_of
from knowledge.types import Asker, ModelUsage
from tenants.context import in_tenant
from tenants.types import TenantKey

P = ParamSpec("P")
FREE = "local"  # the provider of what runs here and costs nothing


class Spending:
    """The calls that were made for one answer, `subject`. Until `settle` they are in memory, and in a note that is
    written before each call of a model: it is all that is left of them when the process dies.

    The same call of the same answer has the same key, so it is counted once.
    """

    def __init__(self, tenant: TenantKey, asker: Asker, subject: UUID, conversation_id: UUID | None = None) -> None:
        self.tenant, self.asker, self.subject = tenant, asker, subject
        self.conversation_id = conversation_id
        self.documents: frozenset[UUID] = frozenset()  # what was read for it
        self.records: list[UsageRecord] = []
        self.held: UUID | None = None  # under which key the budgets hold room for it
        self.open_id: UUID | None = None  # of the note
        self._names: Counter[str] = Counter()
        self._work: asyncio.Future[None] | None = None

    async def begin(self, usage: ModelUsage, *, kind: str, name: str = "") -> None:
        """A call is about to be made that will cost `usage` at least. Wait for this before it is made."""
        if usage.provider == FREE:
            return
        self.open_id = self.open_id or uuid4()
        calls = [*self.records, self.record_of(usage, kind=kind, name=name or kind, outcome="stopped")]
        await self._written(answer_note, self.open_id, self.subject, self.held, calls)

    def add(self, usage: ModelUsage, *, kind: str, name: str = "", outcome: str = "complete") -> None:
        """`kind` is a UsageEvent.Kind; `name` says which call it was, where that is not the same. Several of one name
        are told apart by their order."""
        name = name or kind
        self.records.append(self.record_of(usage, kind=kind, name=name, outcome=outcome))
        self._names[name] += 1

    def record_of(self, usage: ModelUsage, *, kind: str, name: str, outcome: str) -> UsageRecord:
        earlier = self._names[name]
        return UsageRecord(
            key=uuid5(self.subject, f"{name}.{earlier}" if earlier else name),
            tenant=self.tenant,
            kind=kind,
            outcome=outcome,
            provider=usage.provider,
            model=usage.model,
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            is_estimated=usage.estimated,
            member_id=self.asker.id,
            member_label=self.asker.label,
            group_ids=self.asker.group_ids,
            subject=self.subject,
            conversation_id=self.conversation_id,
            api_key_id=self.asker.api_key_id,
            api_key_label=self.asker.api_key_label,
        )

    async def hold(self, amount: Decimal, key: UUID | None = None) -> None:
        """Keep room in every budget that applies, until `settle`. Raises BudgetReached."""
        if not amount:
            return
        key = key or self.subject
        payer = Payer(self.tenant.id, self.asker.id, self.asker.group_ids)
        before, self.held = self.held, key  # known from now on: whoever stops the answer here stops no thread
        try:
            await self._written(budget_reserve, payer, key, amount)
        except BudgetReached:
            self.held = before
            raise

    async def _written(self, function: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Goes on when nobody waits for it any more; `settle` waits then."""
        self._work = asyncio.ensure_future(in_tenant(self.tenant.schema_name, function, *args, **kwargs))
        await asyncio.shield(self._work)

    async def settle(self) -> Decimal:
        """Write the ledger and give back what was held, both or neither; the cost of all calls, in pounds."""
        if self._work:
            await asyncio.gather(self._work, return_exceptions=True)
        if not (self.records or self.held or self.open_id):
            return Decimal(0)
        schema_name = self.tenant.schema_name
        return await in_tenant(schema_name, settled, self.records, self.documents, self.held, self.open_id)


def settled(
    records: Sequence[UsageRecord], documents: frozenset[UUID], held: UUID | None, open_id: UUID | None
) -> Decimal:
    """The calls with the collections that were read."""
    if records and documents:
        collections = collections_of(records[0].tenant, documents)
        records = [replace(record, collection_ids=collections) for record in records]
    return usage_settle(records, held, open_id)
