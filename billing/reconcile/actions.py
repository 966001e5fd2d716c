"""A provider's file is taken in: all of it or nothing, and twice is once."""

from __future__ import annotations

import hashlib

from django.db import transaction

from billing.models import ProviderDay, ProviderImport
from billing.reconcile.reading import lines_of
from billing.reconcile.types import ProviderLine

KEY = ("provider", "kind", "day", "model")
FIGURES = ("calls", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "cost_usd")


@transaction.atomic
def provider_usage_import(*, provider: str, content: bytes, file_name: str, imported_by: str = "") -> ProviderImport:
    """For the same day and model the newest file holds. Raises UsageFileUnreadable."""
    lines = lines_of(provider, content)
    days = [line.day for line in lines]
    source = ProviderImport.objects.create(
        provider=provider,
        file_name=file_name[-200:],
        digest=hashlib.sha256(content).hexdigest(),
        first_day=min(days),
        last_day=max(days),
        lines=len(lines),
        imported_by=imported_by,
    )
    ProviderDay.objects.bulk_create(
        [row_of(line, source) for line in lines],
        update_conflicts=True,
        unique_fields=KEY,
        update_fields=("source", *FIGURES),
    )
    return source


def row_of(line: ProviderLine, source: ProviderImport) -> ProviderDay:
    figures = {name: getattr(line, name) for name in FIGURES}
    return ProviderDay(
        source=source, provider=source.provider, kind=line.kind, day=line.day, model=line.model, **figures
    )
