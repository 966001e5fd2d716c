"""A provider's file becomes lines by day and model. Pure."""

from __future__ import annotations

from billing.errors import UsageFileUnreadable
from billing.reconcile import anthropic, openai
from billing.reconcile.types import ProviderLine, together

READERS = {
    "openai": (openai.from_json, openai.from_csv),
    "anthropic": (anthropic.from_json, anthropic.from_csv),
}
LARGEST = 20 * 1024 * 1024  # bytes


def lines_of(provider: str, content: bytes) -> list[ProviderLine]:
    """Raises UsageFileUnreadable, which says where and what to do. Nothing is taken from a file that has a fault."""
    if len(content) > LARGEST:
        raise UsageFileUnreadable("The file is larger than 20 MB. Export a shorter time.")
    of_json, of_csv = READERS[provider]
    begins = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    lines = together((of_json if begins in (b"{", b"[") else of_csv)(content))
    if not lines:
        raise UsageFileUnreadable("Nothing was used in the time that this file covers. Export another time.")
    return lines
