"""Answers whose process died: what they had shown is kept, and they are marked interrupted."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

import redis
from celery import shared_task
from django.conf import settings

from chat.actions import answer_interrupt
from chat.live import RUNNING, owner_key, stream_key
from chat.models import Message
from tenants.context import entered
from tenants.selectors import open_organisations

logger = logging.getLogger(__name__)


@shared_task
def settle_lost_answers() -> None:
    """Looks at running answers only, so its cost does not grow with the number of organisations."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    try:
        for name, owner in client.hgetall(RUNNING).items():
            if not client.exists(owner_key(owner)):
                schema, _, answer = name.partition(":")
                settle(client, schema, UUID(answer))
                client.hdel(RUNNING, name)
    finally:
        client.close()


def settle(client: Any, schema: str, answer: UUID) -> None:
    shown = shown_text(client, schema, answer)
    with entered(schema):
        if answer_interrupt(answer, shown):
            logger.warning("answer.interrupted", extra={"answer": str(answer)})


def shown_text(client: Any, schema: str, answer: UUID) -> str:
    frames = [json.loads(fields["f"]) for _, fields in client.xrange(stream_key(schema, answer))]
    return "".join(frame["text"] for frame in frames if frame["type"] == "delta")


def settle_everything() -> int:
    """At a start after which no other process can be writing: every open answer is lost."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    count = 0
    try:
        for organisation in open_organisations():
            with entered(organisation.schema_name):
                open_answers = list(
                    Message.objects.filter(status=Message.Status.STREAMING).values_list("pk", flat=True)
                )
            for answer in open_answers:
                settle(client, organisation.schema_name, answer)
                count += 1
        client.delete(RUNNING)
    finally:
        client.close()
    return count
