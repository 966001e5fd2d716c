"""Numbers for operators, kept together for all processes: each counts in memory and adds to Redis once a second.

So whichever process is asked for `/metrics` answers for all of them, on every machine. What a process counted in its
last second is lost when it is killed. Nothing here names an organisation.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections import Counter
from typing import Any

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # seconds
_counted: Counter[str] = Counter()
_lock = threading.Lock()
_flusher: threading.Thread | None = None


def key() -> str:
    return f"{settings.VENA_REDIS_PREFIX}:platform:metrics"


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter. Costs a dictionary entry; never waits."""
    _add({field_of(name, labels): amount})


def observe(name: str, seconds: float, **labels: str) -> None:
    """One more value of a histogram."""
    bucket = bisect_left(BUCKETS, seconds)
    bound = f"{BUCKETS[bucket]:g}" if bucket < len(BUCKETS) else "+Inf"
    _add({field_of(name, {**labels, "le": bound}): 1, field_of(f"{name}_sum", labels): seconds})


def field_of(name: str, labels: dict[str, str]) -> str:
    return "|".join([name, *(f"{label}={labels[label]}" for label in sorted(labels))])


def parsed(field: str) -> tuple[str, dict[str, str]]:
    name, *pairs = field.split("|")
    return name, dict(pair.split("=", 1) for pair in pairs)


def _add(amounts: dict[str, float]) -> None:
    global _flusher
    with _lock:
        for field, amount in amounts.items():
            _counted[field] += amount  # type: ignore[assignment]
        if _flusher is None or not _flusher.is_alive():
            _flusher = threading.Thread(target=_flush_for_ever, name="counters", daemon=True)
            _flusher.start()


def _flush_for_ever() -> None:
    while True:
        time.sleep(FLUSH_SECONDS)
        flush()


def flush() -> None:
    """Hand over what was counted. While Redis is away it stays here."""
    with _lock:
        batch = dict(_counted)
        _counted.clear()
    if not batch:
        return
    client = _client()
    try:
        pipe = client.pipeline(transaction=False)
        for field, amount in batch.items():
            pipe.hincrbyfloat(key(), field, amount)
        pipe.execute()
    except redis.RedisError:
        with _lock:
            _counted.update(batch)
        logger.warning("counters.unreachable")
    finally:
        client.close()


def totals() -> dict[str, float]:
    """All processes' numbers, by field. Raises `redis.RedisError`."""
    flush()
    client = _client()
    try:
        return {field.decode(): float(value) for field, value in client.hgetall(key()).items()}
    finally:
        client.close()


def _client() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
