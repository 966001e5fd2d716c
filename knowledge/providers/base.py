"""The seams around vendors: small Protocols shaped by what we need, not by what they offer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from uuid import UUID

from knowledge.types import (
    EmbeddedChunk,
    Hits,
    KeywordQuery,
    Labels,
    ModelUsage,
    Prompt,
    SearchScope,
    SparseVector,
    Vector,
    VectorSpace,
)
from tenants.types import TenantKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ChatModel(Protocol):
    """Streams an answer: text pieces, and the cumulative usage whenever the provider tells it (the last one counts)."""

    provider: str
    name: str

    def stream(self, prompt: Prompt) -> AsyncGenerator[str | ModelUsage, None]: ...


class ClosableChatModel(ChatModel, Protocol):
    """One over HTTP, with a key that can be tried."""

    async def check_key(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


class Embedder(Protocol):
    """Dense vectors, unit length. `version` changes whenever vectors stop being comparable with earlier ones."""

    provider: str
    name: str
    version: str  # slug [a-z0-9-]; part of the vector collection's name
    dimensions: int
    max_tokens: int  # text beyond this is not seen by the model

    def count_tokens(self, text: str) -> int: ...

    async def embed_documents(self, texts: Sequence[str]) -> tuple[list[Vector], ModelUsage]: ...

    async def embed_query(self, text: str) -> tuple[Vector, ModelUsage]: ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An `Embedder` that also tells a vector for each token, in the same pass of the model.

    A blob is what `token_vectors.pack` made: a few kB a text, to be stored beside its dense vector.
    """

    async def embed_documents_with_tokens(
        self, texts: Sequence[str]
    ) -> tuple[list[Vector], list[bytes], ModelUsage]: ...

    async def embed_query_with_tokens(self, text: str) -> tuple[Vector, NDArray[np.float32], ModelUsage]:
        """The query's token vectors have shape (tokens, `token_vectors.WIDTH`) and unit length."""


class Reranker(Protocol):
    """Reads question and texts together, which is slower and better than comparing their vectors.

    Raises ProviderUnavailable (also when it takes too long) and ProviderRefused.
    """

    provider: str
    name: str

    async def rerank(
        self, query: str, texts: Sequence[str], top_n: int | None = None
    ) -> tuple[list[float], ModelUsage]:
        """The relevance of each text, 0 to 1, in the order of `texts`; 0 for texts beyond the best `top_n`.

        Usage counts searches, not tokens: that is what is billed.
        """


class SparseEncoder(Protocol):
    """BM25 term weights; the index applies the inverse document frequency."""

    def encode_document(self, text: str) -> SparseVector: ...

    def encode_query(self, text: str) -> SparseVector: ...


class VectorIndex(Protocol):
    """Dense + sparse points of one organisation. No method can be called without naming it.

    Every call raises `knowledge.errors.IndexUnavailable` when the engine can't be reached or fails.
    """

    async def prepare(self, space: VectorSpace) -> None:
        """Make the collection if it is missing. Safe to repeat and to race."""

    async def activate(self, space: VectorSpace) -> None:
        """Point the organisation's alias at this space (dedicated placement)."""

    async def upsert(self, space: VectorSpace, chunks: Sequence[EmbeddedChunk]) -> None:
        """Store points; durable and searchable when it returns. Repeating it changes nothing."""

    async def search(
        self,
        space: VectorSpace,
        *,
        dense: Vector | None,
        keywords: Sequence[KeywordQuery],
        scope: SearchScope,
        limit: int,
    ) -> Hits:
        """Both ranked lists in one round trip; without a query a list stays empty.

        Keyword queries of several languages come back as one list, best score first.
        """

    async def active(self, tenant: TenantKey) -> str | None:
        """The collection the organisation's alias points at."""

    async def relabel(self, space: VectorSpace, document_id: UUID, labels: Labels) -> None:
        """Give every point of a document new labels (it moved to another collection, its tags changed)."""

    async def existing(self, space: VectorSpace, point_ids: Sequence[UUID]) -> set[UUID]:
        """Which of these points are stored."""

    async def forget_space(self, space: VectorSpace) -> None:
        """Remove everything the organisation has in this space. Refuses the one its alias points at."""

    async def forget_document(self, space: VectorSpace, document_id: UUID) -> None: ...

    async def forget_points(self, space: VectorSpace, point_ids: Sequence[UUID]) -> None: ...

    async def point_ids(self, space: VectorSpace, document_id: UUID | None = None) -> set[UUID]: ...

    async def count(self, space: VectorSpace) -> int: ...

    def scan(self, space: VectorSpace, batch_size: int = 256) -> AsyncIterator[list[EmbeddedChunk]]:
        """Every point of the organisation with its vectors, in batches: to move it between placements or engines."""

    async def check(self) -> None:
        """Raise when the engine can't be used; for probes."""

    async def drop(self, tenant: TenantKey) -> None:
        """Remove every point, collection and alias of the organisation, in either placement."""

    async def close(self) -> None: ...
