"""What an organisation's page and API tell about its providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from knowledge.models import AnswerPolicy, ProviderKey
from knowledge.providers import breaker
from knowledge.providers.breaker import PLATFORM, Circuit, State
from knowledge.providers.defaults import chat_providers
from knowledge.providers.loops import run_in_loop
from tenants.types import TenantKey


@dataclass(frozen=True, slots=True)
class ProviderState:
    provider: str
    label: str
    is_ready: bool  # the platform has a key for it
    own_key: ProviderKey | None
    usual_model: str
    models: tuple[str, ...]
    state: State
    until: datetime | None

    @property
    def can_be_called(self) -> bool:
        return self.is_ready or self.own_key is not None

    @property
    def has_own_key(self) -> bool:
        return self.own_key is not None


def provider_states(tenant: TenantKey) -> list[ProviderState]:
    """Of the organisation whose schema is entered. One round trip to Redis."""
    keys: Mapping[str, ProviderKey] = {row.provider: row for row in ProviderKey.objects.all()}
    rows = list(chat_providers().values())
    circuits = [Circuit(tenant.schema_name if row.name in keys else PLATFORM, row.name) for row in rows]
    return [
        ProviderState(
            provider=row.name,
            label=row.label,
            is_ready=row.is_ready,
            own_key=keys.get(row.name),
            usual_model=row.model,
            models=row.models,
            state=seen.state,
            until=seen.clock,
        )
        for row, seen in zip(rows, run_in_loop(breaker.seen(circuits)), strict=True)
    ]


def answer_policy() -> AnswerPolicy:
    return AnswerPolicy.objects.first() or AnswerPolicy()
