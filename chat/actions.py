"""Writes of a conversation: a question is accepted with its answer row, an answer is stored, whatever its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from billing.budgets import has_budgets, has_strict_budgets
from chat.errors import AnswerNotFound, QuestionTooLong
from chat.experiments.assignment import settings_of
from chat.gaps.actions import question_keep
from chat.gaps.tasks import place_gap_question
from chat.limits import question_count
from chat.models import Conversation, GapQuestion, Message
from chat.protocol import Ask, Edit, InvalidFrame
from chat.selectors import collections_of, conversation_of, history_of, question_of
from chat.standing import PersonNow, asker_now
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import library_of
from knowledge.types import Question
from tenants.context import active_schema
from tenants.postgresql.rows import Statement, insert, run, update

TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored question. `question` is what to answer; None when it was asked before (a repeated client id)."""

    client_id: UUID | None
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    question: Question | None


def question_accept(*, organisation_id: UUID, user_id: UUID, ask: Ask) -> Accepted:
    """Store question and answer row together, once for each client id. Runs inside the organisation's schema."""
    asker = asker_now(organisation_id, user_id)
    with once_for(asker.user, ask.client_id) as earlier:
        conversation = (
            conversation_of(asker.user, ask.conversation)
            if ask.conversation
            else Conversation(member=asker.user, title=title_of(ask.text))
        )
        question = question_row(conversation, ask.text, ask.client_id, ask.collections, after=conversation.leaf_id)
        return turn_open(asker, conversation, question, is_new=True)
    return earlier.repeated()


def question_edit(*, organisation_id: UUID, user_id: UUID, edit: Edit) -> Accepted:
    """The question in other words, beside the first one: both branches stay."""
    asker = asker_now(organisation_id, user_id)
    first = question_of(asker.user, edit.message)
    with once_for(asker.user, edit.client_id) as earlier:
        question = question_row(
            first.conversation, edit.text, edit.client_id, collections_of(first), after=first.after_id
        )
        return turn_open(asker, first.conversation, question, is_new=True)
    return earlier.repeated()


def answer_regenerate(
    *, organisation_id: UUID, user_id: UUID, message_id: UUID, client_id: UUID | None = None
) -> Accepted:
    """Another answer to the same question. `message_id` is of the question or of any of its answers."""
    asker = asker_now(organisation_id, user_id)
    question = question_of(asker.user, message_id)
    with once_for(asker.user, client_id) as earlier:
        return turn_open(asker, question.conversation, question, is_new=False, client_id=client_id)
    return earlier.repeated()


@dataclass(slots=True)
class Earlier:
    """What a client id was used for before."""

    user: User
    client_id: UUID | None
    found: Message | None = None

    def repeated(self) -> Accepted:
        if self.found is None or self.found.conversation.member_id != self.user.pk:
            raise InvalidFrame(detail="client_id of another person")
        answer = self.found if self.found.reply_to_id else self.found.answers.order_by("created_at").first()
        if answer is None or answer.reply_to_id is None:
            raise AnswerNotFound
        return Accepted(self.client_id, self.found.conversation_id, answer.reply_to_id, answer.pk, None)


@contextmanager
def once_for(user: User, client_id: UUID | None) -> Iterator[Earlier]:
    """Ends well when the client id was used before: by a reconnecting socket, or another tab.

    What a turn stores goes to the database in one piece, which is a transaction by itself: no round trips for another.
    """
    earlier = Earlier(user, client_id)
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            yield earlier
    except IntegrityError:
        earlier.found = Message.objects.select_related("conversation").filter(client_id=client_id).first()
        if client_id is None or earlier.found is None:
            raise


def turn_open(
    asker: PersonNow, conversation: Conversation, question: Message, *, is_new: bool, client_id: UUID | None = None
) -> Accepted:
    """Store what is new of a turn, make its answer the conversation's leaf, and say what is to be answered.

    `client_id` is of an answer asked for again; a new question has its own.
    """
    if len(question.text) > settings.VENA_MAX_QUESTION:
        raise QuestionTooLong
    question_count(active_schema(), asker.user.pk)
    now = timezone.now()
    answer = answer_row(question, now, client_id)
    run(
        *opened(conversation, answer, now),
        insert([question, answer] if is_new else [answer]),
    )
    return Accepted(
        client_id=question.client_id if is_new else client_id,
        conversation_id=conversation.pk,
        question_id=question.pk,
        answer_id=answer.pk,
        question=question_for(asker, conversation, question, answer, wants_another=not is_new),
    )


def question_for(
    asker: PersonNow, conversation: Conversation, question: Message, answer: Message, *, wants_another: bool = False
) -> Question:
    recalled, is_limited = history_of(conversation, question.after_id), has_budgets(asker.organisation.pk)
    return Question(
        library=library_of(asker.organisation),
        asker=asker.asker,
        answer_id=answer.pk,
        text=question.text,
        scope=scope_of(asker.user, collections_of(question), readable=asker.readable),
        history=recalled.turns,
        summary=recalled.summary,
        is_cut=bool(recalled.left_out),
        settings=settings_of(conversation, asker.settings, asker.arms),
        index_version=asker.index_version,
        wants_another=wants_another,
        has_budgets=is_limited,
        is_strict=has_strict_budgets(asker.organisation.pk),
        conversation_id=conversation.pk,
    )


def opened(conversation: Conversation, answer: Message, now: datetime) -> list[Statement]:
    """The conversation with the answer as its leaf, stored for the first time or changed."""
    conversation.leaf = answer
    if conversation._state.adding:
        return [insert([conversation])]
    return [update(Conversation, {"pk": conversation.pk}, leaf=answer.pk, updated_at=now)]


def title_of(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def question_row(
    conversation: Conversation,
    text: str,
    client_id: UUID | None,
    collections: Sequence[UUID] | None,
    *,
    after: UUID | None,
) -> Message:
    return Message(
        conversation=conversation,
        role=Message.Role.USER,
        text=text,
        client_id=client_id,
        after_id=after,
        collection_ids=None if collections is None else [str(one) for one in collections],
        created_at=timezone.now(),
    )


def answer_row(question: Message, now: datetime, client_id: UUID | None = None) -> Message:
    return Message(
        client_id=client_id,
        conversation_id=question.conversation_id,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        reply_to=question,
        created_at=max(now, question.created_at + timedelta(microseconds=1)),
    )


def gap_keep(answer_id: UUID, *, is_reported: bool = False, comment: str = "") -> GapQuestion:
    """What the documents did not answer is a gap in them; a task finds out which questions ask the same."""
    answer = Message.objects.select_related("reply_to").get(pk=answer_id)
    text = answer.asked_as or (answer.reply_to.text if answer.reply_to else "")
    kept = question_keep(answer, text, is_reported=is_reported, comment=comment)
    place = partial(place_gap_question.delay, schema_name=active_schema(), answer_id=str(answer_id))
    transaction.on_commit(place, robust=True)  # the nightly review finds what the queue did not take
    return kept


def answer_checkpoint(answer_id: UUID, text: str) -> None:
    """What is there so far, in case this process and Redis both die."""
    Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).update(text=text)


def answer_interrupt(answer_id: UUID, text: str, cost_gbp: Decimal = Decimal(0)) -> bool:
    """The process that wrote this answer is gone: keep what it had shown, and what it had spent."""
    row = Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).first()
    if row is None:
        return False
    longest = max((row.text, text), key=len)
    changed = Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).update(
        status=Message.Status.INTERRUPTED, text=longest, cost_gbp=cost_gbp, finished_at=timezone.now()
    )
    return bool(changed)
