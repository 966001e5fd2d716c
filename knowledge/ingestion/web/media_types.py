"""What a fetched file is: by its first bytes where they tell, else by what the site says, else by its address."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from knowledge.errors import UrlTypeUnsupported
from knowledge.ingestion.readers.content import Content
from knowledge.ingestion.readers.kinds import KIND_OF, Kind
from knowledge.ingestion.readers.parts import safe_name

_SUFFIX_OF: dict[str, str] = {}
for _suffix, _kind in KIND_OF.items():
    _SUFFIX_OF.setdefault(_kind.value, _suffix)
_SUFFIX_OF |= {
    "application/xhtml+xml": ".html",
    "text/x-markdown": ".md",
    "text/rtf": ".rtf",
    "text/xml": ".xml",
    "text/json": ".json",
    "text/yaml": ".yaml",
    "application/ld+json": ".json",
    "application/rss+xml": ".rss",
    "application/atom+xml": ".atom",
    "application/x-pdf": ".pdf",
    "application/x-zip-compressed": ".zip",
}
_UNTOLD = frozenset(["", "application/octet-stream", "binary/octet-stream", "application/x-download"])
_PLAIN = frozenset(["text/plain", *_UNTOLD])
_BY_CONTENT = {Content[kind.name]: _SUFFIX_OF[kind.value] for kind in Kind if kind.name in Content.__members__}
_TEXTS = (Content.HTML, Content.XML, Content.TEXT)
_BINARIES = frozenset(_BY_CONTENT) - set(_TEXTS)
_TEXT_KINDS = frozenset(
    [
        *(Kind.MARKDOWN, Kind.HTML, Kind.CSV, Kind.TSV, Kind.JSON, Kind.YAML),
        *(Kind.TOML, Kind.XML, Kind.CODE, Kind.TEXT),
    ]
)
_CHARSETS = re.compile(r"(utf-?16|utf-?32|iso-?8859|latin|windows-|cp(125|866|437|850)|koi8|shift|euc|gb|big5|mac)")


def is_readable(media_type: str) -> bool:
    """Whether it is worth fetching; the content has the last word."""
    return media_type in _SUFFIX_OF or media_type in _PLAIN or media_type.startswith("text/")


def suffix_for(content: Content, media_type: str, path: str) -> str:
    """Raises `UrlTypeUnsupported`."""
    if content in _BINARIES:
        return _BY_CONTENT[content]
    if content not in _TEXTS:
        raise UrlTypeUnsupported(detail=f"{content} sent as {media_type or 'nothing'}")
    named = PurePosixPath(path).suffix.lower()
    told = _SUFFIX_OF.get(media_type, "")
    if media_type in _PLAIN:
        by_content = ".html" if content is Content.HTML and media_type in _UNTOLD else ".txt"
        return named if KIND_OF.get(named) in _TEXT_KINDS else by_content
    if KIND_OF.get(told) not in _TEXT_KINDS:  # text/x-python, or a PDF that turns out to be an error page
        return named if KIND_OF.get(named) in _TEXT_KINDS else _BY_CONTENT[content]
    return told


def file_name_for(path: str, host: str, suffix: str) -> str:
    """A name to show and to store under, from the last step of the page's path."""
    step = PurePosixPath(unquote(path)).name
    stem = PurePosixPath(step).stem if PurePosixPath(step).suffix.lower() in KIND_OF else step
    return f"{safe_name(stem.replace('/', ' '), host)[:200]}{suffix}"


def in_utf8(data: bytes, charset: str) -> bytes:
    """Text whose encoding only the site told, in the one our readers try first. As it is where that fails."""
    if not _CHARSETS.match(charset):
        return data
    try:
        return data.decode(charset).encode()
    except (LookupError, UnicodeError):
        return data
