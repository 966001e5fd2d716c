"""200 files of three organisations, good and bad, while the server is killed five times and the queue once.

Every file ends as it does when nobody disturbs it, with the same passages, and no store holds anything more.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.stub_provider import StubProvider
from knowledge.tests.ingestion.hostile import hostile_files
from tests.server import Server, copied, manage, until
from vena_platform.embedded import valkey_process

pytestmark = [
    pytest.mark.skipif(not os.environ.get("VENA_CHAOS"), reason="takes minutes: make chaos"),
    pytest.mark.timeout(1500),
]

FILES = 200
KILLS = 5
SLUGS = ("north", "south", "west")

# Runs before the server: three organisations, each with a key of its owner.
SETUP = """
import json
from django.contrib.auth.hashers import make_password
from accounts.actions import api_key_issue
from accounts.models import User
from tenants.actions import organisation_request
from tenants.context import entered
from vena_platform.provisioning import provision

keys = {}
for slug in %r:
    row = organisation_request(name=slug.title(), slug=slug, owner_name="O", owner_email=f"o@{slug}.example",
                               owner_password="correct horse battery")
    provision(row.pk)
    with entered(row.organisation.schema_name):
        keys[slug] = api_key_issue(user=User.objects.get(), name="chaos")
print(json.dumps(keys))
"""

# Runs after the server: what the stores of one organisation hold.
BOOKS = """
import json
from pathlib import Path
from django.conf import settings
from django.db.models import F
from knowledge.models import Chunk, Document, DocumentVersion
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.reconciling import reconcile
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation

books = {}
for slug in %r:
    organisation = Organisation.objects.get(slug=slug)
    library = library_of(organisation)
    with entered(organisation.schema_name):
        current = Chunk.objects.filter(document__current=F("version"))
        folder = Path(settings.MEDIA_ROOT, organisation.schema_name, "documents")
        books[slug] = {
            "chunks": sorted(str(one) for one in current.values_list("point_id", flat=True)),
            "rows": Chunk.objects.count(),
            "points": sorted(str(one) for one in run_in_loop(vector_index().point_ids(library.space))),
            "files": sorted(path.name for path in folder.iterdir()),
            "versions": sorted(Path(name).name for name in DocumentVersion.objects.values_list("file", flat=True)),
            "found": reconcile(library).found,
        }
