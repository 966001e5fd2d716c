"""How an organisation is, for operators: sizes and health as numbers. Never a text or a name of its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from accounts.models import User
from billing.models import Subscription
from billing.reports import spent_between
from chat.models import Message
from knowledge.models import Chunk, Document, DocumentVersion
from tenants.context import entered
from tenants.models import Organisation
from tenants.schemas import existing_schemas
from vena_platform.removal import vector_count

LATELY = timedelta(days=30)
STUCK = timedelta(hours=1)  # a document that is worked on for so long, or an answer that still runs


@dataclass(frozen=True, slots=True)
class Figures:
    people: int
    documents: int
    failed: int  # documents
    stuck: int  # documents and answers
    chunks: int
    bytes: int  # of all versions of documents
    answers: int  # in the last 30 days
    last_question: datetime | None
    spent_gbp: Decimal  # this month, UTC
    plan: str


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    is_fine: bool
    words: str


def figures_of(organisation: Organisation) -> Figures | None:
    """None while its schema is not there."""
    if organisation.schema_name not in existing_schemas():
        return None
    now = timezone.now()
    today = now.date()
    subscription = Subscription.objects.filter(organisation=organisation).select_related("plan").first()
    with entered(organisation.schema_name):
        documents = Document.objects.aggregate(
            all=Count("pk"),
            failed=Count("pk", filter=Q(state=Document.State.FAILED)),
            stuck=Count("pk", filter=Q(state__in=Document.WORKING, work_started_at__lt=now - STUCK)),
        )
        answers = Message.objects.aggregate(
            lately=Count("pk", filter=Q(role=Message.Role.ASSISTANT, created_at__gte=now - LATELY)),
            last=Max("created_at", filter=Q(role=Message.Role.USER)),
            stuck=Count("pk", filter=Q(status=Message.Status.STREAMING, created_at__lt=now - STUCK)),
        )
        return Figures(
            people=User.objects.filter(is_active=True, is_service=False).count(),
            documents=documents["all"],
            failed=documents["failed"],
            stuck=documents["stuck"] + answers["stuck"],
            chunks=Chunk.objects.count(),
            bytes=DocumentVersion.objects.aggregate(all=Sum("size"))["all"] or 0,
            answers=answers["lately"],
            last_question=answers["last"],
            spent_gbp=spent_between(organisation.pk, date(today.year, today.month, 1), today),
            plan=subscription.plan.name if subscription else "",
        )


def checks_of(organisation: Organisation, figures: Figures | None) -> list[Check]:
    if figures is None:
        return [Check("Database", False, "There is no schema. Look at its provisioning.")]
    vectors = vector_count(organisation)
    return [
        Check("Database", not organisation.migration_failure, organisation.migration_failure or "Up to date."),
        Check(
            "Search index",
            bool(vectors) or not figures.chunks,
            f"{vectors:,} vectors; {figures.chunks:,} passages. manage.py reconcile compares and mends.",
        ),
        Check(
            "Documents",
            not figures.failed,
            f"{figures.failed:,} of {figures.documents:,} could not be read." if figures.failed else "All were read.",
        ),
        Check("Work", not figures.stuck, f"{figures.stuck:,} did not end." if figures.stuck else "Nothing hangs."),
    ]
