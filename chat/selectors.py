from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from accounts.models import User
from chat.errors import AnswerNotFound, ConversationNotFound
from chat.models import Conversation, Message, Source
from chat.protocol import Frame, source, usage
from knowledge.types import Role, Turn

HISTORY_MESSAGES = 6
HISTORY_CHARACTERS = 6000  # of all turns together; the newest are kept
SIDEBAR = 60


def conversations_of(user: User) -> list[Conversation]:
    return list(Conversation.objects.filter(member=user)[:SIDEBAR])


def conversation_of(user: User, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(pk=conversation_id, member=user).first()
    if conversation is None:
        raise ConversationNotFound
    return conversation


def answer_of(user: User, answer_id: UUID) -> Message:
    message = (
        Message.objects.filter(pk=answer_id, role=Message.Role.ASSISTANT, conversation__member=user)
        .select_related("conversation")
        .prefetch_related("sources")
        .first()
    )
    if message is None:
        raise AnswerNotFound
    return message


def history_of(conversation: Conversation, *, before: Message | None = None) -> tuple[Turn, ...]:
    """The last turns that ended well enough to build on, oldest first, within a budget."""
    kept = [Message.Status.COMPLETE, Message.Status.STOPPED, Message.Status.INTERRUPTED]
    rows = conversation.messages.filter(status__in=kept).exclude(text="").order_by("-created_at", "-role")
    if before is not None:
        rows = rows.filter(created_at__lt=before.created_at)
    turns: list[Turn] = []
    room = HISTORY_CHARACTERS
    for role, text in rows.values_list("role", "text")[:HISTORY_MESSAGES]:
        if len(text) > room:
            break
        room -= len(text)
        turns.append(Turn(role=Role(role), text=text))
    return tuple(reversed(turns))


def conversation_for_page(conversation: Conversation) -> dict[str, Any]:
    rows = conversation.messages.prefetch_related(Prefetch("sources", queryset=Source.objects.order_by("n")))
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "messages": [message_for_page(message) for message in rows],
    }


def message_for_page(message: Message) -> dict[str, Any]:
    error = {"code": message.error_code, "detail": message.error_detail} if message.error_code else None
    return {
        "id": str(message.pk),
        "role": message.role,
        "text": message.text,
        "status": message.status,
        "created_at": message.created_at.isoformat(),
        "sources": [{**source_frame(row), "cited": row.is_cited} for row in message.sources.all()],
        "usage": usage_of(message) if message.model else None,
        "error": error,
    }


def source_frame(row: Source) -> Frame:
    return source(
        n=row.n,
        document=row.document_id,
        version=row.version,
        title=row.title,
        page=row.page,
        snippet=row.snippet,
        position=row.position,
        last_position=row.last_position,
    )


def usage_of(message: Message) -> Frame:
    return usage(
        model=message.model,
        input_tokens=message.input_tokens,
        output_tokens=message.output_tokens,
        cost_gbp=message.cost_gbp,
        cached=message.is_cached,
    )
