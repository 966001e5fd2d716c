"""An organisation's own keys for providers, as calls need them: opened, in memory, for some seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from knowledge.models import ProviderKey
from knowledge.providers.registry import Access
from tenants.context import in_tenant
from tenants.types import TenantKey
from vena_platform.secrets import SecretUnreadable, opened

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0  # other processes use a key that was removed no longer than this

_known: dict[str, tuple[float, Mapping[str, Access]]] = {}


async def own_keys(tenant: TenantKey) -> Mapping[str, Access]:
    """By provider."""
    kept = _known.get(tenant.schema_name)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    fresh = await in_tenant(tenant.schema_name, load_keys, tenant.schema_name)
    _known[tenant.schema_name] = (time.monotonic() + REFRESH_SECONDS, fresh)
    return fresh


def load_keys(schema_name: str) -> Mapping[str, Access]:
    """Of the organisation whose schema is entered. One that can't be read is left out: the page says so."""
    found = {}
    for row in ProviderKey.objects.all():
        try:
            found[row.provider] = access_of(schema_name, row)
        except SecretUnreadable as error:
            logger.error("provider_key.unreadable", extra={"provider": row.provider, "detail": error.detail})
    return found


def access_of(schema_name: str, row: ProviderKey) -> Access:
    """Raises SecretUnreadable."""
    return Access(schema_name, row.pk, row.updated_at.isoformat(), opened(schema_name, row.secret), row.base_url)


def forget_keys(schema_name: str) -> None:
    _known.pop(schema_name, None)


def forget_all_keys() -> None:
    _known.clear()
