"""Writes of a conversation: a question is accepted with its answer row, an answer is stored, whatever its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import NotSignedIn
from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from chat.errors import QuestionTooLong
from chat.models import Conversation, Message, Source
from chat.protocol import Ask, InvalidFrame
from chat.selectors import conversation_of, history_of
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import library_of
from knowledge.types import Asker, ModelUsage, Passage, Question
from tenants.errors import OrganisationSuspended
from tenants.models import Organisation

TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored question. `question` is what to answer; None when it was asked before (a repeated client id)."""

    client_id: UUID
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    question: Question | None


def question_accept(*, organisation_id: UUID, user_id: UUID, ask: Ask) -> Accepted:
    """Store question and answer row together, once for each client id. Runs inside the organisation's schema."""
    organisation, user = asker_now(organisation_id, user_id)
    if len(ask.text) > settings.VENA_MAX_QUESTION:
        raise QuestionTooLong
    library, scope = library_of(organisation), scope_of(user, ask.collections)
    try:
        with transaction.atomic():
            conversation = (
                conversation_of(user, ask.conversation) if ask.conversation else conversation_start(user, ask.text)
            )
            history = history_of(conversation) if ask.conversation else ()
            question, answer = messages_append(conversation, ask)
    except IntegrityError:  # this client id was asked before: by a reconnecting socket, or by another tab just now
        if earlier := asked_before(user, ask.client_id):
            return earlier
        raise
    return Accepted(
        client_id=ask.client_id,
        conversation_id=conversation.pk,
        question_id=question.pk,
        answer_id=answer.pk,
        question=Question(
            library=library,
            asker=Asker(id=user.pk, label=user.email),
            answer_id=answer.pk,
            text=ask.text,
            scope=scope,
            history=history,
        ),
    )


def asker_now(organisation_id: UUID, user_id: UUID) -> tuple[Organisation, User]:
    """Looked up at every question: a socket outlives a suspension and a removed account."""
    organisation = Organisation.objects.get(pk=organisation_id)
    if not organisation.is_open:
        raise OrganisationSuspended
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotSignedIn
    require(user, Can.ASK)
    return organisation, user


def asked_before(user: User, client_id: UUID) -> Accepted | None:
    question = Message.objects.select_related("answer", "conversation").filter(client_id=client_id).first()
    if question is None:
        return None
    if question.conversation.member_id != user.pk:
        raise InvalidFrame(detail="client_id of another person")
    return Accepted(client_id, question.conversation_id, question.pk, question.answer.pk, None)


def conversation_start(user: User, text: str) -> Conversation:
    return Conversation.objects.create(member=user, title=title_of(text))


def title_of(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def messages_append(conversation: Conversation, ask: Ask) -> tuple[Message, Message]:
    now = timezone.now()
    question = Message(
        conversation=conversation,
        role=Message.Role.USER,
        text=ask.text,
        client_id=ask.client_id,
        collection_ids=None if ask.collections is None else [str(one) for one in ask.collections],
        created_at=now,
    )
    answer = Message(
        conversation=conversation,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        reply_to=question,
        created_at=now + timedelta(microseconds=1),
    )
    Message.objects.bulk_create([question, answer])
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=now)
    return question, answer


@dataclass(slots=True)
class Outcome:
    """What became of an answer; gathered while it runs."""

    status: str = Message.Status.STREAMING
    text: str = ""
    passages: Sequence[Passage] = ()
    cited: Sequence[int] = ()
    usage: ModelUsage | None = None
    cost_gbp: Decimal = Decimal(0)
    is_cached: bool = False
    error_code: str = ""
    error_detail: str = ""
    first_text_ms: int | None = None


@transaction.atomic
def answer_store(answer_id: UUID, outcome: Outcome) -> None:
    """The end of an answer, once: a row that has ended is not written again."""
    usage = outcome.usage or ModelUsage("", "")
    stored = Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).update(
        status=outcome.status,
        text=outcome.text.replace("\x00", ""),
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_gbp=outcome.cost_gbp,
        is_cached=outcome.is_cached,
        error_code=outcome.error_code,
        error_detail=outcome.error_detail[:300],
        first_text_ms=outcome.first_text_ms,
        finished_at=timezone.now(),
    )
    if stored:
        Source.objects.bulk_create([source_row(answer_id, passage, outcome.cited) for passage in outcome.passages])


def source_row(answer_id: UUID, passage: Passage, cited: Sequence[int]) -> Source:
    return Source(
        message_id=answer_id,
        n=passage.n,
        document_id=passage.document_id,
        chunk_id=passage.chunk_id,
        title=passage.title,
        version=passage.version_number,
        page=passage.page,
        position=passage.position,
        last_position=passage.last_position,
        snippet=passage.text,
        is_cited=passage.n in cited,
    )


def answer_checkpoint(answer_id: UUID, text: str) -> None:
    """What is there so far, in case this process and Redis both die."""
    Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).update(text=text)


def answer_interrupt(answer_id: UUID, text: str) -> bool:
    """The process that wrote this answer is gone: keep what it had shown."""
    row = Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).first()
    if row is None:
        return False
    longest = max((row.text, text), key=len)
    changed = Message.objects.filter(pk=answer_id, status=Message.Status.STREAMING).update(
        status=Message.Status.INTERRUPTED, text=longest, finished_at=timezone.now()
    )
    return bool(changed)
