"""Conversations as rows, for tests that need no answer to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from accounts.models import User
from chat.models import Conversation, Message, Source


def talk(user: User, *turns: tuple[str, str], title: str = "", **facts: Any) -> Conversation:
    """A conversation of (question, answer) turns in one branch. Runs inside the organisation's schema."""
    conversation = Conversation.objects.create(member=user, title=title or turns[0][0][:120], **facts)
    for question, answer in turns:
        add_turn(conversation, question, answer)
    return conversation


def add_turn(
    conversation: Conversation, question: str, answer: str, *, after: Message | None = None, **facts: Any
) -> Message:
    """The answer. Without `after` it follows the open leaf."""
    last = after.pk if after else conversation.leaf_id
    first = Message.objects.create(
        conversation=conversation, role="user", text=question, after_id=last, created_at=timezone.now()
    )
    reply = Message.objects.create(
        conversation=conversation, role="assistant", text=answer, reply_to=first, created_at=timezone.now(), **facts
    )
    conversation.leaf = reply
    conversation.save()
    return reply


def cite(answer: Message, *documents: UUID | None, titles: Sequence[str] = ()) -> list[Source]:
    """Offered passages, all cited, numbered from 1."""
    return [
        Source.objects.create(
            message=answer,
            n=n,
            document_id=document or uuid4(),
            title=titles[n - 1] if titles else f"Document {n}",
            page=n,
            position=0,
            snippet=f"Passage {n}.",
            is_cited=True,
        )
        for n, document in enumerate(documents, 1)
    ]
