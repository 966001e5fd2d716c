"""Fetching from a real server: where it may lead, how much and how long, and what it says when it goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import socket
import ssl
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from typing import Any

import pytest

from knowledge.errors import (
    IngestionError,
    UrlNeedsSignIn,
    UrlNotAllowed,
    UrlNotFound,
    UrlNotSecure,
    UrlRateLimited,
    UrlTooLarge,
    UrlTooSlow,
    UrlTypeUnsupported,
    UrlUnreachable,
)
from knowledge.ingestion.web import connecting
from knowledge.ingestion.web.fetching import MOST_REDIRECTS, patience
from knowledge.tests.ingestion.web.conftest import Answer, Site, answer, fetched, fetcher_for, redirect
from vena_platform.networks import IP


class Names:
    """A name server that answers from a list, the last answer for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [[ip_address(text) for text in texts] for texts in answers]
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[IP]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_page_comes_as_it_is(site: Site) -> None:
    body = b"<p>Hello</p>" * 1000
    site.pages["/a?b=c"] = answer(body, content_type="Text/HTML; Charset=ISO-8859-1")
    found, data = fetched(fetcher_for(site), site.url("/a?b=c#d"))
    assert data == body
    assert (found.media_type, found.charset, found.size) == ("text/html", "iso-8859-1", len(body))
    assert found.sha256 == hashlib.sha256(body).hexdigest()
    assert site.agents == {"VenaBot/1.0 (+http://vena.test/)"}
    assert site.visits == [("/a?b=c", f"127.0.0.1:{site.port}")]


def test_nothing_is_sent_to_this_machine_unless_an_operator_allows_it(site: Site) -> None:
    site.pages["/"] = answer(b"secret")
    names = Names(["127.0.0.1"])
    for url in (site.url(), site.url(host="intranet.example"), site.url(host="localhost")):
        with pytest.raises(UrlNotAllowed):
            fetched(fetcher_for(site, local=False, resolve=names), url)
    assert site.visits == []


def test_a_name_is_looked_up_once_and_its_address_is_the_one_connected_to(site: Site) -> None:
    """An answer that changes afterwards (DNS rebinding) changes nothing, for nobody asks again."""
    site.page("/", "Home", "hello")
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    found, _ = fetched(fetcher_for(site, resolve=names), site.url(host="example.test"))
    assert found.size > 0
    assert names.asked == ["example.test"]
    assert site.visits == [("/", f"example.test:{site.port}")]


def test_a_redirect_in_letters_of_any_script_is_followed(site: Site) -> None:
    site.pages["/"] = raw("HTTP/1.1 301 Moved\r\nLocation: /größe\r\nContent-Length: 0\r\n\r\n".encode())
    site.page("/gr%C3%B6%C3%9Fe", "Size", "hello")
    assert b"hello" in fetched(fetcher_for(site), site.url())[1]


def test_every_hop_is_looked_up_and_checked_afresh(site: Site) -> None:
    site.pages["/"] = redirect("/again")
    site.pages["/again"] = answer(b"<p>secret")
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with pytest.raises(UrlNotAllowed, match="10.0.0.1"):
        fetched(fetcher_for(site, resolve=names), site.url(host="example.test"))
    assert names.asked == ["example.test"] * 2
    assert site.paths() == ["/"]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1", "192.168.0.1"], ["192.168.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]]
)
def test_a_name_that_also_leads_elsewhere_is_refused_before_a_connection(site: Site, addresses: list[str]) -> None:
    with pytest.raises(UrlNotAllowed):
        fetched(fetcher_for(site, resolve=Names(addresses)), site.url(host="example.test"))
    assert site.visits == []


@pytest.mark.parametrize(
    "target",
    [
        *("http://10.0.0.1/", "http://169.254.169.254/latest/", "//[::1]/", "http://2130706433/", "file:///etc/passwd"),
        *("http://user@example.com/", "http://127.0.0.1:22/", "http://[::ffff:127.0.0.1]/"),
    ],
)
def test_a_redirect_may_not_lead_where_an_address_may_not(site: Site, target: str) -> None:
    site.pages["/"] = redirect(target)
    with pytest.raises(UrlNotAllowed):
        fetched(fetcher_for(site), site.url())


