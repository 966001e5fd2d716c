"""`Idempotency-Key` on POST: the same key from the same person gets the first answer again, not a second effect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.response import Response

from vena_platform.errors import VenaError

KEEP_SECONDS = 24 * 3600
RUNNING_SECONDS = 120
RUNNING = "running"


class IdempotencyConflict(VenaError):
    code, status, retryable = "idempotency_conflict", 409, True
    message = "A request with this Idempotency-Key is still running. Wait for it to end, then ask again."


class IdempotencyKeyTooLong(VenaError):
    code, status = "invalid", 400
    message = "An Idempotency-Key has at most 200 characters."


def given_key(request: Request) -> str:
    """The request's `Idempotency-Key`, or nothing."""
    given = request.headers.get("Idempotency-Key", "")
    if len(given) > 200:
        raise IdempotencyKeyTooLong
    return given


def once(request: Request, work: Callable[[], Response]) -> Response:
    """Run `work` once for this person, path and key. The cache key carries the organisation as well."""
    given = given_key(request)
    if not given:
        return work()
    digest = hashlib.sha256(f"{request.user.pk}\n{request.path}\n{given}".encode()).hexdigest()
    key = f"idempotency:{digest}"
    if not cache.add(key, RUNNING, timeout=RUNNING_SECONDS):
        kept: Any = cache.get(key)
        if kept == RUNNING or kept is None:
            raise IdempotencyConflict
        return Response(kept["data"], status=kept["status"], headers={"Idempotency-Replayed": "true"})
    try:
        response = work()
    except BaseException:
        cache.delete(key)
        raise
    cache.set(key, {"data": response.data, "status": response.status_code}, timeout=KEEP_SECONDS)
    return response
