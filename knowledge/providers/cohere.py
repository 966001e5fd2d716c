"""Cohere's reranker over its HTTP API. The decision records say why not through its SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.streams import PerLoop
from knowledge.types import ModelUsage

BASE_URL = "https://api.cohere.com"
RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 498, 499})
CONNECTION_FAILURES = (httpx2.ConnectError, httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)
MAX_TOKENS_A_TEXT = 1024  # longer ones are cut by Cohere; a longer chunk would be billed as several
DETAIL_LIMIT = 300


class CohereReranker:
    """A `Reranker` over `POST /v2/rerank`. A person waits for it, so it gets `patience` seconds in all, no more."""

    provider = "cohere"

    def __init__(
        self, name: str = "rerank-v3.5", *, api_key: str, base_url: str | None = None, patience: float = 1.5
    ) -> None:
        self.name = name
        self._patience = patience
        self._clients = PerLoop(
            lambda: httpx2.AsyncClient(
                base_url=base_url or BASE_URL, headers={"authorization": f"Bearer {api_key}"}, timeout=patience
            )
        )

    async def rerank(
        self, query: str, texts: Sequence[str], top_n: int | None = None
    ) -> tuple[list[float], ModelUsage]:
        if not texts:
            return [], self._usage(0)
        body = {"model": self.name, "query": query, "documents": list(texts), "max_tokens_per_doc": MAX_TOKENS_A_TEXT}
        if top_n is not None:
            body["top_n"] = min(top_n, len(texts))
        with translated_errors():
            async with asyncio.timeout(self._patience):
                answer = (await self._post(body)).json()
            return scores_in(answer, len(texts)), self._usage(searches_in(answer))

    async def close(self) -> None:
        """Close the running loop's connections."""
        if client := self._clients.drop():
            await client.aclose()

    async def _post(self, body: dict[str, Any]) -> httpx2.Response:
        """Once more when the connection failed: a kept one may have been closed by the other side meanwhile."""
        client = self._clients.get()
        try:
            response = await client.post("/v2/rerank", json=body)
        except CONNECTION_FAILURES:
            response = await client.post("/v2/rerank", json=body)
        return response.raise_for_status()

    def _usage(self, searches: int) -> ModelUsage:
        return ModelUsage(provider=self.provider, model=self.name, input_tokens=searches)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Sort failures into "try again" and "this will never work"; an answer that makes no sense is of the first kind."""
    try:
        yield
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        detail = f"cohere: {status} {error.response.text}"[:DETAIL_LIMIT]
        if status in RETRYABLE_STATUS or status >= 500:
            raise ProviderUnavailable(detail=detail) from error
        raise ProviderRefused(detail=detail) from error
    except (httpx2.RequestError, OSError, ValueError, KeyError, TypeError) as error:  # TimeoutError is an OSError
        raise ProviderUnavailable(detail=f"cohere: {type(error).__name__} {error}"[:DETAIL_LIMIT]) from error


def scores_in(answer: Any, count: int) -> list[float]:
    """`results` come best first and name texts by index; a text that is not among them scores 0."""
    scores = [0.0] * count
    for result in answer["results"]:
        index = int(result["index"])
        if not 0 <= index < count:
            raise ValueError(f"text {index} of {count}")
        scores[index] = float(result["relevance_score"])
    return scores


def searches_in(answer: Any) -> int:
    """What Cohere says it bills: one search for up to 100 texts. One, where it does not say."""
    billed = ((answer.get("meta") or {}).get("billed_units") or {}).get("search_units")
    return max(1, round(billed)) if billed is not None else 1
