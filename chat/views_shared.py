from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from chat.models import Message
from chat.selectors import conversation_for_page, shared_conversation
from knowledge.models import Document
from knowledge.selectors import documents_hidden_from, documents_visible_to

WITHHELD = "This answer rests on documents that you may not read. Ask an administrator to add you to their groups."


@login_required
@never_cache  # what is no longer shared must not come from the reader's own cache
def shared(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """A colleague's conversation to read: the branch that is open now, as far as it is written."""
    require(signed_in(request), Can.READ_SHARED)
    row = shared_conversation(conversation_id)
    shown = conversation_for_page(row)["messages"]
    messages = without_unreadable(signed_in(request), [one for one in shown if is_over(one)])
    context = {
        "shared": row,
        "messages": messages,
        "is_own": row.member_id == signed_in(request).pk,
    }
    response = render(request, "chat/shared.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def is_over(message: dict[str, Any]) -> bool:
    return bool(message["status"] != Message.Status.STREAMING)


def without_unreadable(reader: User, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a document that is gone only the title is shown. An answer that rests on one which is there, but not for the
    reader, is not shown: its words say what the document says."""
    wanted = {source["document"] for message in messages for source in message["sources"]}
    readable = ids_of(documents_visible_to(reader).filter(pk__in=wanted))
    hidden = ids_of(documents_hidden_from(reader).filter(pk__in=wanted))
    return [withheld(message) if cites(message, hidden) else with_sources(message, readable) for message in messages]


def ids_of(rows: QuerySet[Document]) -> set[str]:
    return {str(pk) for pk in rows.order_by().values_list("pk", flat=True)}


def cites(message: dict[str, Any], documents: set[str]) -> bool:
    return any(source["cited"] and source["document"] in documents for source in message["sources"])


def withheld(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "text": WITHHELD, "sources": []}


def with_sources(message: dict[str, Any], readable: set[str]) -> dict[str, Any]:
    cited = [source for source in message["sources"] if source["cited"]]
    shown = [source if source["document"] in readable else title_only(source) for source in cited]
    return {**message, "sources": shown}


def title_only(source: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": source["n"],
        "title": source["title"],
        "document": "",
        "page": None,
        "snippet": "",
        "url": "",
        "cited": True,
    }
