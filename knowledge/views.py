"""The pages around documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.permissions import Can, may
from accounts.selectors import signed_in
from knowledge import selectors
from knowledge.files import original_of
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS
from knowledge.models import Collection, Document

MAX_CHUNKS_SHOWN = 400


@login_required
def documents(request: HttpRequest) -> HttpResponse:
    collections = list(selectors.collections_visible_to(signed_in(request)))
    active = active_collection(request, collections)
    config = {
        "api": "/api/v1/",
        "max_bytes": settings.VENA_MAX_UPLOAD_BYTES,
        "accept": sorted(SUPPORTED_EXTENSIONS),
        "collection": str(active.pk) if active else None,
        "may_edit": may(signed_in(request).role, Can.EDIT_DOCUMENTS),
    }
    return render(
        request,
        "knowledge/documents.html",
        {
            "collections": collections,
            "active_collection": active,
            "may_edit": config["may_edit"],
            "documents_config": config,
        },
    )


def active_collection(request: HttpRequest, collections: list[Collection]) -> Collection | None:
    wanted = request.GET.get("collection", "")
    return next((one for one in collections if str(one.pk) == wanted), collections[0] if collections else None)


@login_required
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    row = selectors.document_visible_to(signed_in(request), document_id)
    cited = request.GET.get("chunk", "")
    position = int(cited) if cited.isdecimal() and len(cited) < 10 else None
    return render(
        request,
        "knowledge/document.html",
        {
            "document": {
                "title": row.title,
                "pages": row.page_count,
                "state": row.state,
                "media_type": row.media_type,
                "file_url": f"/documents/{row.pk}/file/",
                "collection": row.collection.name,
                "created_at": row.created_at,
            },
            "chunks": chunks_to_show(row, position),
        },
    )


def chunks_to_show(row: Document, position: int | None) -> list[dict[str, Any]]:
    """All of a normal document; of a very long one the stretch around the cited passage."""
    first = max(0, (position or 0) - MAX_CHUNKS_SHOWN // 2)
    rows = row.chunks.filter(position__gte=first).order_by("position")[:MAX_CHUNKS_SHOWN]
    return [
        {
            "position": chunk.position,
            "text": without_headings(chunk.text, chunk.heading_path),
            "page": chunk.page,
            "path": chunk.heading_path,
            "above": " › ".join(chunk.heading_path[:-1]),
            "heading": chunk.heading_path[-1] if chunk.heading_path else "",
            "cited": chunk.position == position,
        }
        for chunk in rows
    ]


def without_headings(text: str, path: list[str]) -> str:
    """The text behind the headings it begins with: the page shows them as headings."""
    paragraphs = text.split("\n\n")
    while paragraphs and " ".join(paragraphs[0].split())[:500] in path:
        del paragraphs[0]
    return "\n\n".join(paragraphs)


@login_required
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": ["'self'"]})  # type: ignore[arg-type]
def document_file(request: HttpRequest, document_id: UUID) -> FileResponse:
    return original_of(selectors.document_visible_to(signed_in(request), document_id))
