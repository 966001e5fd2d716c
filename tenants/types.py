"""Values that name an organisation. Every vector call, cache key, task and file carries one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

RESERVED_SCHEMAS = frozenset({"", "public", "template", "information_schema"})


@dataclass(frozen=True, slots=True)
class TenantKey:
    """An organisation, as everything below the web layer knows it. Refuses to exist without one."""

    id: UUID
    schema_name: str

    def __post_init__(self) -> None:
        if self.schema_name in RESERVED_SCHEMAS or self.schema_name.startswith("pg_"):
            raise ValueError(f"{self.schema_name!r} is not an organisation's schema")
