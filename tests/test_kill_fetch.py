"""The server is killed while it waits for a web page, and a fetch is stopped: nothing is lost, nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from knowledge.tests.ingestion.web.conftest import Site
from tests.server import Server, copied, thorough, until

pytestmark = thorough


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(prepared: Path, new_home: Callable[[], Path], site: Site) -> Iterator[Server]:
    allowed: dict[str, Any] = {"VENA_WEB_ALLOWED_NETWORKS": "127.0.0.0/8", "VENA_WEB_PORTS": f"80,{site.port}"}
    with Server(copied(prepared, new_home()), **allowed) as server:
        yield server


def hang(site: Site) -> Callable[[BaseHTTPRequestHandler], None]:
    def wait(handler: BaseHTTPRequestHandler) -> None:
        site.closing.wait(60)

    return wait


def add(server: Server, site: Site, path: str) -> str:
    body = {"url": site.url(path), "collection": server.api.collection()}
    added = server.api.client.post("/api/v1/documents/", json=body)
    assert added.status_code == 202, added.text
    return str(added.json()["id"])


def outcomes(server: Server, document: str) -> list[Any]:
    return [attempt["outcome"] for attempt in server.api.get(f"documents/{document}/attempts/")]


def test_a_page_whose_worker_was_killed_is_fetched_again(server: Server, site: Site) -> None:
    site.pages["/slow"] = hang(site)
    document = add(server, site, "/slow")
    until(lambda: "/slow" in site.paths(), "the page to be asked for")
    server.kill()
    site.page("/slow", "Slow page", "The lighthouse of Eddystone was rebuilt four times.")
    server.start()
    ended = server.api.ended(document)
    assert (ended["state"], ended["version"], ended["title"]) == ("ready", 1, "Slow page")
    assert site.paths().count("/slow") == 2
    assert len(server.api.get(f"documents/{document}/versions/")) == 1
    assert outcomes(server, document) == ["ready", "interrupted"]
    found = server.api.search("How often was the lighthouse of Eddystone rebuilt?", limit=50)
    assert [one["document"] for one in found].count(document) == 1


def test_a_worker_lets_go_of_a_page_within_seconds_of_stop(server: Server, site: Site) -> None:
    site.pages["/never"] = hang(site)
    document = add(server, site, "/never")
    until(lambda: "/never" in site.paths(), "the page to be asked for")
    stopped = server.api.client.post(f"/api/v1/documents/{document}/cancel/").json()
    assert (stopped["state"], stopped["failure"]["code"]) == ("failed", "cancelled")
    following = ["/next?1", "/next?2", "/next?3"]  # more than there are workers
    for path in following:
        site.page(path, "Next page", "This page has been waiting for its turn.")
    began = time.monotonic()
    ids = [add(server, site, path) for path in following]
    assert [server.api.ended(one)["state"] for one in ids] == ["ready"] * 3
    assert time.monotonic() - began < 20  # a page may take 30 s, so the worker did not sit it out
