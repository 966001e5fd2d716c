"""Erasing a person from every store, with a receipt. Safe to repeat: what is gone stays gone."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.erasing import person_blank, rows_naming
from accounts.audit.registry import Action
from accounts.models import ApiKey, Invitation, User
from accounts.people.ending import access_look
from accounts.permissions import Role
from accounts.privacy.errors import NotErasable
from accounts.privacy.models import ErasureReceipt
from accounts.selectors import is_last_owner
from billing.erasing import member_label_erase, named_rows
from chat.conversations import conversation_delete
from chat.models import Conversation, GapQuestion, KnowledgeGap, Message
from chat.relay import stream_key
from knowledge.answering.cache_store import forget_answer
from knowledge.deletion import forget_document
from knowledge.models import Chunk, Document, DocumentVersion
from knowledge.selectors import library_of
from tenants.models import Organisation
from vena_platform.errors import VenaError
from vena_platform.privacy.collecting import SessionStore, labelled, sessions_of

logger = logging.getLogger(__name__)

ERASED = "erased"
ERASED_TOPIC = "A question of somebody who was erased"


class ErasureIncomplete(VenaError):
    code, status = "erasure_incomplete", 500
    message = "Something of this person could not be removed. The receipt says what; it is tried again at night."


def erasure_begin(*, user: User, by: User, with_documents: bool) -> ErasureReceipt:
    """Shut the person out at once: sessions, keys and sockets end. What is left is a task's work."""
    if user.pk == by.pk or (user.role == Role.OWNER and (by.role != Role.OWNER or is_last_owner(user))):
        raise NotErasable
    User.objects.filter(pk=user.pk).update(is_active=False)
    access_look()
    return ErasureReceipt.objects.create(person_id=user.pk, requested_by=by.pk, with_documents=with_documents)


def person_erase(organisation: Organisation, receipt: ErasureReceipt) -> ErasureReceipt:
    """Inside the organisation's schema. The ledger keeps its sums and the audit log its entries, without the name.

    Documents stay the organisation's, without the name of who uploaded them, unless they are to go as well. Raises
    ErasureIncomplete, when looking again finds something.
    """
    user = User.objects.filter(pk=receipt.person_id).first()
    if user is None:
        return finished(receipt)
    with_documents = receipt.with_documents
    receipt.removed = receipt.removed or counts(organisation, user, with_documents=with_documents)
    receipt.save()
    conversations_erase(organisation, user)
    if with_documents:
        documents_erase(organisation, user)
    for session in sessions_of(user):
        SessionStore(session.session_key).delete()
    for rows, field in labelled(user.email):
        rows.update(**{field: ERASED})
    logged(user).update(object_repr=ERASED)
    invited(user).delete()
    member_label_erase(organisation_id=organisation.pk, member_id=user.pk)
    person_blank(user.pk, user.email)
    receipt.left = counts(organisation, user, with_documents=with_documents) | {"people": 0, "api_keys": 0}
    receipt.save()
    if any(receipt.left.values()):
        raise ErasureIncomplete(detail=f"{receipt.pk}: {receipt.left}")
    user.delete()
    return finished(receipt)


@transaction.atomic
def finished(receipt: ErasureReceipt) -> ErasureReceipt:
    receipt.finished_at = timezone.now()
    receipt.save()
    by = User.objects.filter(pk=receipt.requested_by).first() if receipt.requested_by else None
    detail = {"receipt": str(receipt.pk), "removed": receipt.removed}
    audit(Action.PERSON_ERASED, actor=by, target_id=str(receipt.person_id), detail=detail)
    return receipt


def counts(organisation: Organisation, user: User, *, with_documents: bool) -> dict[str, int]:
    """What names the person or is theirs, store by store."""
    messages = Message.objects.filter(conversation__member=user)
    documents = documents_of(user) if with_documents else Document.objects.none()
    return {
        "people": 1,
        "api_keys": ApiKey.objects.filter(user=user).count(),
        "sessions": len(sessions_of(user)),
        "invitations": invited(user).count(),
        "conversations": Conversation.objects.filter(member=user).count(),
        "messages": messages.count(),
        "question_vectors": GapQuestion.objects.filter(answer__conversation__member=user).count(),
        "documents": documents.count(),
        "document_vectors": Chunk.objects.filter(document__in=documents).values("point_id").distinct().count(),
        "files": DocumentVersion.objects.filter(document__in=documents).exclude(file="").count(),
        "labels": sum(rows.count() for rows, _ in labelled(user.email)),
        "admin_log_labels": logged(user).exclude(object_repr=ERASED).count(),
        "ledger_labels": named_rows(organisation.pk, user.pk),
        "audit_labels": rows_naming(user.pk, user.email).count(),
        "cache_keys": len(live_keys(organisation.schema_name, list(messages.values_list("pk", flat=True)))),
    }


def logged(user: User) -> Any:
    """Entries of the admin site's own log that name the person."""
    kind = ContentType.objects.get_for_model(User)
    return LogEntry.objects.filter(content_type=kind, object_id=str(user.pk))


def invited(user: User) -> Any:
    return Invitation.objects.filter(email__iexact=user.email)


def documents_of(user: User) -> Any:
    return Document.objects.filter(uploaded_by=user)


def conversations_erase(organisation: Organisation, user: User) -> None:
    """With the frames and kept answers of each. A topic that an editor has planned stays, without the words."""
    topics = list(
        KnowledgeGap.objects.filter(questions__answer__conversation__member=user).values_list("pk", flat=True)
    )
    for conversation in Conversation.objects.filter(member=user):
        answers = list(conversation.messages.filter(role=Message.Role.ASSISTANT).values_list("pk", flat=True))
        conversation_delete(tenant=organisation.key, conversation=conversation)
        forget_keys(organisation.schema_name, answers)
    KnowledgeGap.objects.filter(pk__in=topics, questions=None).update(topic=ERASED_TOPIC)


def documents_erase(organisation: Organisation, user: User) -> None:
    for pk in list(documents_of(user).values_list("pk", flat=True)):
        Document.objects.filter(pk=pk).update(state=Document.State.DELETING, lease=None, lease_expires_at=None)
        forget_document(library_of(organisation), pk)


def live_keys(schema_name: str, answers: list[UUID]) -> list[str]:
    """Frames of running or lately ended answers in Redis."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return [key for key in (stream_key(schema_name, one) for one in answers) if client.exists(key)]


def forget_keys(schema_name: str, answers: list[UUID]) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for answer in answers:
            client.unlink(stream_key(schema_name, answer))
            forget_answer(schema_name, answer)
