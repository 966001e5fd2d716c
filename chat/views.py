from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.permissions import Can, may
from accounts.privacy.selectors import admins_may_read
from accounts.selectors import signed_in
from chat.gaps.selectors import filled_for
from chat.page_context import TURNS_SHOWN, chat_config, turns_of
from chat.selectors import conversation_for_page, conversation_of
from chat.suggestions import suggested_questions
from knowledge.models import Document
from knowledge.selectors import collections_visible_to, documents_visible_to
from tenants.selectors import organisation_of


@login_required
@never_cache  # the Back button must not show a conversation after signing out
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    user = signed_in(request)
    if conversation_id is None and not may(user.role, Can.ASK):
        return redirect("documents")
    conversation = conversation_of(user, conversation_id) if conversation_id else None
    page = conversation_for_page(conversation, newest=2 * TURNS_SHOWN) if conversation else None
    collections = list(collections_visible_to(user))
    context = {
        "conversation": page,
        "turns": turns_of(page["messages"]) if page else [],
        "suggestions": suggested_questions(user) if not page else [],
        "document_count": documents_visible_to(user).filter(state=Document.State.READY).count(),
        "collections": collections,
        "filled_gaps": filled_for(user),
        "is_read_by_admins": admins_may_read(),
        "chat_config": chat_config(user, organisation_of(request).pk, collections),
    }
    return render(request, "chat/index.html", context)