def test_redirects_are_followed_to_a_limit(site: Site) -> None:
    for n in range(MOST_REDIRECTS):
        site.pages[f"/{n}"] = redirect(f"{n + 1}")
    site.page(f"/{MOST_REDIRECTS}", "End", "here")
    found, _ = fetched(fetcher_for(site), site.url("/0"))
    assert found.address.target == f"/{MOST_REDIRECTS}"
    site.pages[f"/{MOST_REDIRECTS}"] = redirect("/0")
    site.visits.clear()
    with pytest.raises(UrlUnreachable, match="redirects"):
        fetched(fetcher_for(site), site.url("/0"))
    assert len(site.visits) == MOST_REDIRECTS + 1


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<p>more</p>" * 1000)


def test_a_body_without_end_is_cut_off(site: Site) -> None:
    site.pages["/"] = endless
    with pytest.raises(UrlTooLarge, match="sent"):
        fetched(fetcher_for(site), site.url())


def test_a_packed_bomb_is_cut_off(site: Site) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, 9, mtime=0)
    assert len(bomb) < 100_000
    site.pages["/"] = answer(bomb, content_encoding="gzip")
    with pytest.raises(UrlTooLarge, match="unpacked"):
        fetched(fetcher_for(site), site.url())


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"hello " * 9000, mtime=0), "gzip"),
        (gzip.compress(b"hello ", mtime=0) + gzip.compress(b"hello " * 8999, mtime=0), "GZip"),
        (zlib.compress(b"hello " * 9000), "deflate"),
        (b"hello " * 9000, "identity"),
    ],
)
def test_packed_pages_are_unpacked(site: Site, packed: bytes, encoding: str) -> None:
    site.pages["/"] = answer(packed, content_encoding=encoding)
    assert fetched(fetcher_for(site), site.url())[1] == b"hello " * 9000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"hello" * 999, mtime=0)[:-12], "gzip"),
        (b"not packed", "gzip"),
        (b"x", "br"),
        (b"x", "gzip, gzip"),
    ],
)
def test_a_body_that_is_not_packed_as_it_says_is_a_failure(site: Site, body: bytes, encoding: str) -> None:
    site.pages["/"] = answer(body, content_encoding=encoding)
    with pytest.raises(UrlUnreachable):
        fetched(fetcher_for(site), site.url())


def test_a_body_that_breaks_off_is_a_failure(site: Site) -> None:
    site.pages["/"] = answer(b"<p>half", content_length="1000", connection="close")
    with pytest.raises(UrlUnreachable):
        fetched(fetcher_for(site), site.url())


def silent(site: Site) -> Answer:
    def wait(handler: BaseHTTPRequestHandler) -> None:
        site.closing.wait(10)

    return wait


def raw(data: bytes) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)

    return write


def drip(site: Site, first: bytes) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        while not site.closing.wait(0.05):
            handler.wfile.write(b"x")

    return write


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "]
)
def test_a_site_that_sends_byte_by_byte_is_left_when_time_is_up(site: Site, first: bytes) -> None:
    site.pages["/"] = drip(site, first)
    start = time.monotonic()
    with pytest.raises(UrlTooSlow):
        fetched(fetcher_for(site, seconds=0.6), site.url())
    assert 0.5 < time.monotonic() - start < 10


def test_a_fetch_that_nobody_wants_any_more_ends_within_two_seconds(site: Site) -> None:
    class Unwanted(Exception):
        pass

    start = time.monotonic()

    def check() -> None:
        if time.monotonic() - start > 0.2:
            raise Unwanted

    site.pages["/"] = silent(site)
    with pytest.raises(Unwanted):
        fetched(fetcher_for(site, seconds=30, check=check), site.url())
    assert time.monotonic() - start < 10


def test_a_name_server_that_does_not_answer_is_left_when_time_is_up(site: Site) -> None:
    def hangs(host: str) -> Sequence[IP]:
        site.closing.wait(10)
        return []

    with pytest.raises(UrlTooSlow):
        fetched(fetcher_for(site, resolve=hangs, seconds=0.5), site.url(host="example.test"))


