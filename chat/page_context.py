"""What the chat page shows before its script runs: the newest turns as HTML, the side bar's conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from accounts.permissions import Can, may
from billing.limits import limits_of
from chat.models import Conversation
from chat.rendering import answer_html
from chat.selectors import conversations_of
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS
from knowledge.models import Collection

TURNS_SHOWN = 20
LONG_QUESTION = 220  # characters; turn_view.js has the same number

ENDS = {
    "stopped": "You stopped this answer.",
    "interrupted": "This answer was cut off. What had arrived is kept.",
    "failed": "This answer failed on our side.",
    "streaming": "This answer is still being written. Reload the page to see more of it.",
}


def turns_of(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages of a branch as `message_for_page` gives them, paired: a question, then its answer."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "user":
            turns.append({"question": message, "is_long": len(message["text"]) > LONG_QUESTION, "answer": None})
        else:
            if not turns or turns[-1]["answer"]:
                turns.append({"question": None, "answer": None})
            turns[-1]["answer"] = answer_shown(message)
    return turns


def answer_shown(message: Mapping[str, Any]) -> dict[str, Any]:
    error = message["error"]
    cited = [source for source in message["sources"] if source["cited"]]
    return {
        **message,
        "html": answer_html(message["text"], message["sources"]),
        "end": (error and error["detail"]) or ENDS.get(message["status"], ""),
        "shown_sources": cited or message["sources"],
    }


def chat_config(user: User, organisation: UUID, collections: Sequence[Collection]) -> dict[str, Any]:
    return {
        "ws_path": "/ws/chat/",
        "api": "/api/v1/",
        "max_question_length": settings.VENA_MAX_QUESTION,
        "person": str(user.pk),  # drafts are kept for each
        "collections": [{"id": str(row.pk), "name": row.name} for row in collections],
        "upload": upload_config(organisation) if may(user.role, Can.EDIT_DOCUMENTS) else None,
    }


def upload_config(organisation: UUID) -> dict[str, Any]:
    return {"max_bytes": limits_of(organisation).max_bytes, "accept": sorted(SUPPORTED_EXTENSIONS)}


def sidebar(user: User) -> dict[str, Any]:
    """Pinned conversations, then the newest others by day."""
    rows = [shown(row) for row in conversations_of(user)]
    return {
        "pinned": [row for row in rows if row["is_pinned"]],
        "recent": [row for row in rows if not row["is_pinned"]],
    }


def shown(row: Conversation) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "title": row.title,
        "updated_at": row.updated_at,
        "is_pinned": row.pinned_at is not None,
        "is_shared": row.shared_at is not None,
        "url": reverse("conversation", args=[row.pk]),
    }
