"""From a question to passages: dense and keyword candidates in one round trip, fused by score, read from PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.models import Chunk
from knowledge.providers.registry import embedder, sparse_encoder, vector_index
from knowledge.retrieval.fusion import FusedHit, min_max_fusion
from knowledge.selectors import chunks_readable
from knowledge.types import Library, ModelUsage, Notice, Passage, SearchResult, SearchScope, Vector
from tenants.context import in_tenant

logger = logging.getLogger(__name__)

KEYWORDS_ONLY = Notice(
    "keyword_search_only", "Meaning-based search is not available right now; only keywords were searched."
)


async def retrieve(library: Library, text: str, scope: SearchScope, *, limit: int | None = None) -> SearchResult:
    """The best passages for a text, numbered from 1. Degrades to keywords, and says so, when embedding fails."""
    dense, usage = await query_vector(library, text)
    hits = await vector_index().search(
        library.space,
        dense=dense,
        sparse=sparse_encoder().encode_query(text),
        scope=scope,
        limit=settings.VENA_CANDIDATES,
    )
    fused = min_max_fusion(hits)
    wanted = fused[: 2 * (limit or settings.VENA_PASSAGES)]  # some may be gone from the database
    rows = await in_tenant(
        library.tenant.schema_name, chunks_readable, [hit.point_id for hit in wanted], scope.collection_ids
    )
    passages = numbered(wanted, rows)[: limit or settings.VENA_PASSAGES]
    notes = (KEYWORDS_ONLY,) if dense is None else ()
    return SearchResult(passages=tuple(passages), usage=usage, candidates=len(fused), notes=notes)


async def query_vector(library: Library, text: str) -> tuple[Vector | None, ModelUsage]:
    model = embedder(library.embedding_provider)
    try:
        return await model.embed_query(text)
    except (ProviderUnavailable, ProviderRefused) as error:
        logger.warning("search.embedding_failed", extra={"code": error.code, "detail": error.detail})
        return None, ModelUsage(provider=model.provider, model=model.name)


def numbered(hits: Sequence[FusedHit], rows: dict[UUID, Chunk]) -> list[Passage]:
    found = [hit for hit in hits if hit.point_id in rows]
    return [passage(n, hit, rows[hit.point_id]) for n, hit in enumerate(found, start=1)]


def passage(n: int, hit: FusedHit, row: Chunk) -> Passage:
    return Passage(
        n=n,
        chunk_id=row.pk,
        document_id=row.document_id,
        title=row.document.title,
        text=row.text,
        heading_path=tuple(row.heading_path),
        page=row.page,
        position=row.position,
        score=hit.score,
        similarity=hit.similarity,
    )
