"""Fetching one address: within the rules, within its time and size, with a reason for whatever goes wrong.

Redirects are followed by hand, each checked like the first address. Proxies, cookies and passwords are not used.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import cache
from typing import IO

import httpcore2
from django.utils import timezone

from knowledge.errors import (
    IngestionError,
    UrlNeedsSignIn,
    UrlNotFound,
    UrlRateLimited,
    UrlTooLarge,
    UrlTypeUnsupported,
    UrlUnreachable,
)
from knowledge.ingestion.web.addresses import Address, Rules, linked
from knowledge.ingestion.web.bodies import write_body
from knowledge.ingestion.web.connecting import Check, CheckedBackend, Clock, Resolve, resolved

AGENT = "VenaBot"
MOST_REDIRECTS = 5
_REDIRECTS = frozenset([301, 302, 303, 307, 308])
_REFUSALS: dict[int, type[IngestionError]] = {
    401: UrlNeedsSignIn,
    402: UrlNeedsSignIn,
    403: UrlNeedsSignIn,
    404: UrlNotFound,
    407: UrlNeedsSignIn,
    410: UrlNotFound,
    413: UrlTooLarge,
    429: UrlRateLimited,
    503: UrlRateLimited,
}
_ACCEPT = "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,application/xml;q=0.9,*/*;q=0.5"

Permit = Callable[[Address, Clock], None]  # raises where a page may not be read
TypeCheck = Callable[[str], bool]


@cache
def default_tls() -> ssl.SSLContext:
    """Reading the authorities' certificates takes longer than many a fetch."""
    return httpcore2.default_ssl_context()


@dataclass(frozen=True, slots=True)
class Fetched:
    """`address`: where the redirects ended. `media_type` and `charset`: what the site says, lower case, or nothing."""

    address: Address
    media_type: str
    charset: str
    sha256: str
    size: int  # bytes, unpacked


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`home`: the page that tells strangers who asks."""

    rules: Rules
    most_bytes: int
    seconds: float
    home: str
    check: Check = lambda: None
    resolve: Resolve = resolved
    tls: Callable[[], ssl.SSLContext] = default_tls

    @property
    def agent(self) -> str:
        return f"{AGENT}/1.0 (+{self.home})"

    def clock(self) -> Clock:
        return Clock(self.seconds, self.check)

    def fetch(
        self,
        address: Address,
        file: IO[bytes],
        *,
        is_wanted: TypeCheck,
        permit: Permit | None = None,
        clock: Clock | None = None,
    ) -> Fetched:
        """Write the page to `file`. Raises subclasses of `IngestionError`, and what `check` and `permit` raise."""
        clock = clock or self.clock()
        for _ in range(MOST_REDIRECTS + 1):
            if permit:
                permit(address, clock)
            with self._answer(address, clock) as response:
                headers = headers_of(response)
                if response.status not in _REDIRECTS or not headers["location"]:
                    return self._taken(address, response, headers, file, is_wanted)
            address = linked(address, str(headers["location"]), self.rules)
        raise UrlUnreachable(
            "This page leads from one address to the next without end. Give the address where it ends.",
            detail=f"more than {MOST_REDIRECTS} redirects",
        )

    @contextmanager
    def _answer(self, address: Address, clock: Clock) -> Iterator[httpcore2.Response]:
        backend = CheckedBackend(self.rules, clock, self.resolve)
        try:
            with (
                httpcore2.ConnectionPool(
                    ssl_context=self.tls() if address.scheme == "https" else None, network_backend=backend
                ) as pool,
                pool.stream("GET", core_url(address), headers=self._headers(address)) as response,
            ):
                yield response
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise UrlUnreachable(detail=f"{address.origin}: {error!r}") from error

    def _headers(self, address: Address) -> list[tuple[str, str]]:
        return [
            ("Host", address.netloc),
            ("User-Agent", self.agent),
            ("Accept", _ACCEPT),
            ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
        ]

    def _taken(
        self, address: Address, response: httpcore2.Response, headers: Message, file: IO[bytes], is_wanted: TypeCheck
    ) -> Fetched:
        if response.status != 200:
            raise refusal(response.status, headers)
        media_type = headers.get_content_type() if headers["content-type"] else ""
        if not is_wanted(media_type):
            raise UrlTypeUnsupported(detail=media_type)
        encoding = str(headers["content-encoding"] or "").strip().lower()
        sha256 = write_body(response.iter_stream(), encoding, file, most=self.most_bytes)
        charset = str(headers.get_content_charset("") or "").lower()
        return Fetched(address, media_type, charset, sha256, file.tell())


def core_url(address: Address) -> httpcore2.URL:
    """From its parts, so that it is not read a second time."""
    return httpcore2.URL(
        scheme=address.scheme.encode(), host=address.host.encode(), port=address.port, target=address.target.encode()
    )


def headers_of(response: httpcore2.Response) -> Message:
    """The first of each name counts."""
    message = Message()
    for name, value in response.headers:
        message[name.decode("latin-1")] = header_text(value)
    return message


def header_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def refusal(status: int, headers: Message) -> IngestionError:
    error = _REFUSALS.get(status, UrlUnreachable)(detail=f"status {status}")
    if isinstance(error, UrlRateLimited):
        error.retry_after = patience(str(headers["retry-after"] or ""))
    return error


def patience(text: str) -> float | None:
    """Seconds a site asks for, given as a number or as a date."""
    if text.isdecimal() and len(text) < 9:
        return float(text)
    try:
        until: datetime = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - timezone.now()).total_seconds())
