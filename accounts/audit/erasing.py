from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit.models import BLANK, AuditEvent


def rows_naming(person_id: UUID, email: str) -> QuerySet[AuditEvent]:
    """What a person did, what was done to them, and tries to sign in under their address."""
    named = Q(actor_id=person_id) | Q(target_kind="person", target_id=str(person_id))
    return AuditEvent.objects.filter(named | Q(target_label__iexact=email), erased_at=None)


def person_blank(person_id: UUID, email: str) -> int:
    """The entries stay, with their ids and times; names and addresses of the person go. The chain stays whole."""
    return rows_naming(person_id, email).order_by().update(**BLANK, erased_at=timezone.now())
