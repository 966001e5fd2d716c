from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants.selectors import base_url


def organisation(request: HttpRequest) -> dict[str, Any]:
    """What every page may show: whose page it is, and where the public site lives."""
    return {
        "organisation": getattr(request, "organisation", None),
        "base_url_public": base_url(settings.VENA_BASE_DOMAIN),
        "base_domain": settings.VENA_BASE_DOMAIN,
    }
