"""Somebody leaves: what they shared is handed over, their running answers are stopped, they are deleted."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.actions import person_delete, require_may_touch
from chat.asking import stop
from chat.errors import BadHeir
from chat.feedback import resting_on_hidden
from chat.gaps.actions import gaps_tidy
from chat.models import Conversation, KnowledgeGap, Message
from knowledge.models import Document
from tenants.types import TenantKey


@dataclass(frozen=True, slots=True)
class HandedOver:
    conversations: int
    documents: int


@transaction.atomic
def content_hand_over(*, leaver: User, heir: User, by: User) -> HandedOver:
    """Conversations that are shared keep their links; documents keep the label of who added them. A conversation that
    rests on documents the heir may not read stays where it is. Safe to repeat."""
    require_may_touch(by, leaver)
    if heir.pk == leaver.pk or not heir.is_active or heir.is_service:
        raise BadHeir
    shared = Conversation.objects.filter(member=leaver, shared_at__isnull=False)
    shared = shared.exclude(messages__pk__in=resting_on_hidden(heir))
    conversations = Conversation.objects.filter(pk__in=list(shared.values_list("pk", flat=True)))
    done = HandedOver(
        conversations=conversations.update(member=heir),
        documents=Document.objects.filter(uploaded_by=leaver).update(uploaded_by=heir),
    )
    facts = {"to": str(heir.pk), "conversations": done.conversations, "documents": done.documents}
    audit(Action.CONTENT_HANDED_OVER, target=leaver.email, target_id=str(leaver.pk), detail=facts)
    return done


def person_remove(*, tenant: TenantKey, person: User, by: User) -> None:
    """With all their conversations. What was spent stays in the ledger. Raises what `person_delete` does."""
    with transaction.atomic():
        running = Message.objects.filter(conversation__member=person, status=Message.Status.STREAMING)
        answers = list(running.values_list("pk", flat=True))
        running.update(status=Message.Status.STOPPED)  # who stores the end of one finds it ended
        gaps = list(KnowledgeGap.objects.filter(questions__answer__conversation__member=person).distinct())
        person_delete(person=person, by=by)
        gaps_tidy(gaps)
    stop(tenant, answers)
