from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chat.errors import ConversationNotFound
from chat.models import Conversation
from chat.selectors import conversation_for_page, conversation_of, conversations_of
from chat.suggestions import suggested_questions
from knowledge.models import Document
from knowledge.selectors import collections_visible_to, documents_visible_to


@login_required
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    conversation = open_conversation(request.user, conversation_id)
    ready = documents_visible_to(request.user).filter(state=Document.State.READY).count()
    context = {
        "conversations": sidebar(request.user),
        "conversation": conversation_for_page(conversation) if conversation else None,
        "suggestions": suggested_questions(request.user) if not conversation else [],
        "document_count": ready,
        "collections": [{"id": str(row.pk), "name": row.name} for row in collections_visible_to(request.user)],
        "chat_config": {"ws_path": "/ws/chat/", "max_question_length": settings.VENA_MAX_QUESTION},
    }
    return render(request, "chat/index.html", context)


def open_conversation(user: Any, conversation_id: UUID | None) -> Conversation | None:
    if conversation_id is None:
        return None
    try:
        return conversation_of(user, conversation_id)
    except ConversationNotFound:
        raise Http404 from None


def sidebar(user: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": str(row.pk),
            "title": row.title,
            "updated_at": row.updated_at,
            "url": reverse("conversation", args=[row.pk]),
        }
        for row in conversations_of(user)
    ]
