"""Sitemaps of every kind, up to a limit, of their own site only."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import IngestionError, SitemapEmpty, SitemapUnreadable, UrlNotFound, UrlTooLarge
from knowledge.ingestion.web.addresses import Address, Rules, address_of
from knowledge.ingestion.web.sitemaps import MOST_FILES, SitePages, links_of, opened, pages_of

RULES = Rules()
START = "https://example.com/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*links: str, more: str = "") -> bytes:
    entries = "".join(f"<url><loc> {link}\n</loc><lastmod>2026-01-01</lastmod>{more}</url>" for link in links)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACE}>{entries}</urlset>'.encode()


def index(*links: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{link}</loc></sitemap>" for link in links)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>".encode()


def found(files: dict[str, bytes], *, limit: int = 100, most_bytes: int = 100_000, moved: str = "") -> SitePages:
    def fetch(address: Address) -> tuple[Address, IO[bytes]]:
        if address.url not in files:
            raise UrlNotFound(detail=address.url)
        return address_of(moved, RULES) if moved else address, BytesIO(files[address.url])

    return pages_of(address_of(START, RULES), fetch, RULES, limit=limit, most_bytes=most_bytes)


def urls(pages: SitePages) -> list[str]:
    return [page.url for page in pages.pages]


A, B, C = (f"https://example.com/{name}" for name in "abc")


@pytest.mark.parametrize(
    "data",
    [
        urlset(A, B),
        gzip.compress(urlset(A, B), mtime=0),
        f"{A}\r\n\n  {B}  \nnot an address\n".encode(),
        b"\xef\xbb\xbf" + urlset(A, B),
        urlset(A, B).replace(f" {NAMESPACE}".encode(), b""),
        urlset(A, B)[: -len("</urlset>")],  # broken off
        b'<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?><!-- <loc>x</loc> -->' + urlset(A, B)[39:],
    ],
)
def test_a_sitemap_of_any_kind_names_its_pages(data: bytes) -> None:
    pages = found({START: data})
    assert urls(pages) == [A, B]
    assert pages.is_whole


def test_links_are_read_as_xml() -> None:
    data = urlset("https://example.com/?a=1&amp;b=2", "<![CDATA[https://example.com/?c&d]]>")
    assert urls(found({START: data})) == ["https://example.com/?a=1&b=2", "https://example.com/?c&d"]


def test_images_and_other_languages_of_a_page_are_no_pages() -> None:
    more = (
        '<i:image xmlns:i="http://www.google.com/schemas/sitemap-image/1.1"><i:loc>https://example.com/x.png</i:loc>'
        '</i:image><h:link xmlns:h="http://www.w3.org/1999/xhtml" rel="alternate" href="https://example.com/de"/>'
        '<i:loc xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">https://example.com/y.png</i:loc>'
    )
    assert urls(found({START: urlset(A, more=more)})) == [A]


def test_an_index_is_followed_and_each_page_counts_once() -> None:
    one, two = "https://example.com/one.xml.gz", "https://example.com/two.txt"
    files = {
        START: index(one, two, START, one),
        one: gzip.compress(urlset(A, B, f"{A}#part", "HTTPS://EXAMPLE.com:443/b")),
        two: f"{C}\n{B}".encode(),
    }
    pages = found(files)
    assert urls(pages) == [A, B, C]
    assert pages.is_whole


def test_the_limit_holds_and_is_told() -> None:
    many = [f"https://example.com/{n}" for n in range(50)]
    pages = found({START: urlset(*many)}, limit=7)
    assert urls(pages) == many[:7]
    assert not pages.is_whole
    assert found({START: urlset(*many)}, limit=50).is_whole


def test_a_sitemap_speaks_for_its_own_host_only() -> None:
    others = [
        "https://other.example/",
        "http://127.0.0.1/",
        "http://10.0.0.1/x",
        "javascript:x",
        "https://example.com:22/",
    ]
    data = urlset(*others, A, "/relative", "https://sub.example.com/")
    assert urls(found({START: data})) == [A, "https://example.com/relative"]
    assert urls(found({START: index("https://other.example/s.xml", B), B: urlset(A)})) == [A]


def test_a_sitemap_that_has_moved_speaks_for_both_hosts() -> None:
    www = "https://www.example.com/a"
    assert urls(found({START: urlset(A, www)}, moved="https://www.example.com/sitemap.xml")) == [A, www]


def test_one_sitemap_of_an_index_that_fails_does_not_end_the_others() -> None:
    pages = found({START: index(A, B, C), B: b"<html>", C: urlset(A)})
    assert urls(pages) == [A]
    assert not pages.is_whole  # so nothing is deleted for not being named


def test_an_index_without_end_ends() -> None:
    class Endless(dict[str, bytes]):
        def __contains__(self, key: object) -> bool:
            return True

        def __missing__(self, key: str) -> bytes:
            fetched.append(key)
            return index(*(f"{key}{n}" for n in range(10)))

    fetched: list[str] = []
    with pytest.raises(SitemapEmpty):
        found(Endless())
    assert len(fetched) <= MOST_FILES + 1


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"<!doctype html><html><body>Hello</body></html>", SitemapUnreadable),
        (b"<rss><channel/></rss>", SitemapUnreadable),
        (b"Hello", SitemapUnreadable),
        (b"", SitemapUnreadable),
        (b"<", SitemapUnreadable),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + urlset(A), SitemapUnreadable),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset>&a;</urlset>', SitemapUnreadable),
        (gzip.compress(urlset(A), mtime=0)[:-9], SitemapUnreadable),
        (gzip.compress(b"\0" * 10_000_000, mtime=0), UrlTooLarge),
        (urlset(), SitemapEmpty),
        (urlset("https://other.example/"), SitemapEmpty),
    ],
)
def test_what_is_no_sitemap_says_so(data: bytes, error: type[IngestionError]) -> None:
    with pytest.raises(error) as failure:
        found({START: data})
    assert type(failure.value) is error


def test_a_sitemap_that_is_not_there_says_so() -> None:
    with pytest.raises(UrlNotFound):
        found({})


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: urlset(A)[:-20] + data))
def test_any_bytes_are_links_or_a_failure_of_ours(data: bytes) -> None:
    try:
        links = links_of(opened(BytesIO(data), 10_000))
    except IngestionError:
        return
    assert all(isinstance(link, str) for link in (*links.pages, *links.sitemaps))
