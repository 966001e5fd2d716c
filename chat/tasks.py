"""Behind answers: those whose process died are marked interrupted, long conversations are summarised."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

import redis
from celery import shared_task
from django.conf import settings

from chat.actions import answer_interrupt
from chat.gaps.tasks import place_gap_question, review_gaps, review_gaps_everywhere
from chat.models import Message
from chat.relay import RUNNING, owner_key, stream_key
from chat.summaries import conversation_summarise
from knowledge.answering.lost import lost_answer_settle
from tenants.context import entered
from tenants.selectors import open_organisations

# Registered with Celery by being imported here.
__all__ = ["place_gap_question", "review_gaps", "review_gaps_everywhere"]

logger = logging.getLogger(__name__)


@shared_task(expires=3600)
def summarise_conversation(*, schema_name: str, answer_id: str) -> None:
    with entered(schema_name):
        conversation_summarise(schema_name=schema_name, answer_id=UUID(answer_id))


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
        kept = Message.objects.filter(pk=answer).values_list("text", flat=True).first() or ""
        cost = lost_answer_settle(schema, answer, max(kept, shown, key=len))
        if answer_interrupt(answer, shown, cost):
            logger.warning("answer.interrupted", extra={"answer": str(answer)})
    client.expire(stream_key(schema, answer), settings.VENA_STREAM_TTL)


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
