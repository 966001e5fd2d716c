"""What stands in the chunks that were read lately, within a bound of memory.

A chunk's row is written once. Whether it may be read is not remembered here, so nothing needs to be made invalid.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

from django.conf import settings

from knowledge.retrieval.composing import FoundChunk

# Schema, the chunk's point, key and content hash, and the embedding version whose token vectors are with it.
ChunkKey = tuple[str, UUID, int, str, str | None]
OVERHEAD = 1_500  # bytes of a chunk beside its text and vectors


class RememberedChunks:
    """The latest, by the bytes they take. Safe from any thread."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._chunks: OrderedDict[ChunkKey, FoundChunk] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: ChunkKey) -> FoundChunk | None:
        with self._lock:
            chunk = self._chunks.get(key)
            if chunk is not None:
                self._chunks.move_to_end(key)
            return chunk

    def put(self, key: ChunkKey, chunk: FoundChunk) -> None:
        with self._lock:
            if key not in self._chunks:
                self.size += size_of(chunk)
                self._chunks[key] = chunk
            while self.size > self.limit:
                self.size -= size_of(self._chunks.popitem(last=False)[1])

    def forget(self) -> None:
        with self._lock:
            self._chunks.clear()
            self.size = 0


def size_of(chunk: FoundChunk) -> int:
    return OVERHEAD + 2 * len(chunk.text) + len(chunk.tokens or b"")


remembered_chunks = RememberedChunks(settings.VENA_CHUNK_MEMORY)
