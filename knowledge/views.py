"""The pages around documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.permissions import Can, may
from accounts.selectors import signed_in
from billing.limits import limits_of
from knowledge import selectors
from knowledge.files import original_of
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS
from knowledge.models import Collection, Document, DocumentVersion
from tenants.selectors import organisation_of

MAX_CHUNKS_SHOWN = 400


@login_required
def documents(request: HttpRequest) -> HttpResponse:
    collections = list(selectors.collections_visible_to(signed_in(request)))
    active = active_collection(request, collections)
    config = {
        "api": "/api/v1/",
        "max_bytes": limits_of(organisation_of(request).pk).max_bytes,
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
    number = whole(request.GET.get("version"))
    version = selectors.version_of(row, number)
    cited = stretch(request.GET.get("chunk"))
    is_newer_current = row.current is not None and row.current_id != version.pk
    return render(
        request,
        "knowledge/document.html",
        {
            "document": {
                "id": row.pk,
                "title": row.title,
                "pages": version.page_count,
                "state": row.state,
                "media_type": version.media_type,
                "file_url": f"/documents/{row.pk}/file/?version={version.number}" if version.file else "",
                "source_url": row.source_url,
                "collection": row.collection.name,
                "created_at": version.created_at,
                "version": version.number,
                "current_version": row.current.number if is_newer_current and row.current else None,
                "failure": row.failure_message if row.state == Document.State.FAILED else "",
                "parts": row.parts.exclude(state=Document.State.DELETING).order_by("title"),
            },
            "chunks": chunks_to_show(version, cited),
        },
    )


def whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 9 else None


def stretch(text: str | None) -> range:
    """The chunks a citation names: "7", or "7-9"."""
    first, _, last = (text or "").partition("-")
    start, end = whole(first), whole(last or first)
    return range(0) if start is None or end is None else range(start, end + 1)


def chunks_to_show(version: DocumentVersion, cited: range) -> list[dict[str, Any]]:
    """All of a normal document; of a very long one the stretch around the cited passage."""
    first = max(0, cited.start - MAX_CHUNKS_SHOWN // 2)
    rows = version.chunks.filter(position__gte=first).order_by("position")[:MAX_CHUNKS_SHOWN]
    return [
        {
            "position": chunk.position,
            "text": without_headings(chunk.text, chunk.heading_path),
            "page": chunk.page,
            "place": chunk.place,
            "path": chunk.heading_path,
            "above": " › ".join(chunk.heading_path[:-1]),
            "heading": chunk.heading_path[-1] if chunk.heading_path else "",
            "cited": chunk.position in cited,
            "is_first_cited": bool(cited) and chunk.position == cited.start,
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
    row = selectors.document_visible_to(signed_in(request), document_id)
    return original_of(selectors.version_of(row, whole(request.GET.get("version"))))
