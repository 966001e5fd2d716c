"""What an organisation does not want to keep any longer, deleted at night."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.privacy.selectors import privacy_settings
from chat.conversations import conversation_delete
from chat.models import Conversation
from knowledge.actions import document_delete
from knowledge.models import Document
from tenants.types import TenantKey

AT_ONCE = 500  # rows in memory


def retention_apply(tenant: TenantKey) -> dict[str, int]:
    """Inside the organisation's schema: conversations by their last question, pinned and archived ones too; documents
    by their newest version, with the files inside them."""
    rules, now = privacy_settings(), timezone.now()
    removed = {"conversations": 0, "documents": 0}
    if rules.conversation_days:
        old = Conversation.objects.filter(updated_at__lt=now - timedelta(days=rules.conversation_days))
        for conversation in each(old):
            conversation_delete(tenant=tenant, conversation=conversation)
            removed["conversations"] += 1
    if rules.document_days:
        old_documents = Document.objects.filter(
            newest__created_at__lt=now - timedelta(days=rules.document_days), parent=None
        ).exclude(state=Document.State.DELETING)
        for document in each(old_documents):
            document_delete(schema_name=tenant.schema_name, document=document)
            removed["documents"] += 1
    if any(removed.values()):
        audit(Action.RETENTION_APPLIED, detail=removed)
    return removed


def each(rows: QuerySet[Any]) -> list[Any]:
    """The oldest first; a night's work has an end."""
    return list(rows.order_by("created_at")[: AT_ONCE * 20])
