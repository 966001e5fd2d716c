"""One prepared folder for the run, and one server for each way of answering; all tests of a worker share them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.stub_provider import StubProvider
from tests.server import REPOSITORY, Server, copied, processes_of

REPLY = (
    "The documents answer this [1]. Staff get days of leave that grow with their years of service, and days that are "
    "not taken by the end of March expire [2]. Ask your manager before you book anything: approval takes two working "
    "days, and nobody may take more than fifteen days in a row without a written agreement of both sides. "
)


@dataclass
class FirstStart:
    """What the first start on an empty folder was like."""

    home: str
    out: str = ""
    err: str = ""
    ready_after: float = 0
    work: float = 0  # CPU seconds until ready, children included
    health: dict[str, Any] = field(default_factory=dict)
    documents: list[dict[str, Any]] = field(default_factory=list)
    stopped_after: float = 0
    exit_code: int = -1
    left_behind: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the servers of this run live. Not pytest's own: under root, PostgreSQL is another user's, who may not
    look in there."""
    made = Path(os.environ["VENA_HOME"]) / "servers"
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture(scope="session")
def new_home(folder: Path) -> Callable[[], Path]:
    """Names a folder that is not there yet."""
    return lambda: folder / uuid.uuid4().hex[:8]


@pytest.fixture(scope="session")
def first_start(folder: Path) -> FirstStart:
    """Done once for all workers: its folder, with the demo organisation inside, is what other servers begin with."""
    told = folder / "first-start.json"
    with (folder / "first-start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(asdict(observed_first_start(folder / "first"))))
    return FirstStart(**json.loads(told.read_text()))


def observed_first_start(home: Path) -> FirstStart:
    seen = FirstStart(home=str(home))
    with Server(home) as server:
        seen.ready_after, seen.work = server.ready_after, server.work
        seen.health = server.browser(None).get("/health/ready").json()
        seen.documents = server.api.all_ready()
        seen.stopped_after = server.stop(signal.SIGINT)
        seen.exit_code = server.process.returncode
        seen.left_behind = [" ".join(process.cmdline()) for process in processes_of(home)]
        seen.out, seen.err = server.out, server.err
    return seen


@pytest.fixture(scope="session")
def prepared(first_start: FirstStart) -> Path:
    return Path(first_start.home)


@pytest.fixture(scope="session")
def quoting_server(prepared: Path, new_home: Callable[[], Path]) -> Iterator[Server]:
    """A server as it comes: no key, answers are quoted."""
    with Server(copied(prepared, new_home())) as server:
        yield server


@pytest.fixture(scope="session")
def provider() -> Iterator[StubProvider]:
    with StubProvider(text=REPLY, token_delay=0.02) as stub:
        yield stub


@pytest.fixture(scope="session")
def composing_server(prepared: Path, provider: StubProvider, new_home: Callable[[], Path]) -> Iterator[Server]:
    """A server whose answers come from a provider, token by token."""
    with Server(
        copied(prepared, new_home()),
        OPENAI_BASE_URL=provider.openai_url,
        OPENAI_MODEL="stub-model",
        VENA_ANSWER_CACHE_SECONDS="0",
        VENA_IDENTITY_NETWORKS="127.0.0.0/8",  # where tests run the identity providers
        VENA_DRAIN_SECONDS="2",
        VENA_SLOW_READER_SECONDS="4",
    ) as server:
        yield server


@pytest.fixture
def quoting(quoting_server: Server) -> Server:
    return quoting_server.up()


@pytest.fixture
def composing(composing_server: Server) -> Server:
    return composing_server.up()


@pytest.fixture
def home(prepared: Path, new_home: Callable[[], Path]) -> Iterator[Path]:
    """A used folder, for this test alone."""
    own = copied(prepared, new_home())
    yield own
    shutil.rmtree(own, ignore_errors=True)


@pytest.fixture
def slow(provider: StubProvider) -> Iterator[StubProvider]:
    """Answers take about ten seconds: long enough to do something meanwhile."""
    provider.control(token_delay=0.1)
    yield provider
    provider.control(token_delay=0.02)


@pytest.fixture(scope="session")
def office_samples() -> Path:
    folder = REPOSITORY.parent / "shared" / "data" / "office_samples"
    if not folder.is_dir():
        pytest.skip(f"no real documents in {folder}")
    return folder
