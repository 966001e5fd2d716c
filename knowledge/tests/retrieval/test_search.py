"""The whole read path on the real engine: rows made by hand, vectors by the local model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import pytest

from accounts.models import User
from bench.stub_provider import StubProvider
from billing.budgets import forget_budgets
from billing.errors import BudgetReached
from billing.models import Budget, BudgetPeriod, UsageEvent
from knowledge.errors import IndexUnavailable
from knowledge.models import Chunk, Collection, Document, DocumentVersion, TextVectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, sparse_encoder, vector_index
from knowledge.retrieval.passages import chunks_readable, neighbours_of, section_of
from knowledge.retrieval.remembered import RememberedChunks, remembered_chunks, size_of
from knowledge.retrieval.scope import scope_key, scope_of
from knowledge.retrieval.search import KEYWORDS_ONLY, NOT_RERANKED, retrieve, retrieve_traced
from knowledge.retrieval.trace import Trace
from knowledge.retrieval.usage import calls_of, search_account
from knowledge.selectors import library_of
from knowledge.types import Asker, EmbeddedChunk, Labels, SearchResult, SearchScope
from tenants.context import entered
from tenants.models import Organisation

LEAVE = "Every person has 28 days of annual leave after five years of service."
CARRY = "Days of leave that are left in December may be carried over into March."
HOTEL = "A hotel in Edinburgh may cost 150 pounds a night during a trade fair."
TEA = "Tea is served in the kitchen at four o'clock."
COFFEE = "The coffee machine on the second floor is cleaned on Fridays."


class Shelf:
    """Documents put on an organisation's shelf chunk by chunk."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.library = library_of(organisation)
        run_in_loop(vector_index().prepare(self.library.space))

    def put(self, title: str, texts: list[str], *, collection: str = "Documents", **values: Any) -> Document:
        language = values.pop("language", "english")
        group, _ = Collection.objects.get_or_create(name=collection, defaults={"language": language})
        document = Document.objects.create(
            collection=group, key=title, title=title, state=values.pop("state", Document.State.READY), **values
        )
        self.version(document, texts)
        return document

    def version(self, document: Document, texts: list[str], *, is_current: bool = True) -> DocumentVersion:
        version = DocumentVersion.objects.create(document=document, number=document.versions.count() + 1)
        rows = [self.row(document, version, position, text) for position, text in enumerate(texts)]
        Chunk.objects.bulk_create(rows)
        self.embed(document, rows)
        if is_current:
            document.current = version
            document.save()
        return version

    def row(self, document: Document, version: DocumentVersion, position: int, text: str) -> Chunk:
        return Chunk(
            document=document,
            version=version,
            point_id=uuid5(document.pk, text),
            position=position,
            section=position // 2,
            text=text,
            embedding_text=text,
            heading_path=["Rules"],
            page=position // 2 + 1,
            last_page=position // 2 + 1,
            boxes=[[position // 2 + 1, 1.0, 2.0, 3.0, 4.0]],
            place=f"part {position}",
            char_start=0,
            char_end=len(text),
            content_hash=uuid5(UUID(int=0), text).hex,
        )

    def embed(self, document: Document, rows: list[Chunk]) -> None:
        model: Any = embedder("local")
        vectors, blobs, _ = run_in_loop(model.embed_documents_with_tokens([row.text for row in rows]))
        for row, vector, blob in zip(rows, vectors, blobs, strict=True):
            TextVectors.objects.get_or_create(
                embedding_version=model.version,
                content_hash=row.content_hash,
                defaults={"dense": np.asarray(vector, "<f4").tobytes(), "tokens": blob},
            )
        encode = sparse_encoder(document.collection.language).encode_document
        labels = Labels(document.collection_id, tuple(document.tags), document.dated)
        points = [
            EmbeddedChunk(row.point_id, document.pk, labels, vector, encode(row.text))
            for row, vector in zip(rows, vectors, strict=True)
        ]
        run_in_loop(vector_index().upsert(self.library.space, points))


@pytest.fixture
def shelf(live_acme: Organisation) -> Iterator[Shelf]:
    with entered(live_acme.schema_name):
        yield Shelf(live_acme)


@pytest.fixture
def person(shelf: Shelf, make_person: Callable[..., User]) -> User:
    return make_person(shelf.organisation)


def ask(shelf: Shelf, person: User, text: str, **narrowed: Any) -> SearchResult:
    return run_in_loop(retrieve(shelf.library, text, scope_of(person, **narrowed)))


def trace_of(shelf: Shelf, person: User, text: str) -> tuple[SearchResult, Trace]:
    return run_in_loop(retrieve_traced(shelf.library, text, scope_of(person)))


def titles(found: SearchResult) -> list[str]:
    return [passage.title for passage in found.passages]


def test_the_answer_comes_first_with_its_place(shelf: Shelf, person: User) -> None:
    document = shelf.put("Handbook", [TEA, LEAVE, COFFEE, HOTEL])
    found = ask(shelf, person, "how many days of annual leave")
    first = found.passages[0]
    assert LEAVE in first.text
    assert (first.n, first.document_id, first.version_id, first.version_number) == (
        1,
        document.pk,
        document.current_id,
        1,
    )
    assert [passage.n for passage in found.passages] == list(range(1, len(found.passages) + 1))
    assert found.usage.input_tokens > 0
    assert found.notes == ()


def test_neighbours_are_one_passage(shelf: Shelf, person: User) -> None:
    shelf.put("Handbook", [LEAVE, CARRY])
    passage = ask(shelf, person, "leave").passages[0]
    assert passage.text == f"{LEAVE}\n\n{CARRY}"
    assert (passage.position, passage.last_position, passage.page, passage.last_page) == (0, 1, 1, 1)
    assert [box.page for box in passage.boxes] == [1, 1]
    assert passage.place == "part 0; part 1"


def test_the_same_words_elsewhere_are_one_passage(shelf: Shelf, person: User) -> None:
    shelf.put("Handbook", [LEAVE])
    shelf.put("Copy", [LEAVE])
    found = ask(shelf, person, "annual leave")
    assert len(found.passages) == 1
    assert len(found.passages[0].also_in) == 1


def test_only_the_current_version_is_read(shelf: Shelf, person: User) -> None:
    document = shelf.put("Handbook", ["Every person has 20 days of annual leave."])
    old = document.current
    assert old is not None
    shelf.version(document, [LEAVE])
    coming = shelf.version(document, ["Every person has 99 days of annual leave."], is_current=False)
    found = ask(shelf, person, "annual leave days")
    assert [passage.text for passage in found.passages] == [LEAVE]
    scope = scope_of(person)
    assert [chunk.version_number for chunk in section_of(old.pk, 0, scope)] == [1]
    assert coming.pk not in {passage.version_id for passage in found.passages}


def test_a_document_that_is_being_deleted_is_gone_at_once(shelf: Shelf, person: User) -> None:
    shelf.put("Handbook", [LEAVE], state=Document.State.DELETING)
    kept = shelf.put("Hotels", [HOTEL])
    found, trace = trace_of(shelf, person, "annual leave")
    assert {passage.document_id for passage in found.passages} == {kept.pk}
    read = next(stage for stage in trace.as_dict()["stages"] if stage["name"] == "read")
    assert {row["note"]: row["title"] for row in read["candidates"]} == {"gone": None, "": "Hotels"}


def test_points_without_rows_cost_no_place(shelf: Shelf, person: User) -> None:
    document = shelf.put("Old", [f"{LEAVE} Edition {number}." for number in range(12)])
    Chunk.objects.filter(document=document).delete()
    shelf.put("Handbook", [CARRY])
    assert titles(ask(shelf, person, "annual leave")) == ["Handbook"]


def test_scope_narrows(shelf: Shelf, person: User) -> None:
    shelf.put("A", [LEAVE], tags=["hr", "2026"], dated=date(2026, 3, 1))
    other = shelf.put("B", [CARRY], tags=["hr"], dated=date(2025, 3, 1), collection="Archive")
    assert set(titles(ask(shelf, person, "leave"))) == {"A", "B"}
    assert titles(ask(shelf, person, "leave", tags=["hr", "2026"])) == ["A"]
    assert titles(ask(shelf, person, "leave", until=date(2025, 3, 1))) == ["B"]
    assert titles(ask(shelf, person, "leave", since=date(2025, 3, 2))) == ["A"]
    assert titles(ask(shelf, person, "leave", document_ids=[other.pk])) == ["B"]
    assert titles(ask(shelf, person, "leave", document_ids=[])) == []
    assert titles(ask(shelf, person, "leave", collection_ids=[other.collection_id])) == ["B"]
    Document.objects.filter(pk=other.pk).update(tags=[])  # the index has not heard of it yet
    assert titles(ask(shelf, person, "leave", tags=["hr"])) == ["A"]


def test_each_collection_is_asked_in_its_language(shelf: Shelf, person: User) -> None:
    shelf.put("Urlaub", ["Die Urlaubstage verfallen im März."], collection="Deutsch", language="german")
    shelf.put("Handbook", [LEAVE, TEA])
    _, trace = trace_of(shelf, person, "verfallener Urlaubstag")
    keywords = next(stage for stage in trace.as_dict()["stages"] if stage["name"] == "keywords")
    assert [row["title"] for row in keywords["candidates"]] == ["Urlaub"]


def test_another_organisation_is_never_found(
    shelf: Shelf, person: User, live_globex: Organisation, make_person: Callable[..., User]
) -> None:
    shelf.put("Handbook", [LEAVE])
    with entered(live_globex.schema_name):
        other = Shelf(live_globex)
        other.put("Tea", [TEA])
        theirs = run_in_loop(retrieve(other.library, "annual leave", scope_of(make_person(live_globex))))
        version, scope = Document.objects.get().current_id, scope_of(User.objects.get())
    assert titles(theirs) == ["Tea"]
    assert version is not None
    assert section_of(version, 0, scope) == []


def test_section_and_neighbours(shelf: Shelf, person: User) -> None:
    document = shelf.put("Handbook", [LEAVE, CARRY, HOTEL, TEA])
    version, scope = document.current_id, scope_of(person)
    assert version is not None
    assert [chunk.position for chunk in section_of(version, 0, scope)] == [0, 1]
    assert [chunk.position for chunk in neighbours_of(version, 0, 1, scope)] == [0, 1, 2]
    assert [chunk.position for chunk in neighbours_of(version, 2, 2, scope, reach=2)] == [0, 1, 2, 3]
    assert section_of(version, 0, SearchScope(collection_ids=())) == []


def test_the_trace_names_every_stage(shelf: Shelf, person: User) -> None:
    shelf.put("Handbook", [TEA, LEAVE, COFFEE, HOTEL])
    found, trace = trace_of(shelf, person, "annual leave")
    told = trace.as_dict()
    assert [stage["name"] for stage in told["stages"]] == [
        "embed",
        "dense",
        "keywords",
        "fuse",
        "read",
        "rerank",
        "fold",
        "merge",
        "trim",
    ]
    assert told["stages"][2]["milliseconds"] is None
    assert told["stages"][5]["detail"] == "late interaction"
    best = told["stages"][5]["candidates"][0]
    assert best["text"] == LEAVE
    assert set(best["scores"]) == {"dense", "keyword", "fused", "rerank"}
    assert told["milliseconds"] >= sum(stage["milliseconds"] or 0 for stage in told["stages"][:1])
    assert found == ask(shelf, person, "annual leave")


def test_late_interaction_can_be_switched_off(shelf: Shelf, person: User) -> None:
    shelf.put("Handbook", [TEA, LEAVE])
    library = replace(shelf.library, is_reranked=False)
    _, trace = run_in_loop(retrieve_traced(library, "annual leave", scope_of(person)))
    rerank = next(stage for stage in trace.stages if stage.name == "rerank")
    assert rerank.detail == "none"
    assert all("rerank" not in seen.scores for seen in rerank.candidates)


@pytest.fixture
def cohere(settings: Any) -> Iterator[StubProvider]:
    with StubProvider() as stub:
        settings.COHERE_API_KEY, settings.COHERE_BASE_URL = "key", stub.url
        yield stub


def test_cohere_orders_and_is_metered(shelf: Shelf, person: User, cohere: StubProvider) -> None:
    shelf.put("Handbook", [TEA, LEAVE, COFFEE, HOTEL])
    found = ask(shelf, person, "annual leave")
    assert found.passages[0].text.startswith((LEAVE, TEA))
    assert found.passages[0].score == 1.0
    assert cohere.last_request["documents"][0].startswith("Handbook > Rules\n\n")
    assert found.rerank_usage is not None
    with search_account(shelf.library, Asker(id=person.pk, label=person.email), "annual leave") as calls:
        calls += calls_of(found)
    rows = UsageEvent.objects.order_by("kind").values_list("kind", "provider", "input_tokens")
    assert list(rows) == [("embedding", "local", found.usage.input_tokens), ("rerank", "cohere", 1)]


def test_a_search_has_room_in_the_budget_before_and_is_in_it_after(
    shelf: Shelf, person: User, cohere: StubProvider, live_globex: Organisation
) -> None:
    organisation = Organisation.objects.get(pk=shelf.library.tenant.id)
    shelf.put("Handbook", [TEA, LEAVE, COFFEE, HOTEL])
    ours = Budget.objects.create(organisation=organisation, amount_gbp=Decimal("0.0001"))
    theirs = Budget.objects.create(organisation=live_globex, amount_gbp=Decimal(1))
    forget_budgets()
    asker, before = Asker(id=person.pk, label=person.email), UsageEvent.objects.count()
    with pytest.raises(BudgetReached), search_account(shelf.library, asker, "annual leave"):
        raise AssertionError("nothing may be asked")
    Budget.objects.filter(pk=ours.pk).update(amount_gbp=Decimal(1))
    forget_budgets()
    found = calls_of(ask(shelf, person, "annual leave"))

    def fails_in_the_end() -> None:
        with search_account(shelf.library, asker, "annual leave") as calls:
            calls.extend(found)
            assert BudgetPeriod.objects.get(budget=ours).reserved_gbp > 0
            raise IndexUnavailable

    with pytest.raises(IndexUnavailable):
        fails_in_the_end()
    row = UsageEvent.objects.get(kind="rerank")
    period = BudgetPeriod.objects.get(budget=ours)
    assert 0 < period.spent_gbp == row.cost_gbp
    assert period.reserved_gbp == 0
    assert UsageEvent.objects.count() == before + 2  # what was spent until it failed is spent
    assert not BudgetPeriod.objects.filter(budget=theirs).exists()


@pytest.mark.parametrize("failure", [{"rerank_delay": 60}, {"status": 429}, {"status": 401}, {"garbled": True}])
def test_without_cohere_the_first_order_stands(
    shelf: Shelf, person: User, cohere: StubProvider, failure: dict[str, Any]
) -> None:
    shelf.put("Handbook", [TEA, LEAVE, COFFEE, HOTEL])
    cohere.control(**failure)
    started = time.monotonic()
    found = ask(shelf, person, "annual leave")
    assert time.monotonic() - started < 30
    assert LEAVE in found.passages[0].text
    assert found.notes == (NOT_RERANKED,)
    assert found.rerank_usage is None


def test_without_embeddings_keywords_answer(shelf: Shelf, person: User, settings: Any) -> None:
    shelf.put("Handbook", [TEA, LEAVE])
    library = replace(shelf.library, embedding_provider="openai")
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "http://127.0.0.1:1/v1"
    found = run_in_loop(retrieve(library, "annual leave", scope_of(person)))
    assert LEAVE in found.passages[0].text
    assert found.notes == (KEYWORDS_ONLY,)


def test_the_key_of_a_scope_is_the_same_however_it_was_put_together() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert scope_key(SearchScope((one, two), tags=("a", "b"))) == scope_key(SearchScope((two, one), tags=("b", "a")))
    assert len({scope_key(scope) for scope in different_scopes()}) == len(different_scopes())


def different_scopes() -> list[SearchScope]:
    one, two = UUID(int=1), UUID(int=2)
    return [
        SearchScope(()),
        SearchScope((one,)),
        SearchScope((one, two)),
        SearchScope((one,), document_ids=()),
        SearchScope((one,), document_ids=(two,)),
        SearchScope((one,), tags=("a", "b")),
        SearchScope((one,), tags=('a","b',)),
        SearchScope((one,), since=date(2026, 1, 1)),
        SearchScope((one,), until=date(2026, 1, 1)),
    ]


# -- what is remembered of chunks -----------------------------------------------------------------


def rows_of(organisation: Organisation, points: list[UUID], scope: SearchScope) -> dict[UUID, tuple[str, str]]:
    with entered(organisation.schema_name):
        found = chunks_readable(points, scope)
    return {point: (chunk.title, chunk.text) for point, chunk in found.items()}


def test_remembered_chunks_are_read_by_one_statement_and_never_outlive_their_rows(
    acme: Organisation, globex: Organisation, django_assert_num_queries: Any
) -> None:
    with entered(acme.schema_name):
        document = Shelf(acme).put("Leave", [LEAVE, CARRY], tags=["hr"], dated=date(2026, 3, 1))
        scope = SearchScope(collection_ids=(document.collection_id,))
        points = list(document.chunks.values_list("point_id", flat=True))
    remembered_chunks.forget()
    first = rows_of(acme, points, scope)
    assert sorted(text for _, text in first.values()) == sorted([LEAVE, CARRY])
    with entered(acme.schema_name), django_assert_num_queries(1):
        chunks_readable(points, scope)
    assert rows_of(globex, points, scope) == {}  # the same points and collection, asked in another schema
    narrower = {
        "tags": (replace(scope, tags=("hr",)), replace(scope, tags=("it",))),
        "since": (replace(scope, since=date(2026, 3, 1)), replace(scope, since=date(2026, 3, 2))),
        "until": (replace(scope, until=date(2026, 3, 1)), replace(scope, until=date(2026, 2, 28))),
        "document_ids": (
            replace(scope, document_ids=(document.pk,)),
            replace(scope, document_ids=(uuid5(document.pk, "x"),)),
        ),
        "collection_ids": (scope, SearchScope(collection_ids=(uuid5(document.pk, "x"),))),
    }
    for name, (wide, narrow) in narrower.items():
        assert (rows_of(acme, points, wide), rows_of(acme, points, narrow)) == (first, {}), name
    with entered(acme.schema_name):
        Document.objects.filter(pk=document.pk).update(title="Holidays")
    assert {title for title, _ in rows_of(acme, points, scope).values()} == {"Holidays"}
    with entered(acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.DELETING)
    assert rows_of(acme, points, scope) == {}


def test_the_memory_of_chunks_is_bounded(acme: Organisation) -> None:
    with entered(acme.schema_name):
        document = Shelf(acme).put("Leave", [LEAVE, CARRY, HOTEL, TEA, COFFEE])
        points = list(document.chunks.values_list("point_id", flat=True))
        scope = SearchScope(collection_ids=(document.collection_id,))
        chunks = chunks_readable(points, scope)
    small = RememberedChunks(limit=3 * size_of(max(chunks.values(), key=size_of)))
    for number, chunk in enumerate(chunks.values()):
        small.put(("org_acme", chunk.point_id, number, "", None), chunk)
    assert 0 < small.size <= small.limit
    assert small.get(("org_acme", list(chunks)[0], 0, "", None)) is None
    assert small.get(("org_acme", list(chunks)[4], 4, "", None)) == chunks[list(chunks)[4]]
