"""Numbers without gaps: the last one is locked until the invoice that takes the next one is written, or is not."""

from __future__ import annotations

from billing.models import InvoiceSeries


def number_next(series: str, prefix: str) -> str:
    """In the transaction that closes the invoice."""
    row = InvoiceSeries.objects.select_for_update().get(name=series)
    row.last += 1
    row.save(update_fields=["last"])
    return f"{prefix}{row.last:06d}"
