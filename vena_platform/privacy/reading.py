"""Administrators who read members' conversations: only where the organisation allows it, with a reason, on record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.permissions import Can
from accounts.privacy.errors import ReadingNotAllowed, ReasonMissing
from accounts.privacy.selectors import admins_may_read
from accounts.selectors import require
from chat.errors import ConversationNotFound
from chat.models import Conversation
from chat.selectors import conversation_for_page

LEAST_REASON = 10  # characters
MOST_LISTED = 500


def conversations_for_admin(admin: User, person: User, reason: str) -> list[Conversation]:
    why = reason_given(admin, reason)
    rows = list(Conversation.objects.filter(member=person).order_by("-updated_at")[:MOST_LISTED])
    audit(Action.CONVERSATIONS_LISTED, target=person.email, target_id=str(person.pk), detail={"reason": why})
    return rows


def conversation_for_admin(admin: User, conversation_id: UUID, reason: str) -> dict[str, Any]:
    why = reason_given(admin, reason)
    row = Conversation.objects.select_related("member").filter(pk=conversation_id).first()
    if row is None:
        raise ConversationNotFound
    detail = {"reason": why, "person": str(row.member_id)}
    audit(Action.CONVERSATION_READ, target=row.member.email, target_id=str(row.pk), detail=detail)
    return {**conversation_for_page(row), "person": row.member}


def reason_given(admin: User, reason: str) -> str:
    require(admin, Can.MANAGE_PEOPLE)
    if not admins_may_read():
        raise ReadingNotAllowed
    why = " ".join(reason.split())
    if len(why) < LEAST_REASON:
        raise ReasonMissing
    return why[:300]
