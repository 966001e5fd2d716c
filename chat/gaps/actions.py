"""Questions that the documents did not answer: kept with the answer, put to a topic, told about when it is filled."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from billing.errors import BudgetReached
from chat.gaps.topics import most_typical, packed, same_topic, unpacked
from chat.models import GapQuestion, KnowledgeGap, Message
from knowledge.errors import IndexUnavailable
from knowledge.models import DocumentVersion
from knowledge.retrieval.nearest import nearest_documents, question_vector
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import asker_of
from knowledge.types import Library, Vector

logger = logging.getLogger(__name__)

NEAREST = 3  # documents kept with a gap
COMPARED = 3000  # questions a new one is compared with, the newest of them
TOPIC_LENGTH = 300
SETTLED = (KnowledgeGap.Status.FILLED, KnowledgeGap.Status.DISMISSED)


# -- keeping ----------------------------------------------------------------------------------------


def question_keep(answer: Message, text: str, *, is_reported: bool = False, comment: str = "") -> GapQuestion:
    """A gap of its own at once, so that nothing is lost; `question_place` finds the topic it belongs to later."""
    known = GapQuestion.objects.filter(pk=answer.pk).first()
    if known:
        known.is_reported, known.comment = known.is_reported or is_reported, comment or known.comment
        known.save(update_fields=["is_reported", "comment"])
        return known
    with transaction.atomic():
        gap = KnowledgeGap.objects.create(topic=one_line(text)[:TOPIC_LENGTH])
        return GapQuestion.objects.create(
            gap=gap, answer=answer, text=text[:4000], is_reported=is_reported, comment=comment
        )


def one_line(text: str) -> str:
    return " ".join(text.split())


# -- topics -----------------------------------------------------------------------------------------


def question_place(library: Library, answer_id: UUID) -> None:
    """Embed a kept question, and join it to the topic it is about. Safe to repeat."""
    rows = GapQuestion.objects.select_related("gap", "answer__conversation__member", "answer__reply_to")
    row = rows.filter(pk=answer_id).first()
    if row is None or row.embedding_version == library.space.version:
        return
    member = row.answer.conversation.member
    try:
        vector = question_vector(library, asker_of(member), row.text)
    except BudgetReached:  # the nightly review comes back to it
        logger.info("gaps.no_room", extra={"answer": str(answer_id)})
        return
    found = nearest(library, vector, member, row.answer.reply_to)
    is_new = not row.embedding_version
    with one_at_a_time(library):
        row.vector, row.embedding_version = packed(vector), library.space.version
        row.save(update_fields=["vector", "embedding_version"])
        put_to_topic(row)
        topic_refresh(row.gap_id, found, is_asked_now=is_new)


def nearest(library: Library, vector: Vector, member: User, question: Message | None) -> list[dict[str, Any]]:
    """The nearest documents the person could have been answered from; none while the index is away."""
    limited = question.collection_ids if question else None
    scope = scope_of(member, None if limited is None else [UUID(one) for one in limited])
    try:
        found = nearest_documents(library, vector, scope, NEAREST)
    except IndexUnavailable:
        return []
    return [
        {"document": str(one.document_id), "title": one.title, "page": one.page, "similarity": one.similarity}
        for one in found
    ]


class one_at_a_time(transaction.Atomic):  # noqa: N801  (used as a function, like `transaction.atomic`)
    """A transaction in which nobody else of the organisation puts questions to topics: two of one topic would miss
    each other."""

    def __init__(self, library: Library) -> None:
        super().__init__(using=None, savepoint=True, durable=False)
        digest = hashlib.sha256(f"gaps:{library.tenant.schema_name}".encode()).digest()
        self.key = int.from_bytes(digest[:8], "big", signed=True)

    def __enter__(self) -> None:
        super().__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [self.key])


def put_to_topic(row: GapQuestion) -> None:
    """A question that stands alone joins the topic it is about. One that has company stays there, whatever a new
    embedding model thinks of it: an editor may have planned the topic."""
    if row.gap.questions.exclude(pk=row.pk).exists():
        return
    topic = same_topic(bytes(row.vector or b""), topics_beside(row), settings.VENA_GAP_SIMILARITY)
    if topic is not None:
        alone, row.gap_id = row.gap, topic
        row.save(update_fields=["gap"])
        gaps_tidy([alone])


def topic_refresh(gap_id: UUID, near: list[dict[str, Any]], *, is_asked_now: bool) -> None:
    """A question brings its nearest documents; asking puts the topic to the top of the list."""
    gap = KnowledgeGap.objects.get(pk=gap_id)
    asked = {"updated_at": timezone.now()} if is_asked_now else {}
    changed = {"nearest": nearer(gap.nearest, near), "topic": topic_of(gap)}
    KnowledgeGap.objects.filter(pk=gap_id).update(**changed, **asked)


def topics_beside(row: GapQuestion) -> dict[UUID, list[bytes]]:
    """The vectors of every topic a question may join: of its own embedding version, and not filled.

    A dismissed topic is joined as well: it was dismissed for all who ask it.
    """
    rows = GapQuestion.objects.filter(embedding_version=row.embedding_version).exclude(gap=row.gap_id)
    rows = rows.exclude(gap__status=KnowledgeGap.Status.FILLED).exclude(vector=None)
    topics: dict[UUID, list[bytes]] = defaultdict(list)
    for gap, vector in rows.values_list("gap_id", "vector")[:COMPARED]:
        topics[gap].append(bytes(vector or b""))
    return topics


def nearer(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One list, each document once, the nearest first."""
    best: dict[str, dict[str, Any]] = {}
    for one in sorted((one for each in lists for one in each), key=lambda one: -float(one["similarity"])):
        best.setdefault(one["document"], one)
    return list(best.values())[:NEAREST]


