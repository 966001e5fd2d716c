"""robots.txt: what a site asks programs to leave alone."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryFile

from django.core.cache import cache
from protego import Protego

from knowledge.errors import (
    UrlForbiddenByRobots,
    UrlNeedsSignIn,
    UrlNotFound,
    UrlTooLarge,
    UrlTypeUnsupported,
)
from knowledge.ingestion.web.addresses import Address
from knowledge.ingestion.web.connecting import Clock
from knowledge.ingestion.web.fetching import AGENT, Fetcher

_LARGEST = 512 * 1024  # bytes; what stands behind is not read
_KEPT_SECONDS = 600  # so that the pages of one sitemap ask once
_ABSENT = (UrlNotFound, UrlNeedsSignIn, UrlTypeUnsupported)  # RFC 9309: no rules, no restriction


class Robots:
    """The rules of the sites of one run."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = replace(fetcher, most_bytes=_LARGEST)
        self._known: dict[str, Protego] = {}

    def permit(self, address: Address, clock: Clock) -> None:
        """Raises `UrlForbiddenByRobots`, and what went wrong where the rules can't be had: then nothing is fetched."""
        rules = self._known.get(address.origin)
        if rules is None:
            rules = self._known[address.origin] = Protego.parse(self._text(address, clock))
        if not rules.can_fetch(address.url, AGENT):
            raise UrlForbiddenByRobots(detail=address.url)

    def _text(self, address: Address, clock: Clock) -> str:
        key = f"robots:{address.origin}"
        text: str | None = cache.get(key)
        if text is None:
            text = self._fetched(replace(address, target="/robots.txt"), clock)
            cache.set(key, text, timeout=_KEPT_SECONDS)
        return text

    def _fetched(self, address: Address, clock: Clock) -> str:
        with TemporaryFile() as file:
            try:
                self._fetcher.fetch(address, file, is_wanted=lambda media_type: True, clock=clock)
            except UrlTooLarge:
                pass  # what was written by then counts
            except _ABSENT:
                return ""
            file.seek(0)
            return file.read().decode("utf-8", "replace")
