from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tenants.types import TenantKey


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One call of a provider, as the ledger takes it. The key makes a repeated write harmless."""

    key: UUID
    tenant: TenantKey
    kind: str  # UsageEvent.Kind
    outcome: str  # UsageEvent.Outcome
    provider: str
    model: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    cache_write_tokens: int = 0  # of the input, beside the cached ones
    quantity: int = 0  # pages recognised, or megabytes kept for a day
    is_estimated: bool = False
    member_id: UUID | None = None
    member_label: str = ""
    group_ids: tuple[UUID, ...] = ()  # the member's at that moment: their budgets are charged as well
    subject: UUID | None = None
    conversation_id: UUID | None = None
    collection_ids: tuple[UUID, ...] = ()  # of what was read, or taken in; in the order of their ids
    api_key_id: UUID | None = None
    api_key_label: str = ""  # how its secret begins
