"""The local model: built once, exact enough, and never in a query's way."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import sys
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import ProviderUnavailable
from knowledge.providers import model_files
from knowledge.providers.local_embeddings import LocalEmbedder
from knowledge.providers.model_files import FAST_VERSION, WHEEL_VERSION, prepare_local_model, wheel_model_path

T = TypeVar("T")

TEXTS = [
    "How many days of parental leave do I have?",
    "New parents may take sixteen weeks off with full pay.",
    "The printer on the second floor is out of paper.",
    "Refunds are paid to the card that was charged. " * 30,
    "x",
    "",
    "Ünïcödé and 東京 and 🙂",
    "Travel by train is booked through the agent. " * 3,
    "short words here",
]


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner() as runner:
        return runner.run(work)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(folder: Path) -> LocalEmbedder:
    prepare_local_model(folder)
    return LocalEmbedder(folder)


def vectors_of(embedder: LocalEmbedder, texts: list[str]) -> np.ndarray:
    return np.array(run(embedder.embed_documents(texts))[0])


def test_contract(embedder: LocalEmbedder) -> None:
    vectors, usage = run(embedder.embed_documents(TEXTS))
    assert (embedder.provider, embedder.name, embedder.version) == ("local", "all-MiniLM-L6-v2", FAST_VERSION)
    assert (embedder.dimensions, embedder.max_tokens) == (384, 256)
    assert {len(vector) for vector in vectors} == {384}
    assert np.allclose(np.linalg.norm(np.array(vectors), axis=1), 1, atol=1e-5)
    assert (usage.provider, usage.model, usage.output_tokens) == ("local", "all-MiniLM-L6-v2", 0)
    assert usage.input_tokens == sum(min(256, embedder.count_tokens(text)) for text in TEXTS)


def test_nothing_to_embed(embedder: LocalEmbedder) -> None:
    vectors, usage = run(embedder.embed_documents([]))
    assert vectors == []
    assert usage.input_tokens == 0


def test_a_vector_does_not_depend_on_its_batch(embedder: LocalEmbedder) -> None:
    together = vectors_of(embedder, TEXTS)
    alone = np.concatenate([vectors_of(embedder, [text]) for text in TEXTS])
    again = vectors_of(embedder, TEXTS[::-1])[::-1]
    assert np.abs(together - alone).max() < 1e-3
    assert np.abs(together - again).max() < 1e-3
    assert np.array_equal(together, vectors_of(embedder, TEXTS))
    query, _ = run(embedder.embed_query(TEXTS[0]))
    assert np.abs(together[0] - np.array(query)).max() < 1e-3


def test_close_to_the_model_as_it_was_made(embedder: LocalEmbedder) -> None:
    slow = LocalEmbedder()
    assert slow.version == WHEEL_VERSION
    texts = [text for text in TEXTS if len(text) > 20]
    cosines = (vectors_of(embedder, texts) * vectors_of(slow, texts)).sum(axis=1)
    assert cosines.min() > 0.99


def test_meaning_orders_similarity(embedder: LocalEmbedder) -> None:
    question, answer, other = vectors_of(embedder, TEXTS[:3])
    assert question @ answer > question @ other + 0.2


def test_text_beyond_the_limit_is_not_seen(embedder: LocalEmbedder) -> None:
    base = "word " * 254
    exact, longer, different = vectors_of(embedder, [base, base + "tail " * 500, "other " + base])
    assert np.allclose(exact, longer, atol=1e-6)
    assert not np.allclose(exact, different, atol=1e-3)


def test_a_remembered_query_is_the_same(embedder: LocalEmbedder) -> None:
    first, usage = run(embedder.embed_query("Who pays for travel?"))
    second, usage_again = run(embedder.embed_query("Who pays for travel?"))
    assert first == second
    assert usage == usage_again


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_counts_what_the_tokenizer_counts(embedder: LocalEmbedder, text: str) -> None:
    exact = len(embedder._tokens.encode([text], limit=100_000)[0])
    assert embedder.count_tokens(text) == exact or any(
        ord(character) < 32 or character in "\x7f\x85" for character in text
    )


def test_queries_do_not_wait_for_documents(embedder: LocalEmbedder) -> None:
    async def both() -> tuple[list[float], float]:
        started = time.perf_counter()
        upload = asyncio.create_task(
            embedder.embed_documents([f"{number} " + "many words " * 90 for number in range(48)])
        )
        waits = []
        while not upload.done():
            await asyncio.sleep(0.02)
            asked = time.perf_counter()
            await embedder.embed_query(f"question number {asked}")
            waits.append(time.perf_counter() - asked)
        return waits, time.perf_counter() - started

    waits, whole = run(both())
    sys.stderr.write(
        f"\nqueries during an upload of {whole:.1f} s: median {np.median(waits) * 1000:.1f} ms of {len(waits)}\n"
    )
    assert len(waits) > 3
    assert np.median(waits) < whole / 6


def test_threads_and_loops_share_one_embedder(embedder: LocalEmbedder) -> None:
    expected = vectors_of(embedder, TEXTS)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(vectors_of(embedder, TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.allclose(each, expected, atol=1e-6) for each in found)


def test_the_model_is_built_once(tmp_path: Path) -> None:
    lines: list[str] = []
    path = prepare_local_model(tmp_path / "new", lines.append)
    made = path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()
    assert lines
    assert prepare_local_model(tmp_path / "new", lines.append) == path
    assert (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) == made
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_builders_may_race(tmp_path: Path) -> None:
    threads = [threading.Thread(target=prepare_local_model, args=(tmp_path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.name for each in tmp_path.iterdir()] == [f"{FAST_VERSION}-tokens.onnx"]
    assert vectors_of(LocalEmbedder(tmp_path), ["works"]).shape == (1, 384)


def test_a_changed_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "model.onnx"
    forged.write_bytes(b"not the model")
    monkeypatch.setattr(model_files, "wheel_model_path", lambda: forged)
    with pytest.raises(ProviderUnavailable, match="sha256"):
        prepare_local_model(tmp_path / "out")


def test_without_the_builder_the_installed_file_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert prepare_local_model(tmp_path) == wheel_model_path()
    assert LocalEmbedder(tmp_path).version == WHEEL_VERSION


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / f"{FAST_VERSION}-tokens.onnx").write_bytes(b"broken")
    with pytest.raises(ProviderUnavailable, match="can't be loaded"):
        run(LocalEmbedder(tmp_path).embed_query("hello"))