print(json.dumps(books))
"""


def files_of(slug: str, count: int) -> dict[str, bytes]:
    """Mostly good ones of some passages each; every hostile one that a name alone does not give away."""
    hostile = [(name, content) for name, content, _ in hostile_files() if len(content) < 300_000]
    found = {f"bad-{number}-{name}": content for number, (name, content) in enumerate(hostile[: count // 3])}
    while len(found) < count:
        number = len(found)
        sections = (f"## Part {n}\nIn {slug}, paper {number} says {n * number} about matter {n}.\n" for n in range(6))
        found[f"paper-{number}.md"] = f"# Paper {number} of {slug}\n\n{chr(10).join(sections)}".encode()
    return found


class Sender:
    """Sends each file until the server has said yes or no, however often it goes away meanwhile."""

    def __init__(self, server: Server, slug: str, key: str) -> None:
        self.client = server.browser(slug, key)
        self.collection = self.client.get("/api/v1/collections/").json()["results"][0]["id"]

    def send(self, name: str, content: bytes) -> str:
        """ "" when it was taken in, else the code it was refused with."""
        key = str(uuid.uuid4())
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                answer = self.client.post(
                    "/api/v1/documents/",
                    data={"collection": self.collection},
                    files={"file": (name, content)},
                    headers={"Idempotency-Key": key},
                )
            except httpx.TransportError:
                time.sleep(0.5)
                continue
            if answer.status_code in (200, 202):
                return ""
            if answer.status_code < 500 and answer.status_code != 409:
                return str(answer.json()["code"])
            time.sleep(0.5)
        raise AssertionError(f"{name} could not be sent")

    def all(self) -> list[dict[str, Any]]:
        found, url = [], "/api/v1/documents/?page_size=100"
        while url:
            page = self.client.get(url).json()
            found += page["results"]
            url = page["next"]
        return found


Ends = dict[tuple[str, str], tuple[str, str, int]]  # (slug, file) → state, code, passages


@dataclass
class Run:
    ends: Ends
    refused: dict[tuple[str, str], str]
    books: dict[str, Any]
    kills: int = 0


def ends_of(senders: dict[str, Sender]) -> Ends | None:
    ends: Ends = {}
    try:
        rows = [(slug, row) for slug, sender in senders.items() for row in sender.all()]
    except (httpx.TransportError, KeyError, ValueError):
        return None
    for slug, row in rows:
        if row["state"] not in ("ready", "failed"):
            return None
        code = row["failure"]["code"] if row["failure"] else ""
        ends[slug, f"{row['title']}/{row['file_name']}"] = (row["state"], code, row["chunks"])
    return ends


def run(home: Path, keys: dict[str, str], provider: StubProvider, *, disturb: bool) -> Run:
    settings = {"OPENAI_API_KEY": "stub", "OPENAI_BASE_URL": provider.openai_url, "VENA_CHAT_PROVIDER": "extractive"}
    settings |= {"VENA_EMBEDDINGS": "openai", "VENA_API_REQUESTS_PER_MINUTE": "1000000"}
    with Server(home, **settings) as server:  # type: ignore[arg-type]
        senders = {slug: Sender(server, slug, keys[slug]) for slug in SLUGS}
        refused, kills = {}, 0
        wanted = [(slug, *item) for slug in SLUGS for item in files_of(slug, FILES // len(SLUGS) + 1).items()]
        for number, (slug, name, content) in enumerate(wanted[:FILES]):
            if code := senders[slug].send(name, content):
                refused[slug, name] = code
            if disturb and number in (FILES // 3, 2 * FILES // 3):
                kills += killed(server)
        while disturb and kills < KILLS:
            time.sleep(2.5)
            kills += killed(server)
            if kills == KILLS - 1:
                queue_killed(home)
        ends = until(lambda: ends_of(senders), "every file to end", patience=300, pause=1)
        server.stop()
        books = manage(home, "shell", "-v", "0", "-c", BOOKS % (SLUGS,), **settings)
        assert books.returncode == 0, books.stderr
        return Run(ends, refused, json.loads(books.stdout.splitlines()[-1]), kills)


def killed(server: Server) -> int:
    server.kill()
    server.start()
    return 1


def queue_killed(home: Path) -> None:
    process = valkey_process(home / "valkey")
    assert process is not None
    process.kill()
    until(lambda: (again := valkey_process(home / "valkey")) and again.pid != process.pid, "the queue to be back")


@pytest.fixture(scope="module")
def runs(prepared: Path, new_home: Callable[[], Path]) -> Iterator[tuple[Run, Run]]:
    base = copied(prepared, new_home())
    with StubProvider() as provider:
        settings = {"OPENAI_API_KEY": "stub", "OPENAI_BASE_URL": provider.openai_url, "VENA_EMBEDDINGS": "openai"}
        made = manage(base, "shell", "-v", "0", "-c", SETUP % (SLUGS,), **settings)
        assert made.returncode == 0, made.stderr
        keys = json.loads(made.stdout.splitlines()[-1])
        quiet, loud = copied(base, new_home()), copied(base, new_home())
        calm = run(quiet, keys, provider, disturb=False)
        provider.control(embedding_delay=0.25)
        yield calm, run(loud, keys, provider, disturb=True)


def test_it_was_disturbed(runs: tuple[Run, Run]) -> None:
    assert (runs[0].kills, runs[1].kills) == (0, KILLS)


def test_the_same_files_are_refused_at_the_door(runs: tuple[Run, Run]) -> None:
    calm, loud = runs
    assert loud.refused == calm.refused


def test_every_file_ends_ready_or_failed_with_the_same_reason_and_the_same_passages(runs: tuple[Run, Run]) -> None:
    calm, loud = runs
    assert len(calm.ends) >= FILES - len(calm.refused)
    assert {state for state, _, _ in calm.ends.values()} == {"ready", "failed"}
    assert loud.ends == calm.ends
    assert all(code for state, code, _ in loud.ends.values() if state == "failed")


def test_no_store_holds_more_or_less(runs: tuple[Run, Run]) -> None:
    for one in runs:
        for slug, books in one.books.items():
            assert books["points"] == books["chunks"], slug
            assert books["rows"] == len(books["chunks"]), slug
            assert books["files"] == books["versions"], slug
            assert books["found"] == {}, slug
