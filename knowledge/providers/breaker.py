"""A circuit breaker for each provider, kept in Redis, so that all processes know at once who is down.

Working: calls go through, failures are counted. Resting: nobody calls until the rest is over. Trying: one call goes
through as a probe, and its end decides. An organisation's own key has a breaker of its own. Without Redis everything
goes through: the breaker must never be what breaks. The clock is Redis's, so processes need not agree on theirs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import redis.asyncio as aioredis
from django.conf import settings
from redis.exceptions import RedisError

from knowledge.providers.streams import PerLoop

logger = logging.getLogger(__name__)

PLATFORM = "platform"  # no schema's name: those begin with org_
PATIENCE = 0.5  # seconds for a word with Redis
REMEMBERED = 1.0  # seconds in which a process asks no second time whether a provider works, or whether Redis is there
LONGEST_REST = 600.0
KEPT = 3600  # seconds after its rest that a provider nobody asked is still "trying"
PROBE_SLACK = 30.0  # a probe that told nothing for so long after its patience is lost

_NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local over = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
"""
# {1}: call. {2}: call, as the one probe. {0, milliseconds left}: do not call.
_ASK = f"""{_NOW}
if over == 0 then return {{1, 0}} end
if now < over then return {{0, over - now}} end
if now < tonumber(redis.call('HGET', KEYS[1], 'probe') or '0') then return {{0, 0}} end
redis.call('HSET', KEYS[1], 'probe', now + ARGV[1])
return {{2, 0}}
"""
# A failure. ARGV: failures allowed, window, rest, rest asked for, whether it was the probe's, how long to keep it.
# Returns the rest.
_FAILED = f"""{_NOW}
local since = tonumber(redis.call('HGET', KEYS[1], 'since') or '0')
local window = tonumber(ARGV[2])
if now - since > window then redis.call('HSET', KEYS[1], 'since', now, 'count', 0) end
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
local rest = tonumber(ARGV[4])
if count >= tonumber(ARGV[1]) or ARGV[5] == '1' then rest = math.max(rest, tonumber(ARGV[3])) end
if rest > 0 then
  over = math.max(over, now + rest)
  redis.call('HSET', KEYS[1], 'until', over, 'count', 0)
  redis.call('HDEL', KEYS[1], 'probe')
end
redis.call('PEXPIRE', KEYS[1], math.max(window, over - now) + ARGV[6])
return rest
"""


class State(StrEnum):
    WORKING = "working"
    RESTING = "resting"
    TRYING = "trying"  # the rest is over; the next call decides


@dataclass(frozen=True, slots=True)
class Circuit:
    owner: str  # PLATFORM, or the schema whose own key is used
    provider: str

    @property
    def key(self) -> str:
        return f"{settings.VENA_REDIS_PREFIX}:{self.owner}:breaker:{self.provider}"


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether to call now. `is_probe`: this call decides for all others, so its end must be told."""

    is_given: bool = True
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    state: State = State.WORKING
    until: float | None = None  # seconds since the epoch, when it rests

    @property
    def clock(self) -> datetime | None:
        return None if self.until is None else datetime.fromtimestamp(self.until, UTC)


_clients = PerLoop(
    lambda: aioredis.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
    )
)
_works_until: dict[str, float] = {}  # by our own clock
_away_until = 0.0  # Redis


async def leave_to_call(circuit: Circuit) -> Leave:
    """At most one word with Redis, and none for a second after it said that all is well."""
    if _works_until.get(circuit.key, 0.0) > time.monotonic():
        return Leave()
    patience = settings.VENA_CONNECT_SECONDS + settings.VENA_FIRST_TOKEN_SECONDS + PROBE_SLACK
    answer = await _asked(_clients.get().eval(_ASK, 1, circuit.key, _milliseconds(patience)))
    if answer is None:
        return Leave()
    if answer[0] == 1:
        _works_until[circuit.key] = time.monotonic() + REMEMBERED
    return Leave(is_given=answer[0] != 0, is_probe=answer[0] == 2)


async def worked(circuit: Circuit) -> None:
    """The probe brought text: everybody may call again."""
    await _asked(_clients.get().delete(circuit.key))
    logger.info("breaker.closed", extra={"owner": circuit.owner, "provider": circuit.provider})


async def gave_up(circuit: Circuit) -> None:
    """The probe ended without an outcome (its person stopped it): the next call may be the probe."""
    await _asked(_clients.get().hdel(circuit.key, "probe"))


async def failed(circuit: Circuit, *, rest: float = 0.0, is_probe: bool = False) -> None:
    """A call failed by the provider's fault. `rest`: for so many seconds it asked not to be called."""
    _works_until.pop(circuit.key, None)
    numbers = (
        settings.VENA_BREAKER_FAILURES,
        _milliseconds(settings.VENA_BREAKER_WINDOW_SECONDS),
        _milliseconds(settings.VENA_BREAKER_REST_SECONDS),
        _milliseconds(min(rest, LONGEST_REST)),
        int(is_probe),
        KEPT * 1000,
    )
    if resting := await _asked(_clients.get().eval(_FAILED, 1, circuit.key, *numbers)):
        logger.warning(
            "breaker.opened",
            extra={"owner": circuit.owner, "provider": circuit.provider, "seconds": resting / 1000},
        )


async def seen(circuits: Sequence[Circuit]) -> list[Seen]:
    """For pages and metrics, in one round trip. Without Redis all look as if they worked."""
    if not circuits:
        return []
    pipe = _clients.get().pipeline(transaction=False)
    pipe.time()
    for circuit in circuits:
        pipe.hget(circuit.key, "until")
    answer = await _asked(pipe.execute())
    if answer is None:
        return [Seen()] * len(circuits)
    (seconds, micros), *ends = answer
    now = seconds + micros / 1_000_000
    return [_seen(end, now) for end in ends]


async def forget(circuit: Circuit) -> None:
    """With another key everything begins anew."""
    _works_until.pop(circuit.key, None)
    await _asked(_clients.get().delete(circuit.key))


def rest_of_key() -> float:
    """Seconds that a key rests after the provider refused it: another call would be refused as well."""
    return float(settings.VENA_BREAKER_REST_SECONDS)


def forget_remembered() -> None:
    global _away_until
    _works_until.clear()
    _away_until = 0.0


def _seen(end: str | None, now: float) -> Seen:
    if end is None:
        return Seen()
    until = int(end) / 1000
    return Seen(State.RESTING, until) if until > now else Seen(State.TRYING)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


async def _asked(question: Any) -> Any:
    """What Redis says; None when it says nothing. After that it is left alone for a moment, so that nobody waits."""
    global _away_until
    if _away_until > time.monotonic():
        question.close()
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            return await cast("Awaitable[Any]", question)
    except (RedisError, OSError, TimeoutError):
        _away_until = time.monotonic() + REMEMBERED
        logger.warning("breaker.unreachable")
        return None
