"""Texts become vectors, each text once: what a model made of it is kept by the text's hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID, uuid5

import numpy as np
from django.db import transaction

from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.ingestion.copying import copy_vectors_in
from knowledge.models import TextVectors
from knowledge.providers.base import Embedder
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, sparse_encoder, vector_index
from knowledge.retrieval.usage import collections_named
from knowledge.types import EmbeddedChunk, Labels, Library, ModelUsage, Vector

DEFAULT_WINDOW = 32  # texts a model is asked for between two looks at whether the work is still wanted


@dataclass(frozen=True, slots=True)
class Passenger:
    """A chunk on its way into the index."""

    point_id: UUID
    document_id: UUID
    labels: Labels
    language: str
    content_hash: str
    embedding_text: str


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a text is embedded; `key` makes each call's ledger row its own."""

    key: UUID
    subject: UUID | None = None
    member_id: UUID | None = None
    member_label: str = ""
    collection_ids: tuple[UUID, ...] = ()


def window_of(library: Library) -> int:
    return int(getattr(embedder(library.embedding_provider), "window", DEFAULT_WINDOW))


def bring_in(library: Library, passengers: Sequence[Passenger], payer: Payer) -> set[str]:
    """Store points for these chunks; durable when it returns. Returns the hashes of the texts a model was asked for."""
    vectors = known_vectors(library, {passenger.content_hash for passenger in passengers})
    missing = {one.content_hash: one.embedding_text for one in passengers if one.content_hash not in vectors}
    if missing:
        into = {one.labels.collection_id for one in passengers if one.content_hash in missing}
        vectors |= embedded(library, missing, replace(payer, collection_ids=collections_named(library.tenant, into)))
    points = [point(passenger, vectors[passenger.content_hash]) for passenger in passengers]
    run_in_loop(vector_index().upsert(library.space, points))
    return set(missing)


def point(passenger: Passenger, dense: Vector) -> EmbeddedChunk:
    return EmbeddedChunk(
        point_id=passenger.point_id,
        document_id=passenger.document_id,
        labels=passenger.labels,
        dense=dense,
        sparse=sparse_encoder(passenger.language).encode_document(passenger.embedding_text),
    )


def known_vectors(library: Library, hashes: Iterable[str]) -> dict[str, Vector]:
    rows = TextVectors.objects.filter(
        embedding_version=library.space.version, content_hash__in=list(hashes)
    ).values_list("content_hash", "dense")
    return {content_hash: cast(Vector, np.frombuffer(dense, dtype="<f4")) for content_hash, dense in rows}


def embedded(library: Library, texts: dict[str, str], payer: Payer) -> dict[str, Vector]:
    """Ask the model, meter the call, keep the answer."""
    model = embedder(library.embedding_provider)
    vectors, tokens, usage = asked(model, list(texts.values()))
    first = next(iter(texts))
    rows = [
        TextVectors(
            embedding_version=library.space.version,
            content_hash=content_hash,
            dense=np.asarray(vector, dtype="<f4").tobytes(),
            tokens=blob,
        )
        for content_hash, vector, blob in zip(texts, vectors, tokens, strict=True)
    ]
    with transaction.atomic():  # paid for and kept, or neither
        record_usage([usage_record(library, usage, payer, key=uuid5(payer.key, first))])
        copy_vectors_in(rows)
    return dict(zip(texts, vectors, strict=True))


def asked(model: Embedder, texts: list[str]) -> tuple[Sequence[Vector], Sequence[bytes | None], ModelUsage]:
    """With token vectors where the model has them to give."""
    with_tokens: Callable[..., object] | None = getattr(model, "embed_documents_with_tokens", None)
    if with_tokens is None:
        vectors, usage = run_in_loop(model.embed_documents(texts))
        return vectors, [None] * len(texts), usage
    found: tuple[Sequence[Vector], Sequence[bytes], ModelUsage] = run_in_loop(with_tokens(texts))  # type: ignore[arg-type]
    return found


def usage_record(library: Library, usage: ModelUsage, payer: Payer, *, key: UUID) -> UsageRecord:
    return UsageRecord(
        key=key,
        tenant=library.tenant,
        kind="embedding",
        outcome="complete",
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_id=payer.member_id,
        member_label=payer.member_label,
        subject=payer.subject,
        collection_ids=payer.collection_ids,
    )
