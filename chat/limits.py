"""How often a person, and an organisation, may ask: counted in Redis by the minute."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from uuid import UUID

import redis
from django.conf import settings
from django.utils import timezone

from chat.errors import QuestionsUsedUp, TooManyQuestions
from chat.models import Message
from knowledge.providers.once import MadeOnce
from tenants.selectors import entitlements_of

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds
MONTH_KEPT = 40 * 24 * 3600  # seconds that a month's count is kept


@MadeOnce
def client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def question_count(schema_name: str, user_id: UUID) -> None:
    """Count one question of a person in an organisation. In its schema.

    Without Redis nobody is kept from asking: the budget still is. Raises TooManyQuestions, QuestionsUsedUp.
    """
    plan = entitlements_of(schema_name)
    window, into = divmod(time.time(), WINDOW)
    limits = {
        f"person:{user_id}": settings.VENA_QUESTIONS_PER_MINUTE,
        "all": plan.questions_per_minute or settings.VENA_QUESTIONS_PER_MINUTE_ORGANISATION,
    }
    keys = [f"{settings.VENA_REDIS_PREFIX}:{schema_name}:asked:{name}:{int(window)}" for name in limits]
    try:
        counts = counted(keys)
    except redis.RedisError:
        logger.warning("questions.not_counted", exc_info=True)
        return
    if any(count > limit for count, limit in zip(counts, limits.values(), strict=True)):
        raise TooManyQuestions(seconds=WINDOW - int(into))
    if plan.questions is not None:
        month_count(schema_name, plan.questions)


def month_count(schema_name: str, most: int) -> None:
    """Count one question of the calendar month, UTC. The count is made anew from the messages where Redis lost it."""
    key = month_key(schema_name)
    try:
        count = int(client().incr(key))
        if count == 1:
            count = int(client().incrby(key, asked_since(month_start())))
            client().expire(key, MONTH_KEPT)
        if count > most:
            client().decr(key)
    except redis.RedisError:
        logger.warning("questions.not_counted", exc_info=True)
        return
    if count > most:
        raise QuestionsUsedUp(most)


def questions_this_month(schema_name: str) -> int:
    """In its schema."""
    try:
        kept = client().get(month_key(schema_name))
    except redis.RedisError:
        kept = None
    return int(kept) if kept else asked_since(month_start())


def asked_since(start: datetime) -> int:
    """Answers asked for: a question that is answered twice counts twice."""
    return Message.objects.filter(role=Message.Role.ASSISTANT, created_at__gte=start).count()


def month_start() -> datetime:
    return timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_key(schema_name: str) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:{schema_name}:asked:month:{month_start():%Y-%m}"


def counted(keys: list[str]) -> list[int]:
    """Each one more. A key that is new is given its end; one that never got it, because we died here, is small."""
    pipe = client().pipeline(transaction=False)
    for key in keys:
        pipe.incr(key)
    counts = [int(count) for count in pipe.execute()]
    if 1 in counts:
        for key in keys:
            pipe.expire(key, 2 * WINDOW)
        pipe.execute()
    return counts
