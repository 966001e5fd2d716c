"""Between processes: an organisation's open sockets are to be looked at now.

Without Redis nothing is lost but time: they are looked at every VENA_SOCKET_CHECK_SECONDS as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import redis
import redis.asyncio as aioredis
from django.conf import settings
from django.dispatch import receiver

from accounts.people.ending import access_ended

logger = logging.getLogger(__name__)

CHANNEL = f"{settings.VENA_REDIS_PREFIX}:sockets:look"  # carries the schema
REST = 1.0  # seconds, when Redis is away


@receiver(access_ended)
def call(schema_name: str, **kwargs: Any) -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as client:
            client.publish(CHANNEL, schema_name)
    except redis.RedisError:
        logger.exception("sockets.call_failed")


async def calls() -> AsyncIterator[str]:
    """Schemas, as they are called, until it is cancelled."""
    async with aioredis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        while True:
            try:
                async with client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            yield str(message["data"])
            except redis.RedisError:
                logger.exception("sockets.hear_failed")
            await asyncio.sleep(REST)