def topic_of(gap: KnowledgeGap) -> str:
    """The question that stands for all of them."""
    rows = list(gap.questions.order_by("created_at").values_list("text", "vector", "embedding_version"))
    versions = {version for _, _, version in rows}
    if not rows:
        return gap.topic
    is_comparable = len(versions) == 1 and all(vector for _, vector, _ in rows)
    best = most_typical([bytes(vector or b"") for _, vector, _ in rows]) if is_comparable else 0
    return one_line(rows[best][0])[:TOPIC_LENGTH]


def gaps_tidy(gaps: Iterable[KnowledgeGap]) -> None:
    """After questions have left: an open topic without any goes, another one is named after those it still has.

    What an editor has planned or settled stays, so that the work is not forgotten.
    """
    for gap in gaps:
        if gap.questions.exists():
            KnowledgeGap.objects.filter(pk=gap.pk).update(topic=topic_of(gap))
        elif gap.status == KnowledgeGap.Status.OPEN:
            gap.delete()


# -- what editors and askers do ---------------------------------------------------------------------


@transaction.atomic
def gap_change(*, gap: KnowledgeGap, status: str | None = None, note: str | None = None) -> KnowledgeGap:
    """Filled: those who asked are told once. Opened again: they will be told again."""
    if note is not None:
        gap.note = note
    if status is not None and status != gap.status:
        if gap.status == KnowledgeGap.Status.FILLED:
            gap.questions.update(told_at=None)
        gap.status = status
        gap.settled_at = timezone.now() if status in SETTLED else None
        gap.may_be_filled_at = None
    changed = {"note": gap.note, "status": gap.status, "settled_at": gap.settled_at}
    KnowledgeGap.objects.filter(pk=gap.pk).update(**changed, may_be_filled_at=gap.may_be_filled_at)
    return gap


def gap_seen(*, user: User, gap_id: UUID) -> bool:
    rows = GapQuestion.objects.filter(gap=gap_id, answer__conversation__member=user)
    return bool(rows.update(told_at=timezone.now()))


# -- at night ---------------------------------------------------------------------------------------


def questions_to_place(version: str) -> list[UUID]:
    """Questions of unsettled topics without a vector of this embedding version."""
    rows = GapQuestion.objects.exclude(embedding_version=version).exclude(gap__status__in=SETTLED)
    return list(rows.values_list("pk", flat=True)[:COMPARED])


def gaps_review(library: Library) -> int:
    """Mark topics that documents of after their last question may answer. Costs no call of a provider."""
    newest = DocumentVersion.objects.aggregate(newest=Max("ready_at"))["newest"]
    if newest is None:
        return 0
    rows = KnowledgeGap.objects.exclude(status__in=SETTLED).filter(may_be_filled_at=None)
    rows = rows.annotate(last_asked=Max("questions__created_at")).filter(last_asked__lt=newest)
    return sum(review(library, gap) for gap in rows)


def review(library: Library, gap: Any) -> bool:
    """A new document that is nearer than any was, and near enough to be evidence."""
    questions = gap.questions.filter(embedding_version=library.space.version).exclude(vector=None)
    question = questions.select_related("answer__conversation__member").first()
    if question is None:
        return False
    vector = unpacked(bytes(question.vector)).tolist()
    found = nearest_documents(library, vector, scope_of(question.answer.conversation.member), NEAREST)
    before = max((one["similarity"] for one in gap.nearest), default=0.0)
    needed = max(settings.VENA_GAP_EVIDENCE, before + settings.VENA_GAP_NEARER)
    is_new = any(one.similarity >= needed and one.ready_at and one.ready_at > gap.last_asked for one in found)
    if is_new:
        KnowledgeGap.objects.filter(pk=gap.pk).update(may_be_filled_at=timezone.now())
    return is_new
