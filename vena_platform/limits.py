"""How often somebody may do what costs much or is worth guessing: counted in Redis, by the minute.

The cache's keys carry the organisation, so what is used up in one is not used up in another.
"""

from __future__ import annotations

import hashlib
import logging
import time

import redis
from django.conf import settings
from django.core.cache import cache

from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


class TooManyRequests(VenaError):
    code, status, retryable = "too_many_requests", 429, True

    def __init__(self, *, seconds: int) -> None:
        self.retry_after = float(seconds)
        super().__init__(f"That was asked for too often in a short time. Try again in {seconds} seconds.")


def spend(name: str, /, **who: object) -> None:
    """Count one use of `name`, one of settings.VENA_LIMITS, by each of `who`: `person=…`, `address=…`.

    Raises TooManyRequests when it is one too many by any of them. Without Redis nobody is kept out.
    """
    most, window = settings.VENA_LIMITS[name]
    number, into = divmod(time.time(), window)
    keys = [key_of(name, kind, one, int(number)) for kind, one in who.items()]
    try:
        used = max((counted(key, window) for key in keys), default=0)
    except redis.RedisError:
        logger.warning("limits.not_counted", extra={"limit": name})
        return
    if used > most:
        logger.info("limits.reached", extra={"limit": name})
        raise TooManyRequests(seconds=int(window - into) + 1)


def key_of(name: str, kind: str, one: object, window: int) -> str:
    """Addresses and names are hashed: the cache is no list of who was here."""
    digest = hashlib.sha256(str(one).lower().encode()).hexdigest()[:32]
    return f"limit:{name}:{kind}:{digest}:{window}"


def counted(key: str, window: int) -> int:
    cache.add(key, 0, timeout=2 * window)
    return int(cache.incr(key))
