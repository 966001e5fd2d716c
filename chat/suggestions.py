"""Questions to begin with on an empty chat page."""

from __future__ import annotations

import json
from functools import cache

from django.conf import settings

from accounts.models import User
from knowledge.models import Document
from knowledge.selectors import documents_visible_to

SHOWN = 3


def suggested_questions(user: User) -> list[str]:
    """The samples' own questions while their documents are there; else one a document, the newest first."""
    ready = documents_visible_to(user).filter(state=Document.State.READY).order_by("-created_at")
    names = set(ready.values_list("current__file_name", flat=True)[:200])
    if sample_files() and sample_files() <= names:
        return sample_questions()[:SHOWN]
    return [f"What are the main points of “{title}”?" for title in ready.values_list("title", flat=True)[:SHOWN]]


@cache
def sample_questions() -> list[str]:
    path = settings.BASE_DIR / "samples" / "suggested_questions.json"
    return list(json.loads(path.read_text())) if path.exists() else []


@cache
def sample_files() -> frozenset[str]:
    folder = settings.BASE_DIR / "samples" / "handbook"
    return frozenset(path.name for path in folder.iterdir()) if folder.exists() else frozenset()
