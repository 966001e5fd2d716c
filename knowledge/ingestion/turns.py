"""Whose turn it is. Organisations take turns, however many files each has waiting.

The truth is in each organisation's rows. Redis only remembers which organisations wait and who was served how long
ago, so losing it costs order, never a document: the watchdog puts everything back in line.

A message in the queue is a ticket: it names no document. Whoever draws one asks here which organisation is next and
takes that one's oldest document, with a few small ones behind it, so one organisation's thousand files serve another's
single one within seconds. A ticket that found work is followed by another while there is more, so an organisation has
at least one as long as it waits, and hardly ever many.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Iterator
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from knowledge.providers.once import MadeOnce

logger = logging.getLogger(__name__)

WORK = "knowledge.tasks.work_on_documents"
QUEUE = "ingestion"
_WAITING = f"{settings.VENA_REDIS_PREFIX}:ingestion:waiting"  # sorted set: schema → when it was last served
_SERVED = f"{settings.VENA_REDIS_PREFIX}:ingestion:served"  # hash: schema → the same, while it waits for nothing
_CLOCK = f"{settings.VENA_REDIS_PREFIX}:ingestion:clock"

_TICKET = f"{settings.VENA_REDIS_PREFIX}:ingestion:ticket:"  # + schema: one is in the queue, and was not drawn yet
_TICKET_SECONDS = 10  # after that another one is sent: a message may get lost

_ENTER = """
redis.call('ZADD', KEYS[1], 'NX', redis.call('HGET', KEYS[2], ARGV[1]) or 0, ARGV[1])
"""
_TAKE = """
local first = redis.call('ZRANGE', KEYS[1], 0, 0)
if #first == 0 then return false end
local now = redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[1], now, first[1])
redis.call('HSET', KEYS[2], first[1], now)
return first[1]
"""


@MadeOnce
def client() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, health_check_interval=30)


@receiver(setting_changed)
def forget_client(*, setting: str, **kwargs: object) -> None:
    if setting == "REDIS_URL":
        client.cache_clear()


def enter(schema_name: str) -> None:
    """The organisation waits: it stands where it stood when it was last served."""
    client().eval(_ENTER, 2, _WAITING, _SERVED, schema_name)


def leave(schema_name: str) -> None:
    client().zrem(_WAITING, schema_name)


def forget(schema_name: str) -> None:
    """The organisation is gone."""
    leave(schema_name)
    client().hdel(_SERVED, schema_name)
    forget_ticket(schema_name)


def others_wait(schema_name: str) -> bool:
    waiting = client().zcard(_WAITING)
    return bool(waiting > 1 or (waiting == 1 and client().zscore(_WAITING, schema_name) is None))


def turns(drawn_for: str) -> Iterator[str]:
    """Organisations to look at, the one served longest ago first; last, the one the ticket was drawn for.

    The caller calls `leave` for one that turns out to have nothing waiting; every organisation is offered once.
    """
    offered: set[str] = set()
    take = client().register_script(_TAKE)
    while (schema_name := take(keys=[_WAITING, _SERVED, _CLOCK])) and schema_name not in offered:
        offered.add(schema_name)
        yield schema_name
    if drawn_for not in offered:
        yield drawn_for


def send_ticket(schema_name: str, *, delay: float = 0, at_once: bool = False) -> None:
    """Ask a worker to take the next document; in `delay` seconds. A broker that is down costs a minute, no document.

    Whoever draws a ticket says so before looking at the rows: one that is still in the queue will find this document.
    And whoever draws it early waits a moment, unless it is to be worked on `at_once`: files seldom come alone.
    """
    try:
        enter(schema_name)
        if not delay and not client().set(_TICKET + schema_name, ripe_at(at_once), nx=True, ex=_TICKET_SECONDS):
            return
        task = current_app.tasks[WORK]
        task.apply_async(kwargs={"schema_name": schema_name}, countdown=delay, queue=QUEUE)
    except (redis.RedisError, OSError, task_refused()) as error:
        logger.warning("ingestion.ticket_lost", extra={"schema": schema_name, "detail": repr(error)})


def drawn(schema_name: str) -> None:
    """A ticket of this organisation's left the queue: what comes in from now on needs another one."""
    ripe = float(client().get(_TICKET + schema_name) or 0)
    time.sleep(min(max(ripe - time.time(), 0), settings.VENA_INGESTION_GATHER_SECONDS))
    forget_ticket(schema_name)


def forget_ticket(schema_name: str) -> None:
    client().delete(_TICKET + schema_name)


def ripe_at(at_once: bool) -> float:
    return 0.0 if at_once else time.time() + settings.VENA_INGESTION_GATHER_SECONDS


@functools.cache
def task_refused() -> type[Exception]:
    from kombu.exceptions import OperationalError  # here: kombu weighs much for who only asks questions

    return OperationalError


class Patience:
    """When a worker on a long document should let another organisation's go first."""

    def __init__(self, schema_name: str) -> None:
        self._schema_name = schema_name
        self._until = time.monotonic() + settings.VENA_INGESTION_TURN_SECONDS

    def is_over(self) -> bool:
        if time.monotonic() < self._until:
            return False
        try:
            return others_wait(self._schema_name)
        except redis.RedisError:
            return False
