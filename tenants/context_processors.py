from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants.selectors import base_url

PLATFORM = "Vena"  # what answers, where an organisation gives it no name of its own


def organisation(request: HttpRequest) -> dict[str, Any]:
    """What every page may show: whose page it is, how it looks, and where the public site lives."""
    found = getattr(request, "organisation", None)
    look = found.look if found else None
    return {
        "organisation": found,
        "look": look,
        "assistant": (look.assistant_name if look else "") or PLATFORM,
        "base_url_public": base_url(settings.VENA_BASE_DOMAIN),
        "base_domain": settings.VENA_BASE_DOMAIN,
    }
