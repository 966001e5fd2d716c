"""Live and ready probes, on every host and before any host is looked up.

Live: this process answers. Ready: it reaches PostgreSQL, Redis and the vector index, so traffic may come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from chat.leaving import is_leaving
from knowledge.errors import IndexUnavailable
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from tenants.context import entered

logger = logging.getLogger(__name__)
KEEP_SECONDS = 1.0  # probes come often, from several places; one look a second is enough
_last: tuple[float, dict[str, str]] = (0.0, {})
_looking = threading.Lock()


class HealthMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match request.path:
            case "/health/live":
                return JsonResponse({"status": "ok"})
            case "/health/ready":
                return ready()
            case _:
                return self.get_response(request)


def ready() -> HttpResponse:
    if is_leaving():
        return JsonResponse({"status": "leaving", "checks": {}}, status=503)
    checks = look()
    well = all(state == "ok" for state in checks.values())
    return JsonResponse({"status": "ok" if well else "unavailable", "checks": checks}, status=200 if well else 503)


def look() -> dict[str, str]:
    global _last
    with _looking:
        if time.monotonic() - _last[0] > KEEP_SECONDS or not _last[1]:
            _last = (time.monotonic(), {"database": database(), "redis": cache(), "index": index()})
        return _last[1]


def database() -> str:
    try:
        with entered("public"), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("health.database_unavailable")
        return "unavailable"
    return "ok"


def cache() -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except redis.RedisError:
        logger.exception("health.redis_unavailable")
        return "unavailable"
    finally:
        client.close()
    return "ok"


def index() -> str:
    try:
        run_in_loop(vector_index().check())
    except IndexUnavailable:
        logger.exception("health.index_unavailable")
        return "unavailable"
    return "ok"
