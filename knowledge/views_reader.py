"""A document beside the chat, at the passage that was cited."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static

from accounts.selectors import signed_in
from knowledge import selectors
from knowledge.files import SHOWN_INLINE
from knowledge.models import DocumentVersion
from knowledge.views import MAX_QUOTE, chunks_to_show, document_facts, stretch, whole

CHUNKS_SHOWN = 60  # around the passage; the document's own page has all of it


@login_required
def passage(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A part of a page: the text around the passage, and what a viewer of the original needs to know."""
    row = selectors.document_visible_to(signed_in(request), document_id)
    version = selectors.version_of(row, whole(request.GET.get("version")))
    cited = stretch(request.GET.get("chunk"))
    facts = document_facts(row, version)
    return render(
        request,
        "knowledge/document_passage.html",
        {
            "document": facts,
            "chunks": chunks_to_show(version, cited, most=CHUNKS_SHOWN),
            "reader": reader_facts(request, version, cited, facts),
        },
    )


def reader_facts(request: HttpRequest, version: DocumentVersion, cited: range, facts: dict[str, Any]) -> dict[str, Any]:
    is_pdf = version.media_type in SHOWN_INLINE and bool(version.file)
    address = {name: request.GET[name] for name in ("version", "chunk", "quote") if name in request.GET}
    return {
        "title": facts["title"],
        "url": f"/documents/{version.document_id}/?{urlencode(address)}",
        "quote": selectors.text_between(version, stretch(request.GET.get("quote"), most=MAX_QUOTE)),
        "page_word": facts["page_word"],
        "pages": version.page_count,
        "file": facts["file_url"] if is_pdf else "",
        "boxes": selectors.boxes_of(version, cited) if is_pdf else [],
        "viewer": {
            "script": static("dist/pdf_view.js"),
            "worker": static("dist/pdf_worker.js"),
            "assets": static("dist/pdfjs/"),
        },
    }
