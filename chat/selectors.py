from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Coalesce

from accounts.models import User
from chat.citing import source_frame
from chat.errors import AnswerNotFound, ConversationNotFound, MessageNotFound
from chat.models import Conversation, Feedback, GapQuestion, Message, Source
from chat.protocol import Frame, usage
from knowledge.answering.history import within
from knowledge.types import Role, Turn

HISTORY_MESSAGES = 6  # questions with their answers
BUILT_ON = (Message.Status.COMPLETE, Message.Status.STOPPED, Message.Status.INTERRUPTED)
SIDEBAR = 60


def conversations_of(user: User) -> list[Conversation]:
    """For the side bar: those that are pinned first."""
    rows = Conversation.objects.filter(member=user, archived_at=None)
    return list(rows.order_by(F("pinned_at").desc(nulls_last=True), "-updated_at")[:SIDEBAR])


def conversation_of(user: User, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(pk=conversation_id, member=user).first()
    if conversation is None:
        raise ConversationNotFound
    return conversation


def shared_conversation(conversation_id: UUID) -> Conversation:
    """For any signed-in person of the organisation, as long as its owner shares it."""
    rows = Conversation.objects.select_related("member").filter(pk=conversation_id, shared_at__isnull=False)
    conversation = rows.first()
    if conversation is None:
        raise ConversationNotFound
    return conversation


def answer_of(user: User, answer_id: UUID) -> Message:
    message = (
        Message.objects.filter(pk=answer_id, role=Message.Role.ASSISTANT, conversation__member=user)
        .select_related("conversation__member", "reply_to")
        .prefetch_related("sources__citations")
        .first()
    )
    if message is None:
        raise AnswerNotFound
    return message


def question_of(user: User, message_id: UUID) -> Message:
    """The question with this id, or the one that the answer with this id replies to."""
    rows = Message.objects.filter(conversation__member=user).select_related("conversation")
    found = rows.filter(Q(pk=message_id, role=Message.Role.USER) | Q(answers=message_id)).first()
    if found is None:
        raise MessageNotFound
    return found


def collections_of(question: Message) -> tuple[UUID, ...] | None:
    return None if question.collection_ids is None else tuple(map(UUID, question.collection_ids))


def path_to(conversation: Conversation, leaf: UUID | None) -> list[UUID]:
    """The ids of a branch, from the first question to `leaf`, a question or an answer."""
    above = dict(conversation.messages.order_by().values_list("pk", Coalesce("reply_to_id", "after_id")))
    path: list[UUID] = []
    while leaf is not None and leaf in above:
        path.append(leaf)
        leaf = above[leaf]
    return path[::-1]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a prompt is told of the conversation so far. `left_out` are the messages that neither of them covers."""

    turns: tuple[Turn, ...] = ()
    summary: str = ""
    left_out: tuple[UUID, ...] = ()


def history_of(conversation: Conversation, leaf: UUID | None) -> Recalled:
    """The last turns of the branch that ended well enough to build on, within a budget of tokens; a summary of what
    lies before, if there is one of this branch."""
    if leaf is None:
        return Recalled()
    path = path_to(conversation, leaf)
    if not path:
        return Recalled()
    rows = said_on(path[-2 * HISTORY_MESSAGES :])
    turns = within([turn for _, turn in reversed(rows)], settings.VENA_HISTORY_TOKENS)
    covered = path.index(conversation.summary_upto_id) + 1 if conversation.summary_upto_id in path else 0
    first = path.index(rows[-len(turns)][0]) if turns else len(path)
    return Recalled(turns, conversation.summary if covered else "", tuple(path[covered:first]))


def said_on(path: Sequence[UUID]) -> list[tuple[UUID, Turn]]:
    """The messages of a path that can be built on, oldest first."""
    rows = Message.objects.filter(pk__in=path, status__in=BUILT_ON).exclude(text="").values_list("pk", "role", "text")
    places = {pk: place for place, pk in enumerate(path)}
    return [(pk, Turn(Role(role), text)) for pk, role, text in sorted(rows, key=lambda row: places[row[0]])]


def conversation_for_page(conversation: Conversation, *, newest: int | None = None) -> dict[str, Any]:
    """The open branch, or its `newest` messages, with the siblings of each, between which the page's arrows go."""
    whole = path_to(conversation, conversation.leaf_id)
    path = whole[-newest:] if newest else whole
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "has_earlier": len(path) < len(whole),
        "messages": messages_for_page(conversation, path),
    }


def messages_for_page(conversation: Conversation, wanted: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = conversation.messages.filter(pk__in=wanted).select_related("feedback", "gap_question")
    sources = Source.objects.order_by("n").prefetch_related("citations")
    rows = rows.prefetch_related(Prefetch("sources", queryset=sources))
    beside = siblings_of(conversation)
    return [message_for_page(message, beside[message.pk]) for message in rows]


def siblings_of(conversation: Conversation) -> dict[UUID, list[str]]:
    """For each message the ids of all that stand in its place, in the order they were asked; itself among them."""
    rows = conversation.messages.order_by("created_at").values_list("pk", "role", "reply_to_id", "after_id")
    places: dict[tuple[str, UUID | None], list[str]] = {}
    place_of = {pk: (role, reply_to or after) for pk, role, reply_to, after in rows}
    for pk, place in place_of.items():
        places.setdefault(place, []).append(str(pk))
    return {pk: places[place] for pk, place in place_of.items()}


def message_for_page(message: Message, siblings: list[str]) -> dict[str, Any]:
    error = {"code": message.error_code, "detail": message.error_detail} if message.error_code else None
    return {
        "id": str(message.pk),
        "role": message.role,
        "text": message.text,
        "status": message.status,
        "created_at": message.created_at.isoformat(),
        "siblings": siblings,
        "notices": message.notices,
        "suggestions": message.suggestions,
        "sources": [{**source_frame(row), "cited": row.is_cited} for row in message.sources.all()],
        "usage": usage_of(message) if message.model else None,
        "error": error,
        "feedback": feedback_of(message),
        "gap_reported": is_gap_reported(message),
    }


def is_gap_reported(message: Message) -> bool:
    """By the person who asked; `select_related("gap_question")` saves a query."""
    try:
        return message.gap_question.is_reported
    except GapQuestion.DoesNotExist:
        return False


def feedback_of(message: Message) -> dict[str, Any] | None:
    """What the person who asked thought of it; `select_related("feedback")` saves a query."""
    try:
        row = message.feedback
    except Feedback.DoesNotExist:
        return None
    return {"rating": row.rating, "reason": row.reason, "comment": row.comment}


def usage_of(message: Message) -> Frame:
    return usage(
        model=message.model,
        input_tokens=message.input_tokens,
        output_tokens=message.output_tokens,
        cost_gbp=message.cost_gbp,
        cached=message.is_cached,
    )
