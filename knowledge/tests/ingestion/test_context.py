"""A sentence of context for each chunk, written by a real SDK's model over loopback; what it costs is known before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from bench.stub_provider import StubProvider
from billing.models import UsageEvent
from knowledge.actions import collection_change
from knowledge.ingestion.context import context_estimate
from knowledge.models import Chunk, Collection, Document
from knowledge.tests.conftest import HANDBOOK, Upload
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def stub(settings: Any) -> Iterator[StubProvider]:
    with StubProvider(text="This passage is about what staff may claim.") as provider:
        settings.OPENAI_API_KEY = "stub"
        settings.OPENAI_BASE_URL = provider.openai_url
        settings.VENA_CHAT_PROVIDER = "openai"
        yield provider


def contextual(organisation: Organisation) -> Collection:
    with entered(organisation.schema_name):
        collection, _ = Collection.objects.get_or_create(name="Documents")
        return collection_change(collection=collection, is_contextual=True)


def test_every_chunk_is_embedded_with_its_sentence(live_acme: Organisation, upload: Upload, stub: StubProvider) -> None:
    contextual(live_acme)
    document = upload(live_acme)
    assert document.state == Document.State.READY
    with entered(live_acme.schema_name):
        chunks = list(Chunk.objects.filter(version=document.current))
    assert chunks
    for chunk in chunks:
        assert chunk.context == "This passage is about what staff may claim."
        assert chunk.embedding_text.startswith(chunk.context)
        assert chunk.context not in chunk.text  # readers see the document's own words
    assert len({chunk.point_id for chunk in chunks}) == len(chunks)
    events = UsageEvent.objects.filter(kind="context")
    assert events.count() == len(chunks)
    assert sum(event.output_tokens for event in events) == stub.total("output_tokens")
    assert all(event.cost_gbp > 0 for event in events)
    taken_in = UsageEvent.objects.filter(kind__in=["context", "embedding"])
    assert {tuple(event.collection_ids) for event in taken_in} == {(document.collection_id,)}


def test_a_new_version_pays_for_what_changed_only(live_acme: Organisation, upload: Upload, stub: StubProvider) -> None:
    contextual(live_acme)
    upload(live_acme)
    before = UsageEvent.objects.filter(kind="context").count()
    upload(live_acme, HANDBOOK.replace(b"150 pounds", b"160 pounds"))
    assert UsageEvent.objects.filter(kind="context").count() == before + 1


def test_the_cost_is_told_before(live_acme: Organisation, upload: Upload, stub: StubProvider) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        wanted = context_estimate(document.collection)
    assert wanted.is_possible
    assert document.current is not None
    assert wanted.chunks == document.current.chunk_count
    assert wanted.cost_gbp is not None
    assert Decimal("0.0001") < wanted.cost_gbp < Decimal(1)
    assert stub.total("requests") == 0


def test_a_model_that_fails_puts_the_document_back(live_acme: Organisation, upload: Upload, stub: StubProvider) -> None:
    contextual(live_acme)
    stub.control(status=503)
    document = upload(live_acme)
    assert (document.state, document.not_before is not None) == (Document.State.QUEUED, True)
