"""What an organisation's documents take up, as the ledger has it: megabytes, once for each day."""

from __future__ import annotations

from uuid import uuid5

from django.utils import timezone

from billing.limits import MEGABYTE
from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.ingestion.uploads import stored_bytes
from tenants.types import TenantKey


def storage_meter(tenant: TenantKey) -> int:
    """In its schema. How many megabytes, begun ones counted whole; nothing is written for none."""
    megabytes = -(-stored_bytes() // MEGABYTE)
    if megabytes:
        record_usage(
            [
                UsageRecord(
                    key=uuid5(tenant.id, f"storage {timezone.now():%Y-%m-%d}"),
                    tenant=tenant,
                    kind="storage",
                    outcome="complete",
                    provider="platform",
                    model="storage",
                    input_tokens=0,
                    cached_input_tokens=0,
                    output_tokens=0,
                    quantity=megabytes,
                )
            ]
        )
    return megabytes