@pytest.mark.parametrize("names", [Names([]), lambda host: (_ for _ in ()).throw(OSError("no such name"))])
def test_a_name_without_address_is_a_failure(site: Site, names: Any) -> None:
    with pytest.raises(UrlUnreachable):
        fetched(fetcher_for(site, resolve=names), site.url(host="example.test"))


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    site.page("/", "Home", "hello")
    names = Names(["127.0.0.9", "127.0.0.1"])  # the server listens on the second only
    fetched(fetcher_for(site, resolve=names), site.url(host="example.test"))
    assert site.paths() == ["/"]
    site.close()
    with pytest.raises(UrlUnreachable):
        fetched(fetcher_for(site), site.url())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((401, UrlNeedsSignIn), (403, UrlNeedsSignIn), (404, UrlNotFound), (410, UrlNotFound), (413, UrlTooLarge)),
        *((429, UrlRateLimited), (500, UrlUnreachable), (503, UrlRateLimited), (204, UrlUnreachable)),
        *((302, UrlUnreachable), (206, UrlUnreachable)),
    ],
)
def test_a_refusal_says_why(site: Site, status: int, error: type[IngestionError]) -> None:
    site.pages["/"] = answer(status=status, retry_after="7")
    with pytest.raises(error) as failure:
        fetched(fetcher_for(site), site.url())
    assert type(failure.value) is error
    assert failure.value.text.endswith(".")
    if isinstance(failure.value, UrlRateLimited):
        assert failure.value.retry_after == 7


def test_a_site_may_ask_for_patience_until_a_date() -> None:
    assert patience("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert (patience("Wed, 21 Oct 2099 07:28:00 GMT") or 0) > 1e9
    assert patience("soon") is patience("") is None


@pytest.mark.parametrize(
    "media_type", ["video/mp4", "image/gif", "application/x-tar", "font/woff2", "application/wasm"]
)
def test_what_cannot_be_read_is_not_downloaded(site: Site, media_type: str) -> None:
    site.pages["/"] = answer(content_type=media_type, content_length="10000000000")
    with pytest.raises(UrlTypeUnsupported):
        fetched(fetcher_for(site), site.url())


def test_an_answer_that_is_no_http_is_a_failure(site: Site) -> None:
    site.pages["/"] = raw(b"SSH-2.0-OpenSSH_9.6\r\n")
    with pytest.raises(UrlUnreachable):
        fetched(fetcher_for(site), site.url())


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    site.page("/", "Home", "hello")
    fetched(fetcher_for(site), site.url())
    assert site.paths() == ["/"]


# -- TLS ------------------------------------------------------------------------------------------


def trusting(authority: Any) -> Any:
    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(cafile=str(authority))
        return made

    return context


def test_the_certificate_must_be_of_the_name_and_of_an_authority_we_trust(certificate: Any) -> None:
    """By the name that was asked for, though the connection goes to an address."""
    authority, server_side = certificate("example.test")
    site = Site(tls=server_side)
    try:
        site.page("/", "Home", "hello")
        names = Names(["127.0.0.1"])
        trusted = fetcher_for(site, resolve=names, tls=trusting(authority))
        assert b"hello" in fetched(trusted, site.url(host="example.test"))[1]
        with pytest.raises(UrlNotSecure):
            fetched(trusted, site.url(host="other.test"))
        with pytest.raises(UrlNotSecure):
            fetched(fetcher_for(site, resolve=names), site.url(host="example.test"))
        assert site.paths() == ["/"]
    finally:
        site.close()


def test_a_handshake_that_never_comes_is_left_when_time_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fetcher = fetcher_for(seconds=0.5)
        rules = replace(fetcher.rules, ports=frozenset([port]))
        with pytest.raises(UrlTooSlow):
            fetched(replace(fetcher, rules=rules), f"https://127.0.0.1:{port}/")


def test_the_clock_asks_whether_the_page_is_wanted_about_once_a_second() -> None:
    asked: list[float] = []
    clock = connecting.Clock(60, lambda: asked.append(time.monotonic()))
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        clock.slice()
    assert len(asked) == 1
