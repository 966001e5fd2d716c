"""Sitemaps: the pages a site names itself, in XML, an index of more sitemaps, plain text, or any of these gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any

from lxml import etree  # type: ignore[import-untyped]

from knowledge.errors import IngestionError, SitemapEmpty, SitemapUnreadable, UrlNotAllowed, UrlTooLarge
from knowledge.ingestion.readers.packages import ENTITIES
from knowledge.ingestion.web.addresses import Address, Rules, linked
from knowledge.ingestion.web.bodies import GZIP

MOST_FILES = 50  # sitemaps of one index
_PIECE = 1 << 18
_LINES_READ = 50_000  # more no sitemap may name

Open = Callable[[Address], tuple[Address, IO[bytes]]]  # fetches a sitemap; where it was found after redirects


@dataclass(frozen=True, slots=True)
class Links:
    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


@dataclass(slots=True)
class SitePages:
    """The pages found, in the site's order, each once. `is_whole`: the limit left none out."""

    pages: list[Address] = field(default_factory=list)
    is_whole: bool = True


def pages_of(start: Address, fetch: Open, rules: Rules, *, limit: int, most_bytes: int) -> SitePages:
    """Follow a sitemap, and the ones it names, up to `limit` pages of its own host.

    Raises `SitemapUnreadable`, `SitemapEmpty`, and what `fetch` raises for the first of them; others that fail are
    passed over, and the result is not whole.
    """
    walk = _Walk(start, rules, limit)
    while walk.waiting and not walk.is_full:
        walk.follow(walk.waiting.pop(0), fetch, most_bytes)
    if not walk.found:
        raise SitemapEmpty(detail=start.url)
    return SitePages(list(walk.found.values()), walk.is_whole and not walk.waiting and not walk.is_full)


class _Walk:
    def __init__(self, start: Address, rules: Rules, limit: int) -> None:
        self._start, self._rules, self._limit = start, rules, limit
        self._hosts = {start.host}
        self._seen = {start.url}
        self.waiting = [start]
        self.found: dict[str, Address] = {}
        self.is_whole = True
        self.is_full = False

    def follow(self, address: Address, fetch: Open, most_bytes: int) -> None:
        try:
            where, file = fetch(address)
            with file:
                links = links_of(opened(file, most_bytes))
        except IngestionError:
            if address is self._start:
                raise
            self.is_whole = False
            return
        if address is self._start:
            self._hosts.add(where.host)
        self._add_sitemaps(where, links.sitemaps)
        self._add_pages(where, links.pages)

    def _add_sitemaps(self, base: Address, sitemaps: tuple[str, ...]) -> None:
        for sitemap in self._own(base, sitemaps):
            if sitemap.url in self._seen:
                continue
            if len(self._seen) > MOST_FILES:
                self.is_whole = False
                return
            self._seen.add(sitemap.url)
            self.waiting.append(sitemap)

    def _add_pages(self, base: Address, pages: tuple[str, ...]) -> None:
        for page in self._own(base, pages):
            if page.url in self.found:
                continue
            if len(self.found) >= self._limit:
                self.is_full = True
                return
            self.found[page.url] = page

    def _own(self, base: Address, links: tuple[str, ...]) -> Iterator[Address]:
        """Those of this site: a sitemap speaks for no other."""
        for link in links:
            try:
                address = linked(base, link, self._rules)
            except UrlNotAllowed:
                continue
            if address.host in self._hosts:
                yield address


def opened(file: IO[bytes], most: int) -> bytes:
    """The sitemap's bytes, unpacked if it is a gzip file. Raises `UrlTooLarge`, `SitemapUnreadable`."""
    file.seek(0)
    is_packed = file.read(2) == GZIP
    file.seek(0)
    if not is_packed:
        return file.read()
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SitemapUnreadable(detail=repr(error)) from error
    if len(data) > most:
        raise UrlTooLarge(detail=f"more than {most} bytes unpacked")
    return data


def links_of(data: bytes) -> Links:
    """Raises `SitemapUnreadable`."""
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return xml_links(text)
    return Links(pages=tuple(text_links(text)))


def text_links(data: bytes) -> list[str]:
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()[:_LINES_READ]]
    links = [line for line in lines if line.lower().startswith(("http://", "https://"))]
    if not links:
        raise SitemapUnreadable(detail="text without addresses")
    return links


def xml_links(data: bytes) -> Links:
    """What is named before the XML breaks off counts; images, videos and other languages of a page do not."""
    if any(mark in data for mark in ENTITIES):
        raise SitemapUnreadable(detail="it declares entities")
    named: dict[str, list[str]] = {"url": [], "sitemap": []}
    try:
        for element in elements(data):
            if name_of(element) in named:
                named[name_of(element)] += [link for child in element if (link := link_in(child))]
                element.clear()
    except etree.XMLSyntaxError as error:
        if not any(named.values()):
            raise SitemapUnreadable(detail=str(error)) from error
    return Links(tuple(named["url"]), tuple(named["sitemap"]))


def elements(data: bytes) -> Iterator[Any]:
    """Each as it ends. Raises `SitemapUnreadable` for XML that is something else."""
    is_known = False
    walk = etree.iterparse(
        BytesIO(data), resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    for _, element in walk:
        if not is_known and name_of(root := element.getroottree().getroot()) not in ("urlset", "sitemapindex"):
            raise SitemapUnreadable(detail=f"XML of the kind {name_of(root)}")
        is_known = True
        yield element


def link_in(element: Any) -> str:
    name = etree.QName(element)
    parent = etree.QName(element.getparent())
    return (element.text or "").strip() if name.localname == "loc" and name.namespace == parent.namespace else ""


def name_of(element: Any) -> str:
    return str(etree.QName(element).localname)
