"""The questions that may follow an answer, and its conversation's title: made when first asked for, then stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache

from chat.models import Conversation, Message
from knowledge.answering.follow_ups import Suggested, build_follow_ups, suggested
from knowledge.answering.policy import answer_settings
from knowledge.answering.spending import Spending
from knowledge.selectors import asker_of
from knowledge.types import AnswerSettings, Asker, Prompt
from tenants.context import in_tenant
from tenants.types import TenantKey

TRYING = 30  # seconds for which nobody else asks the model the same, and a failure is not repeated
KEPT = 24 * 3600  # an empty list is an answer as well


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that the model needs, read before anything waits."""

    tenant: TenantKey
    asker: Asker
    answer: Message
    prompt: Prompt
    settings: AnswerSettings
    documents: frozenset[UUID]  # that the answer was made from


def as_stored(answer: Message) -> dict[str, Any]:
    return {"suggestions": answer.suggestions, "title": answer.conversation.title}


def wanted(tenant: TenantKey, answer: Message) -> Wanted | None:
    """None when there is nothing to ask the model: it was asked before, or the answer is no ground to stand on."""
    question = answer.reply_to
    if answer.suggestions or answer.status != Message.Status.COMPLETE or question is None:
        return None
    sources = list(answer.sources.all())
    passages = [row.snippet for row in sources]
    if not passages or not cache.add(cache_key(answer), 1, timeout=TRYING):
        return None
    member = answer.conversation.member
    return Wanted(
        tenant=tenant,
        asker=asker_of(member),
        answer=answer,
        prompt=build_follow_ups(answer.asked_as or question.text, answer.text, passages),
        settings=answer_settings(),
        documents=frozenset(row.document_id for row in sources if row.document_id),
    )


async def made(wish: Wanted) -> dict[str, Any]:
    spending = Spending(wish.tenant, wish.asker, wish.answer.pk, wish.answer.conversation_id)
    spending.documents = wish.documents
    try:
        found = await suggested(wish.prompt, wish.settings, spending)
    finally:
        await spending.settle()
    if found is None:
        return as_stored(wish.answer)
    return await in_tenant(wish.tenant.schema_name, store, wish.answer, found)


def store(answer: Message, found: Suggested) -> dict[str, Any]:
    """The title only after a conversation's first answer, and never over a person's own."""
    cache.set(cache_key(answer), 1, timeout=KEPT)
    answer.suggestions = list(found.questions)
    Message.objects.filter(pk=answer.pk).update(suggestions=answer.suggestions)
    is_first = answer.reply_to is not None and answer.reply_to.after_id is None
    if is_first and found.title:
        Conversation.objects.filter(pk=answer.conversation_id, is_named=False).update(title=found.title)
        answer.conversation.refresh_from_db(fields=["title"])
    return as_stored(answer)


def cache_key(answer: Message) -> str:
    return f"follow-ups:{answer.pk}"
