"""What one answer costs: every provider call on the way to it, metered together at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid5

from billing.budgets import Payer, budget_reserve
from billing.metering import record_usage, usage_settle
from billing.types import UsageRecord
from knowledge.retrieval.usage import collections_of
from knowledge.types import Asker, ModelUsage
from tenants.context import in_tenant
from tenants.types import TenantKey


class Spending:
    """The calls that were made for one answer, `subject`. Until `settle` they are in memory only.

    The same call of the same answer has the same key, so it is counted once.
    """

    def __init__(self, tenant: TenantKey, asker: Asker, subject: UUID, conversation_id: UUID | None = None) -> None:
        self.tenant, self.asker, self.subject = tenant, asker, subject
        self.conversation_id = conversation_id
        self.documents: frozenset[UUID] = frozenset()  # what was read for it
        self.records: list[UsageRecord] = []
        self.held: UUID | None = None  # under which key the budgets hold room for it
        self._names: Counter[str] = Counter()

    def add(self, usage: ModelUsage, *, kind: str, name: str = "", outcome: str = "complete") -> None:
        """`kind` is a UsageEvent.Kind; `name` says which call it was, where that is not the same. Several of one name
        are told apart by their order."""
        name = name or kind
        earlier = self._names[name]
        self._names[name] += 1
        self.records.append(
            UsageRecord(
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
        )

    async def hold(self, amount: Decimal, key: UUID | None = None) -> None:
        """Keep room in every budget that applies, until `settle`. Raises BudgetReached."""
        if not amount:
            return
        key = key or self.subject
        payer = Payer(self.tenant.id, self.asker.id, self.asker.group_ids)
        await in_tenant(self.tenant.schema_name, budget_reserve, payer, key, amount)
        self.held = key

    async def settle(self) -> Decimal:
        """Write the ledger and give back what was held, both or neither; the cost of all calls, in pounds."""
        if not self.held and not self.records:
            return Decimal(0)
        return await in_tenant(self.tenant.schema_name, written, self.records, self.documents, self.held)


def written(records: Sequence[UsageRecord], documents: frozenset[UUID], held: UUID | None) -> Decimal:
    """The calls with the collections that were read."""
    if records and documents:
        collections = collections_of(records[0].tenant, documents)
        records = [replace(record, collection_ids=collections) for record in records]
    return usage_settle(records, held) if held else record_usage(records)
