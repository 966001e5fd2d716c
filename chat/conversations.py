"""Changes of a conversation that are not a question: name, pin, archive, share, another branch, the end of it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from chat.asking import stop
from chat.errors import InvalidLeaf
from chat.gaps.actions import gaps_tidy
from chat.models import Conversation, KnowledgeGap, Message
from tenants.types import TenantKey

MARKS = {"is_pinned": "pinned_at", "is_archived": "archived_at", "is_shared": "shared_at"}


def conversation_change(
    *, conversation: Conversation, title: str | None = None, leaf: UUID | None = None, **marks: bool
) -> Conversation:
    """`marks` are `is_pinned`, `is_archived` and `is_shared`. Its place in the list stays: nothing was said in it."""
    changes: dict[str, object] = {}
    if title is not None:
        changes |= {"title": title, "is_named": True}
    if leaf is not None:
        changes["leaf_id"] = newest_beneath(conversation, leaf)
    for name, wanted in marks.items():
        if wanted != (getattr(conversation, MARKS[name]) is not None):
            changes[MARKS[name]] = timezone.now() if wanted else None
    if changes:
        with transaction.atomic():
            Conversation.objects.filter(pk=conversation.pk).update(**changes)
            note_sharing(conversation, changes)
        conversation.refresh_from_db()
    return conversation


def note_sharing(conversation: Conversation, changes: dict[str, object]) -> None:
    """By its id alone: a title is made of what somebody asked."""
    if "shared_at" in changes:
        action = Action.CONVERSATION_SHARED if changes["shared_at"] else Action.CONVERSATION_UNSHARED
        audit(action, target_id=str(conversation.pk))


def newest_beneath(conversation: Conversation, message_id: UUID) -> UUID:
    """The newest message that can be reached from this one without going back: the branch's end."""
    rows = conversation.messages.order_by("created_at").values_list("pk", "reply_to_id", "after_id")
    above = {pk: reply_to or after for pk, reply_to, after in rows}
    if message_id not in above:
        raise InvalidLeaf
    newest, beneath = message_id, {message_id}
    for pk, parent in above.items():  # oldest first, so a parent comes before its children
        if parent in beneath:
            beneath.add(pk)
            newest = pk
    return newest


def conversation_delete(*, tenant: TenantKey, conversation: Conversation) -> None:
    """Its running answers are stopped, and metered; the ledger keeps what was spent."""
    running = conversation.messages.filter(status=Message.Status.STREAMING)
    stop(tenant, list(running.values_list("pk", flat=True)))
    with transaction.atomic():
        running.update(status=Message.Status.STOPPED)  # who stores the end of one has done so, or finds it ended
        gaps = list(KnowledgeGap.objects.filter(questions__answer__conversation=conversation).distinct())
        conversation.delete()
        gaps_tidy(gaps)
