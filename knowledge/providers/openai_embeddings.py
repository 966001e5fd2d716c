"""OpenAI's embedding models, and servers that speak the same API."""

from __future__ import annotations

import asyncio
import math
import re
from array import array
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.openai import make_client, translated_errors
from knowledge.providers.streams import PerLoop
from knowledge.types import ModelUsage, Vector

CHARS_PER_TOKEN = 3.5  # on the safe side for English; counting exactly would need a download
BYTES_PER_TOKEN = 4.0  # the safe side for scripts with several bytes a character
MAX_TEXTS = 2048  # both limits are the API's, a request
UNIT_TOLERANCE = 1e-3
MAX_REQUEST_TOKENS = 250_000  # of 300,000: our count is an estimate


class OpenAIEmbedder:
    """An `Embedder` over `POST /embeddings`: batched, as base64, unit length."""

    max_tokens = 8191

    def __init__(
        self,
        name: str = "text-embedding-3-small",
        *,
        api_key: str,
        base_url: str | None = None,
        provider: str = "openai",
        dimensions: int = 1536,
        batch_size: int = 256,
        connect_timeout: float = 5.0,
        timeout: float = 60.0,
        query_timeout: float = 10.0,
    ) -> None:
        self.name = name
        self.provider = provider
        self.dimensions = dimensions
        self.version = version_of(provider, name, dimensions)
        self._batch_size = min(batch_size, MAX_TEXTS)
        self._timeout = timeout
        self._query_timeout = query_timeout
        self._clients = PerLoop(
            lambda: make_client(
                api_key=api_key, base_url=base_url, connect_timeout=connect_timeout, read_timeout=timeout
            )
        )

    def count_tokens(self, text: str) -> int:
        return math.ceil(max(len(text) / CHARS_PER_TOKEN, len(text.encode()) / BYTES_PER_TOKEN))

    async def embed_documents(self, texts: Sequence[str]) -> tuple[list[Vector], ModelUsage]:
        vectors: list[Vector] = []
        tokens = 0
        for batch in self._batches(texts):
            found, used = await self._embed(batch, self._timeout)
            vectors += found
            tokens += used
        return vectors, self._usage(tokens)

    async def embed_query(self, text: str) -> tuple[Vector, ModelUsage]:
        vectors, tokens = await self._embed([text], self._query_timeout)
        return vectors[0], self._usage(tokens)

    async def close(self) -> None:
        """Close the running loop's connections."""
        if client := self._clients.drop():
            await client.close()

    async def _embed(self, texts: list[str], patience: float) -> tuple[list[Vector], int]:
        with translated_errors(self.provider):
            async with asyncio.timeout(patience):
                response = await self._clients.get().embeddings.create(
                    model=self.name, input=texts, encoding_format="base64", **self._size()
                )
        rows = sorted(response.data, key=lambda row: row.index)
        vectors = [self._vector(row.embedding) for row in rows]
        if len(vectors) != len(texts):
            raise ProviderUnavailable(detail=f"{self.provider}: {len(vectors)} vectors for {len(texts)} texts")
        return vectors, response.usage.prompt_tokens if response.usage else sum(map(self.count_tokens, texts))

    def _size(self) -> dict[str, Any]:
        """Only these models can be asked for fewer dimensions; others refuse the argument."""
        return {"dimensions": self.dimensions} if self.name.startswith("text-embedding-3") else {}

    def _vector(self, embedding: Any) -> Vector:
        """Base64 as asked for, or a list from servers that know nothing else."""
        vector = array("f", b64decode(embedding)).tolist() if isinstance(embedding, str) else embedding
        if len(vector) != self.dimensions:
            detail = f"{self.provider}: {self.name} has {len(vector)} dimensions, configured are {self.dimensions}"
            raise ProviderRefused(detail=detail)
        return unit(vector)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text in map(self._shortened, texts):
            needed = self.count_tokens(text)
            if batch and (len(batch) == self._batch_size or tokens + needed > MAX_REQUEST_TOKENS):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += needed
        if batch:
            yield batch

    def _shortened(self, text: str) -> str:
        """The API refuses a request that holds an empty or an overlong text."""
        tokens = self.count_tokens(text)
        if tokens > self.max_tokens:
            text = text[: len(text) * self.max_tokens // tokens]
        return text if text.strip() else "-"

    def _usage(self, tokens: int) -> ModelUsage:
        return ModelUsage(provider=self.provider, model=self.name, input_tokens=tokens)


def unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    if length == 0.0 or abs(length - 1.0) < UNIT_TOLERANCE:
        return vector
    return [value / length for value in vector]


def version_of(provider: str, name: str, dimensions: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{provider}-{name.removeprefix('text-embedding-')}-{dimensions}".lower())
