"""The pages around documents."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.models import Group, User
from accounts.permissions import Can, may
from accounts.selectors import signed_in
from billing.limits import limits_of
from knowledge import selectors
from knowledge.files import original_of
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS
from knowledge.models import Collection, Document, DocumentVersion
from knowledge.providers.bm25 import LANGUAGES, NONE
from tenants.selectors import organisation_of
from tenants.support.models import SupportGrant

MAX_CHUNKS_SHOWN = 400
MAX_PARTS_SHOWN = 200
MAX_QUOTE = 10_000  # characters
WEB_PAGES = 100  # of a site, unless somebody says another number
SLIDES = {".pptx", ".odp"}


@login_required
def documents(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    collections = list(selectors.collections_visible_to(user))
    active = active_collection(request, collections)
    may_create = may(user.role, Can.EDIT_DOCUMENTS) and not only_looks(request)
    writable = set(selectors.collections_writable(user).values_list("pk", flat=True)) if may_create else set()
    organisation = organisation_of(request).pk
    limits = limits_of(organisation)
    most_pages = min(settings.VENA_WEB_MAX_PAGES, limits.max_parts)
    config = {
        "api": "/api/v1/",
        "max_bytes": limits.max_bytes,
        "max_pages": most_pages,  # of a web site, by its sitemap
        "document_limit": limits.max_documents,
        "accept": sorted(SUPPORTED_EXTENSIONS),
        "collection": str(active.pk) if active else None,
        "collections": [collection_shown(one) for one in collections],
        "may_edit": active.pk in writable if active else may_create,
        "may_create": may_create,
    }
    return render(
        request,
        "knowledge/documents.html",
        {
            "collections": collections,
            "active_collection": active,
            "may_edit": config["may_edit"],
            "may_create": may_create,
            "groups": list(Group.objects.all()) if may(user.role, Can.MANAGE_ACCESS) else [],
            "may_manage_access": may(user.role, Can.MANAGE_ACCESS),
            "languages": language_choices(),
            "web_pages": min(WEB_PAGES, most_pages),
            "documents_config": config,
        },
    )


def only_looks(request: HttpRequest) -> bool:
    """Support whose leave is not for changes: what it would be refused is not offered."""
    grant: SupportGrant | None = getattr(request, "support_grant", None)
    return grant is not None and not grant.may_change


def collection_shown(collection: Collection) -> dict[str, Any]:
    return {
        "id": str(collection.pk),
        "name": collection.name,
        "description": collection.description,
        "language": collection.language,
        "is_contextual": collection.is_contextual,
        "access": collection.access,
        "readers": [str(group.pk) for group in collection.readers.all()],
        "writers": [str(group.pk) for group in collection.writers.all()],
        "document_count": collection.document_count,  # type: ignore[attr-defined]
    }


def language_choices() -> list[tuple[str, str]]:
    """What keyword search can be set to, by name; none of them stands first."""
    names = sorted(language for language in LANGUAGES if language != NONE)
    return [(NONE, "None: words as they are written"), *((name, name.title()) for name in names)]


def active_collection(request: HttpRequest, collections: list[Collection]) -> Collection | None:
    wanted = request.GET.get("collection", "")
    return next((one for one in collections if str(one.pk) == wanted), collections[0] if collections else None)


@login_required
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    row = selectors.document_visible_to(signed_in(request), document_id)
    version = selectors.version_of(row, whole(request.GET.get("version")))
    cited = stretch(request.GET.get("chunk"))
    return render(
        request,
        "knowledge/document.html",
        {
            "document": {**document_facts(row, version), **around(signed_in(request), row)},
            "chunks": chunks_to_show(version, cited),
            "quote": selectors.text_between(version, stretch(request.GET.get("quote"), most=MAX_QUOTE)),
        },
    )


def document_facts(row: Document, version: DocumentVersion) -> dict[str, Any]:
    is_other_current = row.current is not None and row.current_id != version.pk
    return {
        "id": row.pk,
        "title": row.title,
        "pages": version.page_count,
        "page_word": page_word(version.file_name),
        "state": row.state,
        "is_busy": row.is_busy,
        "media_type": version.media_type,
        "file_url": f"/documents/{row.pk}/file/?version={version.number}" if version.file else "",
        "source_url": row.source_url,
        "collection": row.collection.name,
        "collection_id": row.collection_id,
        "tags": row.tags,
        "created_at": version.created_at,
        "version": version.number,
        "current_version": row.current.number if is_other_current and row.current else None,
        "newest_version": row.newest.number if row.newest else None,
        "failure": row.failure_message if row.state == Document.State.FAILED else "",
    }


def around(user: User, row: Document) -> dict[str, Any]:
    """What it is a file of, and the files inside it: those that the person may open."""
    readable = selectors.documents_visible_to(user)
    parts = readable.filter(parent=row).exclude(state=Document.State.DELETING)
    return {
        "parent": readable.filter(pk=row.parent_id).first() if row.parent_id else None,
        "parts": list(parts.order_by("title")[:MAX_PARTS_SHOWN]),
        "part_count": parts.count(),
    }


def page_word(file_name: str) -> str:
    """What a page of this kind of file is called."""
    return "Slide" if PurePath(file_name).suffix.lower() in SLIDES else "Page"


def whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 9 else None


def stretch(text: str | None, *, most: int = MAX_CHUNKS_SHOWN) -> range:
    """What a citation names, the last one included: the chunk "7" or "7-9", the characters "120-183"."""
    first, _, last = (text or "").partition("-")
    start, end = whole(first), whole(last or first)
    return range(0) if start is None or end is None or end - start > most else range(start, end + 1)


def chunks_to_show(version: DocumentVersion, cited: range, *, most: int = MAX_CHUNKS_SHOWN) -> list[dict[str, Any]]:
    """All of a normal document; of a very long one the stretch around the cited passage."""
    first = max(0, cited.start - most // 2)
    rows = version.chunks.filter(position__gte=first).order_by("position")[:most]
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
def document_file(request: HttpRequest, document_id: UUID) -> HttpResponseBase:
    row = selectors.document_visible_to(signed_in(request), document_id)
    version = selectors.version_of(row, whole(request.GET.get("version")))
    return original_of(version, wanted=request.headers.get("Range", ""))
