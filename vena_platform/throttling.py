"""A request limit per API key, per person without one, and organisation: counted in Redis, told in `RateLimit-*`."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from vena_platform.addresses import address_of_request, network_of

WINDOW = 60  # seconds


class PerCaller(BaseThrottle):
    """A fixed window: one INCR a request. The cache key carries the organisation (cache KEY_FUNCTION).

    Each key of a person is counted by itself: a program that runs wild does not shut out the person's other ones.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        limit = getattr(request.auth, "requests_per_minute", None) or settings.VENA_API_REQUESTS_PER_MINUTE
        window, into = divmod(time.time(), WINDOW)
        self.reset = int(WINDOW - into) + 1
        key = f"requests:{caller(request)}:{int(window)}"
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


def caller(request: Request) -> str:
    if request.auth is not None:
        return f"key:{request.auth.pk}"
    if request.user.is_authenticated:
        return f"person:{request.user.pk}"
    return f"address:{address_of_request(request.META)}"


class PerAddressAndOrganisation(BaseThrottle):
    """So many times as much for everybody behind one address, and for everybody of one organisation together."""

    def allow_request(self, request: Request, view: Any) -> bool:
        most = settings.VENA_API_REQUESTS_PER_MINUTE
        window, into = divmod(time.time(), WINDOW)
        self.reset = int(WINDOW - into) + 1
        limits = {
            f"requests:from:{network_of(address_of_request(request.META))}:{int(window)}": (
                most * settings.VENA_API_PEOPLE_PER_ADDRESS
            ),
            f"requests:all:{int(window)}": most * settings.VENA_API_PEOPLE_PER_ORGANISATION,
        }
        for key in limits:
            cache.add(key, 0, timeout=WINDOW * 2)
        return all(cache.incr(key) <= limit for key, limit in limits.items())

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
