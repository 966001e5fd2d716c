"""Serving originals: a person's file never runs as part of our page."""

from __future__ import annotations

import re
from typing import IO

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from knowledge.errors import FileMissing
from knowledge.models import DocumentVersion

SHOWN_INLINE = {"application/pdf"}  # everything else is downloaded: HTML and SVG could carry scripts


MOST_AT_ONCE = 8 * 1024 * 1024  # bytes of a part; who asks for more gets the whole file, as the protocol allows
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


def original_of(version: DocumentVersion, *, download: bool = False, wanted: str = "") -> HttpResponseBase:
    """`wanted` is a Range header: a viewer of PDF reads the parts of a long file that it shows."""
    inline = version.media_type in SHOWN_INLINE and not download
    if not version.file:  # a web page that was not fetched yet
        raise FileMissing
    try:
        stored = version.file.open("rb")
    except FileNotFoundError as error:
        raise FileMissing(detail=str(error)) from error
    part = _part_of(stored, version, wanted) if inline and wanted else None
    response = part or FileResponse(
        stored,
        as_attachment=not inline,
        filename=version.file_name,
        content_type=version.media_type if inline else "application/octet-stream",
    )
    if inline:
        response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=300"
    response["X-Content-Type-Options"] = "nosniff"
    if not inline:
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if is_beginning(wanted):
        audit(
            Action.DOCUMENT_DOWNLOADED,
            target=version.file_name,
            target_id=str(version.document_id),
            detail={"version": version.number, "is_shown": inline},
        )
    return response


def is_beginning(wanted: str) -> bool:
    """A viewer asks for many parts of one file: it is opened once."""
    return not wanted or wanted.startswith("bytes=0-")


def _part_of(stored: IO[bytes], version: DocumentVersion, wanted: str) -> HttpResponse | None:
    """None for what we do not serve in parts: several ranges, ranges from the end, or too much at once."""
    asked = _RANGE.fullmatch(wanted)
    if not asked:
        return None
    size = stored.seek(0, 2)
    stored.seek(0)
    start, end = int(asked[1]), min(int(asked[2]), size - 1)
    if start >= size:
        stored.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    if not start <= end < start + MOST_AT_ONCE:
        return None
    with stored:
        stored.seek(start)
        part = HttpResponse(stored.read(end - start + 1), status=206, content_type=version.media_type)
    part["Content-Range"] = f"bytes {start}-{end}/{size}"
    return part
