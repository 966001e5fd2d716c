"""Vectors of an evaluation set, kept in the state folder: a second run of the same set embeds nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from knowledge.providers.base import Embedder, TokenEmbedder
from knowledge.types import Vector

BATCH = 256  # texts embedded and kept at once: an interrupted run goes on where it was

Kept = tuple[Vector, bytes | None]


async def embedded(model: Embedder, texts: Sequence[str], folder: Path, progress: Callable[[str], None]) -> list[Kept]:
    """Dense vector and, where the model has them, packed token vectors of each text, in the order of `texts`."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    with closing(sqlite3.connect(folder / f"{model.version}.sqlite")) as store:
        store.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, dense BLOB, tokens BLOB) WITHOUT ROWID")
        known = {key for (key,) in store.execute("SELECT key FROM kept")}
        missing = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in known]
        for start in range(0, len(missing), BATCH):
            progress(f"Embedding {start} of {len(missing)} texts.")
            await _keep(store, model, missing[start : start + BATCH])
        return [_read(store, key) for key in keys]


async def _keep(store: sqlite3.Connection, model: Embedder, batch: Sequence[tuple[str, str]]) -> None:
    texts = [text for _, text in batch]
    tokens: Sequence[bytes | None]
    if isinstance(model, TokenEmbedder):
        vectors, tokens, _ = await model.embed_documents_with_tokens(texts)
    else:
        vectors, _ = await model.embed_documents(texts)
        tokens = [None] * len(texts)
    packed = [np.asarray(vector, "<f4").tobytes() for vector in vectors]
    rows = [(key, dense, blob) for (key, _), dense, blob in zip(batch, packed, tokens, strict=True)]
    store.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
    store.commit()


def _read(store: sqlite3.Connection, key: str) -> Kept:
    dense, tokens = store.execute("SELECT dense, tokens FROM kept WHERE key = ?", (key,)).fetchone()
    return np.frombuffer(dense, "<f4").tolist(), tokens
