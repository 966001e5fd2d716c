"""What a page is stored as, and in which encoding."""

from __future__ import annotations

import pytest

from knowledge.errors import UrlTypeUnsupported
from knowledge.ingestion.readers.content import Content
from knowledge.ingestion.readers.kinds import KIND_OF, Kind
from knowledge.ingestion.web.media_types import file_name_for, in_utf8, is_readable, suffix_for


@pytest.mark.parametrize(
    ("content", "media_type", "path", "suffix"),
    [
        (Content.HTML, "text/html", "/", ".html"),
        (Content.TEXT, "text/html", "/page.php", ".html"),  # no doctype
        (Content.XML, "application/xhtml+xml", "/x", ".html"),
        (Content.PDF, "application/pdf", "/a", ".pdf"),
        (Content.PDF, "text/html", "/a.html", ".pdf"),  # bytes tell more than words
        (Content.DOCX, "application/octet-stream", "/download", ".docx"),
        (Content.HTML, "application/pdf", "/a.pdf", ".html"),  # an error page in a file's place
        (Content.TEXT, "text/plain", "/README.md", ".md"),
        (Content.TEXT, "text/plain", "/robots", ".txt"),
        (Content.TEXT, "text/plain", "/a.pdf", ".txt"),
        (Content.TEXT, "text/markdown", "/x", ".md"),
        (Content.TEXT, "text/csv", "/x", ".csv"),
        (Content.TEXT, "", "/x.json", ".json"),
        (Content.HTML, "", "/x", ".html"),
        (Content.HTML, "text/plain", "/x", ".txt"),
        (Content.XML, "application/rss+xml", "/feed", ".rss"),
        (Content.TEXT, "text/x-python", "/a.py", ".py"),
        (Content.TEXT, "text/x-unknown", "/a", ".txt"),
    ],
)
def test_a_page_is_stored_as_what_it_is(content: Content, media_type: str, path: str, suffix: str) -> None:
    assert suffix_for(content, media_type, path) == suffix
    assert suffix in KIND_OF


@pytest.mark.parametrize("content", [Content.BINARY, Content.OLD_OFFICE, Content.BROKEN_ZIP, Content.ENCRYPTED_OFFICE])
def test_what_nobody_reads_is_not_stored(content: Content) -> None:
    with pytest.raises(UrlTypeUnsupported):
        suffix_for(content, "text/html", "/a.html")


def test_every_kind_we_read_may_be_fetched() -> None:
    assert all(is_readable(kind.value) for kind in Kind)
    assert not any(is_readable(kind) for kind in ("video/mp4", "image/gif", "application/x-tar", "audio/mpeg"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "example.com.html"),
        ("/guides/holidays", "holidays.html"),
        ("/guides/holidays/", "holidays.html"),
        ("/guides/Holidays.html", "Holidays.html"),
        ("/a/gr%C3%B6%C3%9Fe.pdf", "größe.html"),
        ("/v1.2", "v1.2.html"),
        ("/..%2f..%2fetc", "etc.html"),
        ("/%00%0a", "example.com.html"),
        ("/" + "x" * 900, "x" * 200 + ".html"),
    ],
)
def test_a_file_is_named_after_its_page(path: str, name: str) -> None:
    assert file_name_for(path, "example.com", ".html") == name


def test_text_is_kept_in_utf8_where_only_the_site_knew_its_encoding() -> None:
    assert in_utf8("größe".encode("latin-1"), "iso-8859-1") == "größe".encode()
    assert in_utf8("мир".encode("cp1251"), "windows-1251") == "мир".encode()
    for charset in ("utf-8", "no-such", "punycode", "rot13", "idna", "zip", "unicode_escape"):
        assert in_utf8(b"\xff\\u0041a", charset) == b"\xff\\u0041a"
