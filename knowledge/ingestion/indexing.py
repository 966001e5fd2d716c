"""Chunks to vectors: embed in batches, store each batch, then let readers see the document in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID, uuid5

from django.db import transaction

from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.ingestion import leases
from knowledge.models import Chunk, Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, sparse_encoder, vector_index
from knowledge.types import ChunkDraft, EmbeddedChunk, Library, ModelUsage

BATCH = 32  # chunks embedded, stored and reported at once


def point_id(document_id: UUID, draft: ChunkDraft) -> UUID:
    """The same text of the same document always has the same id: a repeat is harmless."""
    return uuid5(document_id, f"{draft.content_hash}:{draft.occurrence}")


def index_chunks(
    library: Library, document: Document, drafts: Sequence[ChunkDraft], *, lease: UUID, report: Callable[[int], None]
) -> None:
    """Embed and store every chunk; `report` gets the number done so far and raises when the work is not wanted."""
    model, sparse = embedder(library.embedding_provider), sparse_encoder()
    for number, batch in enumerate(batches(drafts)):
        vectors, usage = run_in_loop(model.embed_documents([draft.embedding_text for draft in batch]))
        meter(library, document, usage, key=uuid5(lease, str(number)))
        embedded = [
            EmbeddedChunk(
                point_id=point_id(document.pk, draft),
                document_id=document.pk,
                collection_id=document.collection_id,
                position=draft.position,
                dense=vector,
                sparse=sparse.encode_document(draft.embedding_text),
            )
            for draft, vector in zip(batch, vectors, strict=True)
        ]
        run_in_loop(vector_index().upsert(library.space, embedded))
        report(number * BATCH + len(batch))


def batches(drafts: Sequence[ChunkDraft]) -> Iterator[Sequence[ChunkDraft]]:
    return (drafts[start : start + BATCH] for start in range(0, len(drafts), BATCH))


def meter(library: Library, document: Document, usage: ModelUsage, *, key: UUID) -> None:
    record = UsageRecord(
        key=key,
        tenant=library.tenant,
        kind="embedding",
        outcome="complete",
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_id=document.uploaded_by_id,
        member_label=document.uploaded_by_label,
        subject=document.pk,
    )
    record_usage([record])


@transaction.atomic
def publish(document: Document, drafts: Sequence[ChunkDraft], *, lease: UUID, **values: object) -> None:
    """Rows and state change together: readers see all of the document, or none of it."""
    leases.update(
        document.pk,
        lease,
        lease=None,
        lease_expires_at=None,
        state=Document.State.READY,
        chunk_count=len(drafts),
        **values,
    )
    Chunk.objects.filter(document=document).delete()
    Chunk.objects.bulk_create([row(document, draft) for draft in drafts], batch_size=1000)


def row(document: Document, draft: ChunkDraft) -> Chunk:
    return Chunk(
        id=point_id(document.pk, draft),
        document=document,
        position=draft.position,
        text=draft.text,
        heading_path=[heading[:500] for heading in draft.heading_path],
        page=draft.page,
        last_page=draft.last_page,
        char_start=draft.char_start,
        char_end=draft.char_end,
        content_hash=draft.content_hash,
    )
