"""What one document of an organisation may cost to take in: by its plan, never above the platform's own limits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from tenants.entitlements import Entitlements
from tenants.models import Organisation

MEGABYTE = 1024 * 1024
REFRESH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bytes, pages and seconds. `max_parts`: files inside one archive or mail, pages of one sitemap. `max_documents`:
    and `max_stored_bytes` are of the
    whole organisation, None without a plan."""

    max_bytes: int
    max_pages: int
    max_unpacked_bytes: int
    max_seconds: float
    max_memory_bytes: int
    max_parts: int
    max_documents: int | None
    max_stored_bytes: int | None


_known: dict[UUID, tuple[float, DocumentLimits]] = {}


def limits_of(organisation_id: UUID) -> DocumentLimits:
    """Kept for a minute, because every upload asks."""
    kept = _known.get(organisation_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    fresh = load_limits(organisation_id)
    _known[organisation_id] = (time.monotonic() + REFRESH_SECONDS, fresh)
    return fresh


def load_limits(organisation_id: UUID) -> DocumentLimits:
    rows = Organisation.objects.filter(pk=organisation_id).order_by().values_list("entitlements", flat=True)
    plan = Entitlements.of_json(rows.first() or {})
    return DocumentLimits(
        max_bytes=least(plan.max_file_mb, settings.VENA_MAX_UPLOAD_BYTES, MEGABYTE),
        max_pages=least(plan.max_pages, settings.VENA_MAX_PAGES),
        max_unpacked_bytes=least(plan.max_unpacked_mb, settings.VENA_MAX_UNPACKED_BYTES, MEGABYTE),
        max_seconds=least(plan.max_parse_seconds, settings.VENA_MAX_PARSE_SECONDS),
        max_memory_bytes=settings.VENA_MAX_PARSE_BYTES,
        max_parts=least(plan.max_parts, settings.VENA_MAX_PARTS),
        max_documents=plan.documents,
        max_stored_bytes=plan.storage_mb * MEGABYTE if plan.storage_mb is not None else None,
    )


def least(of_plan: Any, of_platform: int, unit: int = 1) -> int:
    return min(of_plan * unit, of_platform) if of_plan else of_platform


def forget_limits() -> None:
    _known.clear()
