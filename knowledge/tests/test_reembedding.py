"""Another embedding model built beside the one that answers: cost first, switch, switch back, chat all the time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from celery.exceptions import Retry

from bench.stub_provider import StubProvider
from billing.models import UsageEvent
from knowledge import reembedding
from knowledge.actions import reembedding_close, reembedding_start, reembedding_switch
from knowledge.errors import IndexUnavailable, ReembeddingChanged, ReembeddingOpen
from knowledge.models import Chunk, Document, Reembedding, TextVectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.spaces import library_with
from knowledge.tests.conftest import HANDBOOK, Upload
from tenants.context import entered
from tenants.models import Organisation

State = Reembedding.State


@pytest.fixture
def stub(settings: Any) -> Iterator[StubProvider]:
    with StubProvider() as provider:
        settings.OPENAI_API_KEY = "stub"
        settings.OPENAI_BASE_URL = provider.openai_url
        settings.VENA_CHAT_PROVIDER = "extractive"
        yield provider


@pytest.fixture
def olive(live_acme: Organisation, make_person: Any) -> Any:
    return make_person(live_acme, "olive@example.org", "owner")


def start(organisation: Organisation, olive: Any, provider: str = "openai") -> Reembedding:
    with entered(organisation.schema_name):
        row = reembedding_start(
            schema_name=organisation.schema_name,
            library=library_of(organisation),
            provider=provider,
            started_by=olive,
        )
        row.refresh_from_db()
        return row


def act(organisation: Organisation, action: Any, row: Reembedding) -> Reembedding:
    with entered(organisation.schema_name):
        action(schema_name=organisation.schema_name, row=row)
        row.refresh_from_db()
    organisation.refresh_from_db()
    return row


def space_points(organisation: Organisation, provider: str) -> set[Any]:
    return run_in_loop(vector_index().point_ids(library_with(library_of(organisation), provider).space))


def found(organisation: Organisation, who: Any, question: str = "What may a hotel cost in Edinburgh?") -> str:
    organisation.refresh_from_db()
    with entered(organisation.schema_name):
        scope = scope_of(who)
    passages = run_in_loop(retrieve(library_of(organisation), question, scope)).passages
    return " ".join(passage.text for passage in passages)


def test_the_cost_is_known_before_it_starts(live_acme: Organisation, upload: Upload, stub: StubProvider) -> None:
    upload(live_acme)
    with entered(live_acme.schema_name):
        wanted = reembedding.estimate(library_of(live_acme), "openai")
        characters = sum(len(text) for text in Chunk.objects.values_list("embedding_text", flat=True))
        assert wanted.chunks == Chunk.objects.count()
    assert wanted.tokens == characters // 4
    assert wanted.cost_gbp is not None
    assert Decimal(0) < wanted.cost_gbp < Decimal("0.001")
    assert stub.total("requests") == 0


def test_built_beside_switched_to_and_back(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    upload(live_acme)
    row = start(live_acme, olive)
    assert (row.state, row.done) == (State.BUILT, row.total)
    assert row.total > 0
    assert space_points(live_acme, "openai") == space_points(live_acme, "local") != set()
    live_acme.refresh_from_db()
    assert live_acme.embedding_provider == "local"  # nothing has changed for readers
    assert "Edinburgh" in found(live_acme, olive)

    act(live_acme, reembedding_switch, row)
    assert (row.state, live_acme.embedding_provider) == (State.SWITCHED, "openai")
    assert run_in_loop(vector_index().active(live_acme.key)) == f"vena_org_acme__{row.target_version}"
    assert "Edinburgh" in found(live_acme, olive)
    later = upload(live_acme, b"# Later\n\nThe canteen opens at noon.", "later.md")
    assert later.state == Document.State.READY
    assert "noon" in found(live_acme, olive, "When does the canteen open?")

    act(live_acme, reembedding_switch, row)
    assert (row.state, live_acme.embedding_provider) == (State.BUILT, "local")
    assert "noon" in found(live_acme, olive, "When does the canteen open?")  # caught up before the switch
    assert space_points(live_acme, "local") == space_points(live_acme, "openai")


def test_a_switch_that_met_a_fault_is_tried_again_at_once(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(live_acme)
    row = start(live_acme, olive)
    real = reembedding.catch_up
    met: list[Any] = []

    def fails_once(target: Any, of: Reembedding) -> None:
        if not met:
            met.append(of.lease_expires_at)
            raise IndexUnavailable
        real(target, of)

    monkeypatch.setattr(reembedding, "catch_up", fails_once)
    with pytest.raises(Retry):
        act(live_acme, reembedding_switch, row)
    assert met[0] is not None
    act(live_acme, reembedding_switch, row)
    assert (row.state, row.lease_expires_at, live_acme.embedding_provider) == (State.SWITCHED, None, "openai")


def test_every_call_is_metered(live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any) -> None:
    upload(live_acme)
    start(live_acme, olive)
    events = UsageEvent.objects.filter(provider="openai")
    assert sum(event.input_tokens for event in events) == stub.total("input_tokens") > 0
    assert {event.member_label for event in events} == {"olive@example.org"}
    assert all(event.cost_gbp > 0 for event in events)


def test_deleting_takes_the_document_out_of_both_spaces(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    from knowledge.actions import document_delete

    document = upload(live_acme)
    start(live_acme, olive)
    with entered(live_acme.schema_name):
        document_delete(schema_name=live_acme.schema_name, document=document)
    assert space_points(live_acme, "openai") == space_points(live_acme, "local") == set()


def test_closing_removes_the_model_that_does_not_answer(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    upload(live_acme)
    row = start(live_acme, olive)
    act(live_acme, reembedding_switch, row)
    act(live_acme, reembedding_close, row)
    assert row.state == State.CLOSED
    assert space_points(live_acme, "local") == set()
    assert "Edinburgh" in found(live_acme, olive)
    with entered(live_acme.schema_name):
        assert set(TextVectors.objects.values_list("embedding_version", flat=True)) == {row.target_version}


def test_one_at_a_time_and_never_to_the_same(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    upload(live_acme)
    with pytest.raises(ReembeddingChanged):
        start(live_acme, olive, "local")
    with pytest.raises(ReembeddingChanged):
        start(live_acme, olive, "no-such-model")
    start(live_acme, olive)
    with pytest.raises(ReembeddingOpen):
        start(live_acme, olive, "openai-large")


def test_a_build_whose_worker_died_goes_on(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from knowledge import tasks

    upload(live_acme)
    upload(live_acme, HANDBOOK.replace(b"Edinburgh", b"Leeds"), "second.md")
    monkeypatch.setattr(reembedding, "window_of", lambda library: 1)
    real, calls = reembedding.bring_in, []  # type: ignore[attr-defined]

    def die_later(*args: Any) -> set[str]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(reembedding, "bring_in", die_later)
    with pytest.raises(KeyboardInterrupt):
        start(live_acme, olive)
    with entered(live_acme.schema_name):
        row = Reembedding.objects.get()
        assert row.state == State.BUILDING
        assert len(space_points(live_acme, "openai")) == 1
        Reembedding.objects.update(lease_expires_at=row.created_at)
    tasks.recover_documents_everywhere()
    with entered(live_acme.schema_name):
        row.refresh_from_db()
    assert row.state == State.BUILT
    assert space_points(live_acme, "openai") == space_points(live_acme, "local")
    with entered(live_acme.schema_name):
        assert stub.total("texts") == Chunk.objects.count()  # nothing was embedded twice


def test_a_provider_that_refuses_ends_the_build_in_words(
    live_acme: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    upload(live_acme)
    stub.control(status=401)
    row = start(live_acme, olive)
    assert (row.state, row.failure_code) == (State.FAILED, "provider_refused")
    assert "Edinburgh" in found(live_acme, olive)
    stub.control(status=0)
    act(live_acme, reembedding_close, row)
    assert start(live_acme, olive).state == State.BUILT


def test_the_other_organisation_notices_nothing(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, stub: StubProvider, olive: Any
) -> None:
    upload(live_acme)
    upload(live_globex)
    theirs = space_points(live_globex, "local")
    row = start(live_acme, olive)
    act(live_acme, reembedding_switch, row)
    act(live_acme, reembedding_close, row)
    live_globex.refresh_from_db()
    assert live_globex.embedding_provider == "local"
    assert space_points(live_globex, "local") == theirs
    assert space_points(live_globex, "openai") == set()
