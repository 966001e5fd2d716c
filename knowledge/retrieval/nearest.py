"""Texts as vectors outside of a search, and the documents that lie nearest to a vector. Every call is
metered, and room for it held in the budgets before. Raises BudgetReached."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from knowledge.models import Chunk
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, vector_index
from knowledge.retrieval.usage import search_account, search_hold, settle_embedding
from knowledge.types import Asker, Hit, Library, ModelUsage, SearchScope, Vector
from tenants.context import in_tenant

CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class NearDocument:
    """A document, the page of its nearest passage, and the cosine of that passage."""

    document_id: UUID
    title: str
    page: int | None
    similarity: float
    ready_at: datetime | None  # of the version that answers


@dataclass(frozen=True, slots=True)
class Embedded:
    vectors: list[Vector]
    model: str
    tokens: int


async def embedded(library: Library, asker: Asker, texts: Sequence[str]) -> Embedded:
    """As documents are embedded: in batches, patiently. Raises ProviderUnavailable and ProviderRefused."""
    model, schema_name = embedder(library.embedding_provider), library.tenant.schema_name
    held = await in_tenant(schema_name, search_hold, library, asker, texts, is_reranked=False)
    usage: ModelUsage | None = None
    try:
        vectors, usage = await model.embed_documents(texts)
    finally:
        await asyncio.shield(in_tenant(schema_name, settle_embedding, library, asker, usage, held))
    return Embedded(vectors, model.name, usage.input_tokens)


def question_vector(library: Library, asker: Asker, text: str) -> Vector:
    with search_account(library, asker, text) as calls:
        vector, usage = run_in_loop(embedder(library.embedding_provider).embed_query(text))
        calls.append(("embedding", usage))
    return vector


def nearest_documents(library: Library, vector: Vector, scope: SearchScope, limit: int) -> list[NearDocument]:
    """By meaning alone, the nearest first. `vector` must be of the library's embedding version."""
    search = vector_index().search(library.space, dense=vector, keywords=(), scope=scope, limit=CANDIDATES)
    best: dict[UUID, Hit] = {}
    for hit in run_in_loop(search).dense:
        best.setdefault(hit.document_id, hit)
    wanted = list(best.values())[:limit]
    rows = Chunk.objects.filter(point_id__in=[hit.point_id for hit in wanted], version=F("document__current"))
    chunks = {row.document_id: row for row in rows.select_related("document", "version").order_by("-position")}
    return [near(chunks[hit.document_id], hit.score) for hit in wanted if hit.document_id in chunks]


def near(chunk: Chunk, similarity: float) -> NearDocument:
    return NearDocument(
        document_id=chunk.document_id,
        title=chunk.document.title,
        page=chunk.page,
        similarity=round(similarity, 4),
        ready_at=chunk.version.ready_at,
    )
