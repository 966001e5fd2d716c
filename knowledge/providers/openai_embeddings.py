"""OpenAI's embedding models, and servers that speak the same API."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import re
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import httpx2
import numpy as np
import openai
import orjson

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.failures import DETAIL_LIMIT
from knowledge.providers.openai import make_client, translated_errors
from knowledge.providers.streams import PerLoop, json_body
from knowledge.types import ModelUsage, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHARS_PER_TOKEN = 3.5  # on the safe side for English; counting exactly would need a download
BYTES_PER_TOKEN = 4.0  # the safe side for scripts with several bytes a character
MAX_TEXTS = 2048  # both limits are the API's, a request
UNIT_TOLERANCE = 1e-3
FIRST_PAUSE = 0.5  # seconds; doubled each time
MAX_REQUEST_TOKENS = 250_000  # of 300,000: our count is an estimate


TOO_LARGE = frozenset({"max_tokens_per_request", "request_too_large", "string_above_max_length"})


class OpenAIEmbedder:
    """An `Embedder` over `POST /embeddings`: large batches, several in flight, as base64, unit length.

    Documents wait patiently: a call that is refused for now is repeated, when the provider says or with growing
    pauses, until `patience` seconds have passed. A question does not wait.
    """

    max_tokens = 8191
    window = 2 * MAX_TEXTS  # texts between two looks at whether the work is still wanted: some 25 MB of vectors

    def __init__(
        self,
        name: str = "text-embedding-3-small",
        *,
        api_key: str,
        base_url: str | None = None,
        provider: str = "openai",
        dimensions: int = 1536,
        batch_size: int = MAX_TEXTS,
        in_flight: int = 4,
        patience: float = 60.0,
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
        self._in_flight = in_flight
        self._patience = patience
        self._clients = PerLoop(
            lambda: make_client(
                api_key=api_key, base_url=base_url, connect_timeout=connect_timeout, read_timeout=timeout
            )
        )

    def count_tokens(self, text: str) -> int:
        return math.ceil(max(len(text) / CHARS_PER_TOKEN, len(text.encode()) / BYTES_PER_TOKEN))

    async def embed_documents(self, texts: Sequence[str]) -> tuple[list[Vector], ModelUsage]:
        """Vectors in the order of the texts. When one call fails for good, the others in flight are given up."""
        gate = asyncio.Semaphore(self._in_flight)

        async def run(batch: list[str]) -> tuple[list[Vector], int]:
            async with gate:
                return await self._embed_patiently(batch, time.monotonic() + self._patience)

        try:
            async with asyncio.TaskGroup() as group:
                calls = [group.create_task(run(batch)) for batch in self._batches(texts)]
        except* (ProviderUnavailable, ProviderRefused) as errors:
            raise errors.exceptions[0] from None
        done = [call.result() for call in calls]
        return [vector for vectors, _ in done for vector in vectors], self._usage(sum(tokens for _, tokens in done))

    async def embed_query(self, text: str) -> tuple[Vector, ModelUsage]:
        vectors, tokens = await self._embed([text], self._query_timeout)
        return vectors[0], self._usage(tokens)

    async def close(self) -> None:
        """Close the running loop's connections."""
        if client := self._clients.drop():
            await client.close()

    async def _embed_patiently(self, texts: list[str], deadline: float) -> tuple[list[Vector], int]:
        for attempt in itertools.count():
            try:
                return await self._embed(texts, self._timeout)
            except ProviderRefused as error:
                if len(texts) == 1 or not is_too_large(error):
                    raise
                return await self._embed_halves(texts, deadline)
            except ProviderUnavailable as error:
                pause = error.retry_after if error.retry_after is not None else FIRST_PAUSE * 2**attempt
                pause *= random.uniform(1.0, 1.3)  # noqa: S311 (so that workers do not all come back at once)
                if time.monotonic() + pause > deadline:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("an endless loop ended")

    async def _embed_halves(self, texts: list[str], deadline: float) -> tuple[list[Vector], int]:
        middle = len(texts) // 2
        first, tokens = await self._embed_patiently(texts[:middle], deadline)
        second, more = await self._embed_patiently(texts[middle:], deadline)
        return first + second, tokens + more

    async def _embed(self, texts: list[str], patience: float) -> tuple[list[Vector], int]:
        # `post` and not `embeddings.create`: the same request and failures, without a typed copy of every text and a
        # model object for every vector.
        request = {"model": self.name, "input": texts, "encoding_format": "base64", **self._size()}
        body = json_body(request)
        with translated_errors(self.provider):
            async with asyncio.timeout(patience):
                response = await self._clients.get().post("/embeddings", content=body, cast_to=httpx2.Response)
        try:
            answer = orjson.loads(response.content)
            rows = sorted(answer["data"], key=itemgetter("index"))
            vectors = [self._vector(row["embedding"]) for row in rows]
            tokens = (answer.get("usage") or {}).get("prompt_tokens")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProviderUnavailable(detail=f"{self.provider}: no embeddings: {error!r}"[:DETAIL_LIMIT]) from error
        if len(vectors) != len(texts):
            raise ProviderUnavailable(detail=f"{self.provider}: {len(vectors)} vectors for {len(texts)} texts")
        return vectors, tokens if isinstance(tokens, int) else sum(map(self.count_tokens, texts))

    def _size(self) -> dict[str, Any]:
        """Only these models can be asked for fewer dimensions; others refuse the argument."""
        return {"dimensions": self.dimensions} if self.name.startswith("text-embedding-3") else {}

    def _vector(self, embedding: Any) -> Vector:
        """Base64 as asked for, or a list from servers that know nothing else."""
        raw = np.frombuffer(b64decode(embedding), "<f4") if isinstance(embedding, str) else np.asarray(embedding, "<f4")
        vector = cast(Vector, unit(raw))
        if len(vector) != self.dimensions:
            detail = f"{self.provider}: {self.name} has {len(vector)} dimensions, configured are {self.dimensions}"
            raise ProviderRefused(detail=detail)
        return vector

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


def is_too_large(error: ProviderRefused) -> bool:
    """Our count of tokens is an estimate: a request that was too large after all is halved."""
    cause = error.__cause__
    return isinstance(cause, openai.APIStatusError) and (cause.status_code == 413 or cause.code in TOO_LARGE)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    if length == 0.0 or abs(length - 1.0) < UNIT_TOLERANCE:
        return vector
    return vector / np.float32(length)


def version_of(provider: str, name: str, dimensions: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{provider}-{name.removeprefix('text-embedding-')}-{dimensions}".lower())
