"""How often a person, and an organisation, may ask: counted in Redis by the minute."""

from __future__ import annotations

import logging
import time
from uuid import UUID

import redis
from django.conf import settings

from chat.errors import TooManyQuestions
from knowledge.providers.once import MadeOnce

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds


@MadeOnce
def client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def question_count(schema_name: str, user_id: UUID) -> None:
    """Count one question of a person in an organisation; raises TooManyQuestions when it is one too many.

    Without Redis nobody is kept from asking: the budget still is.
    """
    window, into = divmod(time.time(), WINDOW)
    limits = {
        f"person:{user_id}": settings.VENA_QUESTIONS_PER_MINUTE,
        "all": settings.VENA_QUESTIONS_PER_MINUTE_ORGANISATION,
    }
    keys = [f"{settings.VENA_REDIS_PREFIX}:{schema_name}:asked:{name}:{int(window)}" for name in limits]
    try:
        counts = counted(keys)
    except redis.RedisError:
        logger.warning("questions.not_counted", exc_info=True)
        return
    if any(count > limit for count, limit in zip(counts, limits.values(), strict=True)):
        raise TooManyQuestions(seconds=WINDOW - int(into))


def counted(keys: list[str]) -> list[int]:
    pipe = client().pipeline(transaction=False)
    for key in keys:
        pipe.incr(key)
        pipe.expire(key, 2 * WINDOW)
    return [int(count) for count in pipe.execute()[::2]]
