from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from chat.models import Conversation
from vena_platform.pagination import NewestFirst

MOST_PINNED = 100


class ConversationPages(NewestFirst):
    """The last used first. Pinned ones stand before all others, on the first page only."""

    ordering = ("-updated_at", "-id")

    def both(self, rows: QuerySet[Conversation], request: Request, view: Any) -> list[Conversation]:
        pinned = rows.filter(pinned_at__isnull=False).order_by("-pinned_at")
        is_first = self.cursor_query_param not in request.query_params
        found = self.paginate_queryset(rows.filter(pinned_at=None), request, view) or []
        return [*(pinned[:MOST_PINNED] if is_first else []), *found]
