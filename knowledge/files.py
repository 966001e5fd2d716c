"""Serving originals: a person's file never runs as part of our page."""

from __future__ import annotations

from django.http import FileResponse

from knowledge.models import Document

SHOWN_INLINE = {"application/pdf"}  # everything else is downloaded: HTML and SVG could carry scripts


def original_of(document: Document, *, download: bool = False) -> FileResponse:
    inline = document.media_type in SHOWN_INLINE and not download
    response = FileResponse(
        document.file.open("rb"),
        as_attachment=not inline,
        filename=document.file_name,
        content_type=document.media_type if inline else "application/octet-stream",
    )
    response["Cache-Control"] = "private, max-age=300"
    response["X-Content-Type-Options"] = "nosniff"
    return response
