"""A web site on this machine, whose pages a test writes and whose visits it counts."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from knowledge.ingestion.web.addresses import Rules, address_of
from knowledge.ingestion.web.fetching import Fetched, Fetcher
from knowledge.ingestion.web.media_types import is_readable

Answer = Callable[[BaseHTTPRequestHandler], None]
HERE = ip_network("127.0.0.0/8")


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        given = {"content_type": "text/html; charset=utf-8", "content_length": str(len(body)), **headers}
        handler.send_response(status)
        for name, value in given.items():
            if value:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def redirect(to: str) -> Answer:
    return answer(status=302, location=to)


class Site:
    """`pages`: path → answer; anything else is 404."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Answer] = {}
        self.visits: list[tuple[str, str]] = []  # path, host header
        self.agents: set[str] = set()
        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = int(self.server.server_address[1])
        self.scheme = "https" if tls else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def page(self, path: str, title: str, text: str) -> str:
        body = (
            f"<html><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
        )
        self.pages[path] = answer(body.encode())
        return self.url(path)

    def paths(self) -> list[str]:
        return [path for path, _ in self.visits]

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def _handler(site: Any) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.visits.append((self.path, self.headers["host"]))
                site.agents.add(self.headers["user-agent"])
                try:
                    site.pages.get(self.path, answer(b"nothing here", 404))(self)
                except OSError:  # the reader had enough
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def web(site: Site, settings: Any) -> Site:
    """The site, for code that goes by the settings."""
    settings.VENA_WEB_ALLOWED_NETWORKS = [HERE]
    settings.VENA_WEB_PORTS = [80, 443, site.port]
    settings.VENA_WEB_MAX_SECONDS = 5
    return site


def rules_for(*sites: Site, local: bool = True) -> Rules:
    ports = frozenset([80, 443, *(site.port for site in sites)])
    return Rules(ports=ports, networks=(HERE,) if local else ())


def fetcher_for(*sites: Site, local: bool = True, **changes: Any) -> Fetcher:
    facts: dict[str, Any] = {"most_bytes": 200_000, "seconds": 5.0, "home": "http://vena.test/", **changes}
    return Fetcher(rules=rules_for(*sites, local=local), **facts)


def fetched(fetcher: Fetcher, url: str, **how: Any) -> tuple[Fetched, bytes]:
    with TemporaryFile() as file:
        found = fetcher.fetch(address_of(url, fetcher.rules), file, **{"is_wanted": is_readable, **how})
        file.seek(0)
        return found, file.read()


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[Path, ssl.SSLContext]]:
    """For a host name: the certificate to trust, and what a server of that name shows."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")

    def make(host: str) -> tuple[Path, ssl.SSLContext]:
        key, shown = tmp_path / "key.pem", tmp_path / "certificate.pem"
        command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={host}"
        names = ["-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(shown)]
        subprocess.run([openssl, *command.split(), *names], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown, key)
        return shown, context

    return make
