"""Serving originals: a person's file never runs as part of our page."""

from __future__ import annotations

from django.http import FileResponse

from knowledge.errors import FileMissing
from knowledge.models import DocumentVersion

SHOWN_INLINE = {"application/pdf"}  # everything else is downloaded: HTML and SVG could carry scripts


def original_of(version: DocumentVersion, *, download: bool = False) -> FileResponse:
    inline = version.media_type in SHOWN_INLINE and not download
    if not version.file:  # a web page that was not fetched yet
        raise FileMissing
    try:
        stored = version.file.open("rb")
    except FileNotFoundError as error:
        raise FileMissing(detail=str(error)) from error
    response = FileResponse(
        stored,
        as_attachment=not inline,
        filename=version.file_name,
        content_type=version.media_type if inline else "application/octet-stream",
    )
    response["Cache-Control"] = "private, max-age=300"
    response["X-Content-Type-Options"] = "nosniff"
    return response
