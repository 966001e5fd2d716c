"""Where cached answers lie: Redis, with a time to live. It may be away at any time, and nobody waits for it.

One key holds one answer. The questions of one kind of circumstances are one value of fixed-size records, newest first:
40 characters of the answer's digest and the question's vector in half precision.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import numpy as np
import redis
import redis.asyncio as aioredis
from django.conf import settings
from redis.exceptions import RedisError

from knowledge.answering.cache_keys import pointer_key, prefix_of
from knowledge.providers.streams import PerLoop
from knowledge.types import Vector

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 0.25  # seconds
REST_SECONDS = 5.0  # after a failure it is not asked for so long: a store that hangs must not cost each answer time
SCAN = 1000
# The newest record in front, those beyond the limit off: in the store, so that two writers lose nothing.
REMEMBER = """
local kept = redis.call('GET', KEYS[1]) or ''
if string.find(kept, ARGV[1], 1, true) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. string.sub(kept, 1, tonumber(ARGV[2])), 'EX', ARGV[3])
return 1
"""


def _connect() -> aioredis.Redis:
    return aioredis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


_clients = PerLoop(_connect)
_resting_until = 0.0


async def _patiently(work: Awaitable[T]) -> T | None:
    """None when the store is away or slow."""
    global _resting_until
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except (RedisError, OSError, TimeoutError) as error:
        _resting_until = time.monotonic() + REST_SECONDS
        logger.warning("answer_cache.unavailable", extra={"error": type(error).__name__})
        return None


def is_resting() -> bool:
    return time.monotonic() < _resting_until


def wake() -> None:
    """Ask the store again at once. For tests."""
    global _resting_until
    _resting_until = 0.0


async def read(key: str) -> bytes | None:
    if is_resting():
        return None
    client: Any = _clients.get()
    found: bytes | None = await _patiently(client.get(key))
    return found


async def read_all(keys: list[str]) -> list[bytes | None]:
    if is_resting() or not keys:
        return []
    client: Any = _clients.get()
    found: list[bytes | None] | None = await _patiently(client.mget(keys))
    return found or []


async def write(key: str, value: bytes, *, pointer: str) -> None:
    """The answer, and from which message it can be found."""
    if is_resting():
        return
    pipe: Any = _clients.get().pipeline(transaction=False)
    pipe.set(key, value, ex=settings.VENA_ANSWER_CACHE_SECONDS)
    pipe.set(pointer, key, ex=settings.VENA_ANSWER_CACHE_SECONDS)
    await _patiently(pipe.execute())


async def point(pointer: str, key: str) -> None:
    if not is_resting():
        client: Any = _clients.get()
        await _patiently(client.set(pointer, key, ex=settings.VENA_ANSWER_CACHE_SECONDS))


# -- questions by their vectors -------------------------------------------------------------------


def record_type(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("digest", "S40"), ("vector", "<f2", (dimensions,))])


async def remember(list_key: str, answer_key: str, vector: Vector) -> None:
    """Put a question in front of its list; the same answer is there once."""
    if is_resting():
        return
    kind = record_type(len(vector))
    record = np.zeros(1, dtype=kind)
    record["digest"], record["vector"] = answer_key.rpartition(":")[2].encode(), np.asarray(vector, dtype=np.float16)
    limit = kind.itemsize * (settings.VENA_SIMILAR_QUESTIONS - 1)
    client: Any = _clients.get()
    work = client.eval(REMEMBER, 1, list_key, record.tobytes(), limit, settings.VENA_ANSWER_CACHE_SECONDS)
    await _patiently(work)


async def remembered(list_key: str, dimensions: int) -> np.ndarray[Any, Any]:
    """Records of `record_type`, newest first."""
    kind = record_type(dimensions)
    value = await read(list_key) or b""
    return np.frombuffer(value[: len(value) - len(value) % kind.itemsize], dtype=kind)


# -- forgetting -----------------------------------------------------------------------------------


def forget_answer(schema_name: str, answer_id: Any) -> bool:
    """Take away what this answer was kept as, or came from. False when there is nothing. Raises RedisError."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    try:
        pointer = pointer_key(schema_name, answer_id)
        key: bytes | None = client.get(pointer)
        return bool(key and key.decode().startswith(prefix_of(schema_name)) and client.delete(key))
    finally:
        client.close()


def forget_answers(schema_name: str) -> int:
    """All of an organisation's. How many answers they were. Raises RedisError."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL)
    prefix, count = prefix_of(schema_name), 0
    try:
        for key in client.scan_iter(match=f"{prefix}*", count=SCAN):
            count += key.startswith(f"{prefix}answer:".encode()) and client.unlink(key)
            client.unlink(key)
        return count
    finally:
        client.close()
