from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.selectors import signed_in
from chat.selectors import conversation_for_page, conversation_of, conversations_of
from chat.suggestions import suggested_questions
from knowledge.models import Document
from knowledge.selectors import collections_visible_to, documents_visible_to


@login_required
@never_cache  # the Back button must not show a conversation after signing out
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    conversation = conversation_of(signed_in(request), conversation_id) if conversation_id else None
    ready = documents_visible_to(signed_in(request)).filter(state=Document.State.READY).count()
    context = {
        "conversation": conversation_for_page(conversation) if conversation else None,
        "suggestions": suggested_questions(signed_in(request)) if not conversation else [],
        "document_count": ready,
        "collections": [{"id": str(row.pk), "name": row.name} for row in collections_visible_to(signed_in(request))],
        "chat_config": {"ws_path": "/ws/chat/", "max_question_length": settings.VENA_MAX_QUESTION},
    }
    return render(request, "chat/index.html", context)


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
