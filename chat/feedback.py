"""What people think of answers, and the golden questions that editors make of good ones."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from redis.exceptions import RedisError

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from chat.errors import AnswerNotFound, AnswerRunning, NotGolden
from chat.models import Feedback, Message, Source
from knowledge.answering.cache_store import forget_answer
from knowledge.evaluation.golden import golden_from_answer, single_spaced
from knowledge.models import GoldenQuestion
from knowledge.selectors import documents_hidden_from, documents_visible_to
from tenants.context import active_schema

logger = logging.getLogger(__name__)


def feedback_put(*, answer: Message, rating: int, reason: str = "", comment: str = "") -> Feedback:
    """One opinion an answer: a second one replaces the first."""
    if answer.status == Message.Status.STREAMING:
        raise AnswerRunning
    row, _ = Feedback.objects.update_or_create(
        message=answer, defaults={"rating": rating, "reason": reason, "comment": comment}
    )
    if rating == Feedback.Rating.BAD:
        answer_forget(answer)
    return row


def feedback_delete(*, answer: Message) -> None:
    Feedback.objects.filter(message=answer).delete()


def answer_forget(answer: Message) -> None:
    """An answer that somebody found bad is not given to the next who asks."""
    try:
        forget_answer(active_schema(), answer.pk)
    except RedisError:  # it is kept no longer than a day
        logger.warning("feedback.answer_not_forgotten", extra={"answer": str(answer.pk)})


# -- golden questions -------------------------------------------------------------------------------


def answers_rated_well(user: User) -> QuerySet[Message]:
    """For editors: answers somebody found good, the last rated first, as question and documents, without names."""
    require(user, Can.EDIT_DOCUMENTS)
    cited = Prefetch("sources", queryset=Source.objects.filter(is_cited=True).order_by("n"))
    rows = Message.objects.filter(feedback__rating=Feedback.Rating.GOOD, sources__is_cited=True).distinct()
    rows = rows.exclude(pk__in=resting_on_hidden(user))
    return rows.select_related("reply_to", "feedback").prefetch_related(cited).order_by("-created_at", "-id")


def resting_on_hidden(user: User) -> QuerySet[Source, UUID]:
    """Answers that cite a document which is there, but not for this person: their words say what it says."""
    hidden = documents_hidden_from(user).values("pk")
    return Source.objects.filter(is_cited=True, document_id__in=hidden).order_by().values_list("message_id", flat=True)


def rated_shown(user: User, answers: list[Message]) -> list[dict[str, Any]]:
    texts = {answer.pk: question_text(answer) for answer in answers}
    kept = set(GoldenQuestion.objects.filter(text__in=texts.values()).values_list("text", flat=True))
    ids = {row.document_id for answer in answers for row in answer.sources.all()}
    there = set(documents_visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))
    return [
        {
            "answer": answer.pk,
            "question": texts[answer.pk],
            "documents": [cited_document(row) for row in first_of_each(answer) if row.document_id in there],
            "is_golden": texts[answer.pk] in kept,
        }
        for answer in answers
    ]


def question_text(answer: Message) -> str:
    return single_spaced(answer.asked_as or (answer.reply_to.text if answer.reply_to else ""))


def first_of_each(answer: Message) -> list[Source]:
    rows: dict[UUID, Source] = {}
    for row in answer.sources.all():
        rows.setdefault(row.document_id, row)
    return list(rows.values())


def cited_document(row: Source) -> dict[str, Any]:
    return {"id": row.document_id, "title": row.title, "page": row.page}


def golden_from(*, user: User, answer_id: UUID) -> GoldenQuestion:
    """An editor may keep an answer of their own, or one that the person who asked rated well."""
    require(user, Can.EDIT_DOCUMENTS)
    allowed = Q(conversation__member=user) | Q(feedback__rating=Feedback.Rating.GOOD)
    rows = Message.objects.filter(allowed, pk=answer_id, role=Message.Role.ASSISTANT).select_related("reply_to")
    rows = rows.exclude(pk__in=resting_on_hidden(user))
    answer = rows.prefetch_related("sources__citations").first()
    if answer is None:
        raise AnswerNotFound
    if answer.status == Message.Status.STREAMING:
        raise AnswerRunning
    kept = golden_from_answer(question_text(answer), cited_quotes(answer), created_by_label=user.email)
    if kept is None:
        raise NotGolden
    return kept


def cited_quotes(answer: Message) -> list[tuple[UUID, str]]:
    """Each cited document with the words that bear a sentence out; without such words the document alone counts."""
    found: list[tuple[UUID, str]] = []
    for source in answer.sources.all():
        if source.is_cited:
            quotes = [row.quote for row in source.citations.all() if row.quote]
            found += [(source.document_id, quote) for quote in quotes or [""]]
    return found
