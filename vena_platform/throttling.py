"""A request limit per person and organisation, counted in Redis, told in `RateLimit-*` headers."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW = 60  # seconds


class PerPerson(BaseThrottle):
    """A fixed window: one INCR a request. The cache key carries the organisation (cache KEY_FUNCTION)."""

    def allow_request(self, request: Request, view: Any) -> bool:
        limit = settings.VENA_API_REQUESTS_PER_MINUTE
        window, into = divmod(time.time(), WINDOW)
        self.reset = int(WINDOW - into) + 1
        person = request.user.pk if request.user.is_authenticated else request.META.get("REMOTE_ADDR", "")
        key = f"requests:{person}:{int(window)}"
        cache.add(key, 0, timeout=WINDOW * 2)
        used = cache.incr(key)
        request._request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - used)),
            "RateLimit-Reset": str(self.reset),
        }
        return bool(used <= limit)

    def wait(self) -> float:
        return float(self.reset)


class RateLimitHeadersMiddleware:
    """Copies what the throttle counted onto the answer, also when that is a refusal."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        return response
