from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Prefetch, QuerySet

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from chat.errors import GapNotFound
from chat.models import GapQuestion, KnowledgeGap
from knowledge.selectors import documents_hidden_from, documents_visible_to

QUESTIONS_SHOWN = 10


def gaps_visible_to(user: User, status: str = "") -> QuerySet[KnowledgeGap]:
    """For editors: topics with how many people asked and when. Who asked is nowhere in it."""
    require(user, Can.EDIT_DOCUMENTS)
    rows = KnowledgeGap.objects.filter(status=status) if status else KnowledgeGap.objects.all()
    newest = GapQuestion.objects.order_by("-created_at")[:QUESTIONS_SHOWN]
    return (
        rows.annotate(
            people=Count("questions__answer__conversation__member", distinct=True),
            asked=Count("questions"),
            first_asked_at=Min("questions__created_at"),
            last_asked_at=Max("questions__created_at"),
        )
        .prefetch_related(Prefetch("questions", queryset=newest, to_attr="shown_questions"))
        .order_by("-updated_at", "-id")
    )


def gap_visible_to(user: User, gap_id: UUID) -> KnowledgeGap:
    gap = gaps_visible_to(user).filter(pk=gap_id).first()
    if gap is None:
        raise GapNotFound
    return gap


def gaps_counted(user: User) -> dict[str, int]:
    """How many topics there are of each status."""
    require(user, Can.EDIT_DOCUMENTS)
    rows = KnowledgeGap.objects.order_by().values_list("status").annotate(Count("pk"))
    return {**dict.fromkeys(KnowledgeGap.Status.values, 0), **dict(rows)}


def gaps_shown(user: User, gaps: Sequence[Any]) -> list[dict[str, Any]]:
    """As the list shows them. A document that is gone is named without a link, one the reader may not read not at
    all."""
    wanted = {one["document"] for gap in gaps for one in gap.nearest}
    open_to_user = {str(pk) for pk in documents_visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True)}
    hidden = {str(pk) for pk in documents_hidden_from(user).filter(pk__in=wanted).values_list("pk", flat=True)}
    return [gap_shown(gap, open_to_user, hidden) for gap in gaps]


def gap_shown(gap: Any, open_documents: set[str], hidden: set[str]) -> dict[str, Any]:
    return {
        "id": gap.pk,
        "topic": gap.topic,
        "status": gap.status,
        "note": gap.note,
        "people": gap.people,
        "asked": gap.asked,
        "first_asked_at": gap.first_asked_at,
        "last_asked_at": gap.last_asked_at,
        "may_be_filled_at": gap.may_be_filled_at,
        "nearest": [
            {**one, "url": address(one) if one["document"] in open_documents else None}
            for one in gap.nearest
            if one["document"] not in hidden
        ],
        "questions": [
            {"text": row.text, "is_reported": row.is_reported, "comment": row.comment, "created_at": row.created_at}
            for row in gap.shown_questions
        ],
    }


def address(near: dict[str, Any]) -> str:
    return f"/documents/{near['document']}/"


def filled_for(user: User) -> list[dict[str, Any]]:
    """The person's own questions that documents answer by now, and that they have not been told about: one a topic.

    In their own words: the topic may be named after a colleague's question.
    """
    rows = GapQuestion.objects.filter(
        answer__conversation__member=user, gap__status=KnowledgeGap.Status.FILLED, told_at=None
    ).select_related("gap", "answer")
    newest = {row.gap_id: row for row in rows.order_by("created_at")}
    return [
        {
            "id": row.gap_id,
            "topic": row.text,
            "note": row.gap.note,
            "question": row.text,
            "conversation": row.answer.conversation_id,
        }
        for row in newest.values()
    ]
