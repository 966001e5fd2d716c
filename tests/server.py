"""Vena as people run it: `manage.py serve` as a process of its own, with a folder of its own, on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
import pytest

from vena_platform import demo, embedded

REPOSITORY = embedded.BASE_DIR
PATIENCE = 180.0  # seconds; far more than needed, for machines that do many other things
OURS = ("VENA_", "DATABASE_", "REDIS_", "QDRANT_", "OPENAI_", "ANTHROPIC_", "DJANGO_", "PYTEST_", "HOST", "PORT")


# Whole servers that are broken and started again: minutes in sum, so they have a command of their own.
thorough = pytest.mark.skipif(not os.environ.get("VENA_CHAOS"), reason="takes long: make chaos")


def environment(home: Path, **more: str) -> dict[str, str]:
    """The machine's environment without anything that this test run or a provider's key has put there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    models = os.environ.get("VENA_MODEL_FOLDER") or str(REPOSITORY / ".vena" / "models")
    often = {"VENA_QUESTIONS_PER_MINUTE": "1000000", "VENA_QUESTIONS_PER_MINUTE_ORGANISATION": "1000000"}
    return {**kept, "VENA_HOME": str(home), "VENA_MODEL_FOLDER": models, **often, **more}


def manage(home: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Another command on the same folder, beside the server or alone."""
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=REPOSITORY,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(home: Path) -> list[psutil.Process]:
    """Whatever runs on the folder: by its command line, or by where it works."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            places = [*process.cmdline(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(place.startswith(str(home)) for place in places):
                found.append(process)
    return found


def until(look: Callable[[], Any], what: str, *, patience: float = PATIENCE, pause: float = 0.1) -> Any:
    """The first true result of `look`."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if result := look():
            return result
        time.sleep(pause)
    raise AssertionError(f"waited {patience:.0f} s in vain for {what}")


class Server:
    """with Server(home) as server: server.browser("demo").get("/")"""

    def __init__(self, home: Path, *, port: int = 0, **more: str) -> None:
        self.home = home
        self.port = port or free_port()
        self.more = more
        self.ready_after = self.work = 0.0  # seconds on the clock, and of CPU with its children's
        self._out, self._err = (home.with_name(f"{home.name}-{self.port}.{name}") for name in ("out", "err"))

    def launch(self) -> Self:
        self.began = time.monotonic()
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=REPOSITORY,
                env=environment(self.home, **self.more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        self.launch()
        try:
            until(self._is_ready, "the server to be ready")
        except AssertionError as error:
            told = f"{self.out[-3000:]}{self.err[-6000:]}"
            self.end()
            raise AssertionError(f"{error}:\n{told}") from error
        self.ready_after = time.monotonic() - self.began
        times = psutil.Process(self.process.pid).cpu_times()
        self.work = times.user + times.system + times.children_user + times.children_system
        return self

    def up(self) -> Self:
        """Started again when a test that failed has left it down."""
        return self if self.process.poll() is None else self.start()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.out}{self.err}"
        try:
            health = httpx.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=30)
        except httpx.TransportError:
            return False  # not yet
        assert health.status_code in {200, 503}, f"{health}\n{self.err}"
        return health.status_code == 200

    def wait(self) -> int:
        """The exit code of a server that ends by itself."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def stop(self, number: int = signal.SIGINT) -> float:
        """Seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """As the kernel does when memory runs out: nobody gets to say goodbye, PostgreSQL and Valkey live on."""
        self.process.kill()
        self.process.wait(30)

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def address(self, slug: str | None = "demo", scheme: str = "http") -> str:
        return f"{scheme}://{slug + '.' if slug else ''}localhost:{self.port}"

    def browser(self, slug: str | None = "demo", key: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address(slug), headers=headers, transport=Loopback(), timeout=60)

    def signed_in(self, email: str = demo.OWNER, password: str = demo.PASSWORD, slug: str = "demo") -> httpx.Client:
        browser = self.browser(slug)
        browser.get("/accounts/login/")
        form = {"login": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        response = browser.post("/accounts/login/", data=form)
        assert (response.status_code, response.headers.get("location")) == (302, "/"), response.text
        return browser

    @cached_property
    def cookies(self) -> list[dict[str, str]]:
        """The owner's session, for browsers: signing in at each test's beginning would take longer than most tests."""
        jar = self.signed_in().cookies.jar
        return [{"name": one.name, "value": one.value or "", "url": self.address("demo")} for one in jar]

    @cached_property
    def key(self) -> str:
        """An API key of the demo organisation's owner; a copied folder brings it along."""
        kept = self.home / "owner-key"
        if not kept.exists():
            made = manage(self.home, "create_api_key", demo.SLUG, demo.OWNER)
            assert made.returncode == 0, made.stderr
            kept.write_text(made.stdout.strip())
        return kept.read_text()

    @cached_property
    def api(self) -> Api:
        return Api(self.browser(demo.SLUG, self.key))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """However it stands: afterwards nothing runs."""
        if self.process.poll() is None:
            self.stop()
        for process in processes_of(self.home):
            with suppress(psutil.Error):
                process.kill()


class Loopback(httpx.HTTPTransport):
    """Every host name is this machine: not each resolver knows names under `localhost`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        here = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(
            httpx.Request(
                request.method, here, headers=request.headers, stream=request.stream, extensions=request.extensions
            )
        )


class Api:
    """The REST API, as far as these tests use it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **params: Any) -> Any:
        response = self.client.get(f"/api/v1/{path}", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def collection(self) -> str:
        return str(self.get("collections/")["results"][0]["id"])

    def upload(self, name: str, content: bytes) -> str:
        """The new document's id."""
        response = self.client.post(
            "/api/v1/documents/", data={"collection": self.collection()}, files={"file": (name, content)}
        )
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def document(self, document: str) -> dict[str, Any]:
        return dict(self.get(f"documents/{document}/"))

    def documents(self) -> list[dict[str, Any]]:
        return list(self.get("documents/")["results"])

    def ended(self, document: str) -> dict[str, Any]:
        """The document, once it is ready or has failed."""
        return dict(
            until(
                lambda: row if (row := self.document(document))["state"] in {"ready", "failed"} else None,
                f"document {document} to be read",
            )
        )

    def ready(self, document: str) -> dict[str, Any]:
        row = self.ended(document)
        assert row["state"] == "ready", row["failure"]
        return row

    def all_ready(self) -> list[dict[str, Any]]:
        documents = self.documents()
        return [self.ready(row["id"]) for row in documents]

    def search(self, query: str, limit: int = 10) -> list[dict[str, Any]]:
        response = self.client.post("/api/v1/search/", json={"query": query, "limit": limit})
        assert response.status_code == 200, response.text
        return list(response.json()["results"])


def copied(home: Path, target: Path) -> Path:
    """A prepared folder, as the owner of its files left it."""
    subprocess.run(["cp", "-a", str(home), str(target)], check=True)
    return target
