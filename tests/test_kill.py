"""The server is killed while it reads a long document and writes an answer. Nothing is lost, nothing doubled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.stub_provider import StubProvider
from tests.conftest import REPLY
from tests.papers import agreement
from tests.server import Server, copied, manage, until
from tests.sockets import Frame, chat, text_of

SECTIONS = 200  # a chunk each, some 50 pages
LEAVE = "How many days of annual leave do I get after five years of service?"

# Runs when the server is down: the vector index has one owner.
BOOKS = """
import json
from collections import Counter
from billing.models import UsageEvent
from knowledge.models import Chunk, Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation

organisation = Organisation.objects.get(slug="demo")
space = library_of(organisation).space
with entered(organisation.schema_name):
    document = Document.objects.get(newest__file_name="agreement.md")
    chunks = [str(chunk) for chunk in Chunk.objects.filter(document=document).values_list("point_id", flat=True)]
    places = list(Chunk.objects.filter(document=document).values_list("position", flat=True))
    everything = Chunk.objects.count()
    attempts = list(document.ingestion_attempts.order_by("pk").values_list("outcome", flat=True))
keys = Counter(UsageEvent.objects.values_list("idempotency_key", flat=True))
print(json.dumps({
    "chunks": chunks,
    "places": places,
    "points": [str(point) for point in run_in_loop(vector_index().point_ids(space, document.pk))],
    "all_chunks": everything,
    "all_points": run_in_loop(vector_index().count(space)),
    "repeated_keys": [str(key) for key, count in keys.items() if count > 1],
    "embedding_calls": UsageEvent.objects.filter(subject=document.pk).count(),
    "attempts": attempts,
}))
"""


@dataclass
class Killed:
    """What was seen before the kill, and after the next start."""

    progress: dict[str, int]
    shown: list[Frame]
    back_after: float  # seconds from the next start to ready
    out: str
    answer: list[Frame]
    document: dict[str, Any]
    found: list[dict[str, Any]]
    books: dict[str, Any]


@pytest.fixture(scope="module")
def killed(prepared: Path, provider: StubProvider, new_home: Callable[[], Path]) -> Iterator[Killed]:
    home = copied(prepared, new_home())
    provider.control(token_delay=0.4)  # for half a minute: it is still being written when the document is half read
    with Server(home, OPENAI_BASE_URL=provider.openai_url, OPENAI_MODEL="stub-model") as server:
        with chat(server, key=server.key) as asker:
            answer = asker.ask(LEAVE)["answer"]
            shown = asker.some(answer, 4)
            document = server.api.upload("agreement.md", agreement(SECTIONS))
            until(lambda: server.api.document(document)["progress"]["done"] > 0, "it to be half read", pause=0.02)
            progress = server.api.document(document)["progress"]
            server.kill()
        server.start()
        with chat(server, key=server.key) as asker:
            told = asker.resume(answer, after=0)
        ended = server.api.ended(document)
        found = server.api.search("Which reference has the notice of warehouse 177?", limit=50)
        server.stop()
        books = manage(home, "shell", "-v", "0", "-c", BOOKS)
        assert books.returncode == 0, books.stderr
        yield Killed(
            progress,
            shown,
            server.ready_after,
            server.out,
            told,
            ended,
            found,
            json.loads(books.stdout.splitlines()[-1]),
        )
    provider.control(token_delay=0.02)


def test_the_kill_came_in_the_middle(killed: Killed) -> None:
    assert 0 < killed.progress["done"] < killed.progress["total"]
    assert len(text_of(killed.shown)) < len(REPLY)
    assert "Picked up after an interruption: 1 documents, 1 answers." in killed.out


def test_the_document_is_ready_and_whole(killed: Killed) -> None:
    assert killed.document["state"] == "ready"
    assert killed.document["chunks"] == len(killed.books["chunks"]) == killed.progress["total"]
    assert sorted(killed.books["places"]) == list(range(len(killed.books["chunks"])))


def test_every_chunk_has_one_vector(killed: Killed) -> None:
    assert sorted(killed.books["points"]) == sorted(killed.books["chunks"])
    assert killed.books["all_points"] == killed.books["all_chunks"]


def test_a_search_finds_each_passage_once(killed: Killed) -> None:
    urls = [one["url"] for one in killed.found]
    assert len(urls) == len(set(urls))
    assert any("warehouse 177 " in one["text"] for one in killed.found)


def test_no_call_is_counted_twice(killed: Killed) -> None:
    assert killed.books["repeated_keys"] == []
    assert killed.books["attempts"] == ["interrupted", "ready"]
    assert killed.books["embedding_calls"] > 0


def test_the_answer_is_interrupted_with_what_was_shown(killed: Killed) -> None:
    done = killed.answer[-1]
    assert done["status"] == "interrupted"
    assert done["text"].startswith(text_of(killed.shown))
    assert REPLY.startswith(done["text"])
    assert text_of(killed.answer) == done["text"]
