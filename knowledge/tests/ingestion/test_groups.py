"""Small files taken in together: each keeps its own end, and a kill costs none of them anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum
from django.utils import timezone

from bench.stub_provider import StubProvider
from billing.models import UsageEvent
from knowledge import tasks
from knowledge.actions import document_cancel, document_delete, document_retry, document_upload
from knowledge.errors import ProviderUnavailable
from knowledge.ingestion import group_rows, group_vectors, groups, turns
from knowledge.ingestion.companions import companions
from knowledge.ingestion.vectors import Passenger
from knowledge.models import Chunk, Collection, Document, DocumentVersion, IngestionAttempt, TextVectors
from knowledge.providers.registry import embedder
from knowledge.spaces import library_with
from knowledge.tests.conftest import points
from knowledge.types import Labels
from tenants.context import entered
from tenants.models import Organisation

State = Document.State
COUNT = 5


class Killed(BaseException):
    """What SIGKILL looks like from inside: no handler of ours runs."""


@pytest.fixture(autouse=True)
def tickets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tickets are kept instead of drawn at once, as a busy worker would leave them."""
    kept: list[str] = []

    def keep(schema_name: str, *, delay: float = 0, at_once: bool = False) -> None:
        turns.enter(schema_name)
        kept.append(schema_name)

    for module in ("uploads", "pipeline", "watchdog", "turns"):
        monkeypatch.setattr(f"knowledge.ingestion.{module}.send_ticket", keep)
    return kept


def paper(number: int, words: str = "says") -> bytes:
    return f"# Paper {number}\n\n## One\nPaper {number} {words} this.\n\n## Two\nAnd {number} {words} that.\n".encode()


def send(organisation: Organisation, name: str, content: bytes, by: Any = None) -> Document:
    with entered(organisation.schema_name):
        collection, _ = Collection.objects.get_or_create(name="Documents")
        return document_upload(
            schema_name=organisation.schema_name,
            collection=collection,
            uploaded_by=by,
            file=SimpleUploadedFile(name, content),
        )


@pytest.fixture
def five(live_acme: Organisation, ready_index: Any) -> list[Document]:
    """In line, not taken in."""
    ready_index(live_acme)
    return [send(live_acme, f"{number}.md", paper(number)) for number in range(COUNT)]


def work(organisation: Organisation) -> None:
    tasks.work_on_documents(schema_name=organisation.schema_name)


def ends(organisation: Organisation) -> list[tuple[str, str]]:
    with entered(organisation.schema_name):
        return list(Document.objects.order_by("queued_at", "pk").values_list("state", "failure_code"))


def outcomes(organisation: Organisation) -> list[str]:
    with entered(organisation.schema_name):
        return list(IngestionAttempt.objects.order_by("pk").values_list("outcome", flat=True))


def are_whole(organisation: Organisation) -> bool:
    """Every readable document has all its chunks in order, each with its point, and no point is left over."""
    with entered(organisation.schema_name):
        versions = DocumentVersion.objects.filter(document__state=State.READY)
        for version in versions:
            places = list(version.chunks.order_by("position").values_list("position", flat=True))
            if places != list(range(version.chunk_count)) or not places:
                return False
        return points(organisation) == set(Chunk.objects.values_list("point_id", flat=True))


def test_one_turn_takes_them_all_for_one_call_of_the_model(live_acme: Organisation, five: list[Document]) -> None:
    work(live_acme)
    assert ends(live_acme) == [(State.READY, "")] * COUNT
    assert are_whole(live_acme)
    event = UsageEvent.objects.get()
    assert (event.organisation_id, event.subject, event.member_label) == (live_acme.pk, None, "")
    with entered(live_acme.schema_name):
        assert len(set(Document.objects.values_list("work_started_at", flat=True))) == 1
        for document in Document.objects.select_related("current", "newest"):
            assert document.current == document.newest
            assert document.lease is None
            assert document.progress_done == document.progress_total == document.current.chunk_count  # type: ignore[union-attr]
            assert (document.attempts, document.interruptions, document.ready_at is None) == (1, 0, False)
            attempt = document.ingestion_attempts.get()
            assert (attempt.outcome, attempt.embedded, attempt.reused) == ("ready", document.progress_total, 0)
            assert attempt.stages.keys() == {"reading", "chunking", "embedding"}
            assert all(0 < seconds < 60 for seconds in attempt.stages.values())


def test_organisations_do_not_mix(
    live_acme: Organisation, live_globex: Organisation, five: list[Document], ready_index: Any
) -> None:
    ready_index(live_globex)
    for number in range(3):
        send(live_globex, f"{number}.md", paper(number, "denies"))
    work(live_acme)
    assert (points(live_globex), [state for state, _ in ends(live_globex)]) == (set(), [State.QUEUED] * 3)
    work(live_acme)
    assert [state for state, _ in ends(live_acme) + ends(live_globex)] == [State.READY] * (COUNT + 3)
    assert are_whole(live_acme)
    assert are_whole(live_globex)
    assert not points(live_acme) & points(live_globex)
    assert set(UsageEvent.objects.values_list("organisation_id", flat=True)) == {live_acme.pk, live_globex.pk}


def test_a_bad_file_fails_by_itself(live_acme: Organisation, five: list[Document]) -> None:
    send(live_acme, "empty.md", b"  \n")
    send(live_acme, "really-a-pdf.txt", b"%PDF-1.4 and then nothing")
    send(live_acme, "last.md", paper(99))
    work(live_acme)
    failures = [(State.FAILED, "empty_document"), (State.FAILED, "mislabelled_document")]
    assert ends(live_acme) == [*[(State.READY, "")] * COUNT, *failures, (State.READY, "")]
    assert are_whole(live_acme)
    assert sorted(outcomes(live_acme)) == ["failed"] * 2 + ["ready"] * (COUNT + 1)
    with entered(live_acme.schema_name):
        assert set(Document.objects.filter(state=State.FAILED).values_list("failed_stage", flat=True)) == {"reading"}


@pytest.mark.parametrize(
    ("end", "stage"),
    [
        pytest.param(document_cancel, "store", id="cancelled before rows"),
        pytest.param(document_cancel, "publish", id="cancelled at the end"),
        pytest.param(document_delete, "index_together", id="deleted before points"),
        pytest.param(document_delete, "publish", id="deleted at the end"),
    ],
)
def test_one_that_is_not_wanted_any_more_drops_out(
    live_acme: Organisation, five: list[Document], monkeypatch: pytest.MonkeyPatch, stage: str, end: Any
) -> None:
    module: Any = groups if stage == "index_together" else group_rows
    real = getattr(module, stage)

    def end_then(jobs: Any, *args: Any) -> Any:
        end(schema_name=live_acme.schema_name, document=Document.objects.get(pk=five[1].pk))
        return real(jobs, *args)

    monkeypatch.setattr(module, stage, end_then)
    work(live_acme)
    if end is document_delete:
        assert [state for state, _ in ends(live_acme)] == [State.READY] * (COUNT - 1)
        assert are_whole(live_acme)
        return
    assert ends(live_acme)[1] == (State.FAILED, "cancelled")
    assert [state for state, _ in ends(live_acme)].count(State.READY) == COUNT - 1
    monkeypatch.setattr(module, stage, real)
    with entered(live_acme.schema_name):
        document_retry(schema_name=live_acme.schema_name, document=Document.objects.get(pk=five[1].pk))
    work(live_acme)
    assert ends(live_acme).count((State.READY, "")) == COUNT
    assert are_whole(live_acme)


@pytest.mark.parametrize("stage", ["parse_each", "store", "index_together", "publish"])
def test_a_worker_killed_in_any_stage_leaves_nothing_lost_and_nothing_double(
    live_acme: Organisation, five: list[Document], monkeypatch: pytest.MonkeyPatch, tickets: list[str], stage: str
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(groups if stage in ("parse_each", "index_together") else group_rows, stage, die)
        with pytest.raises(Killed):
            work(live_acme)
    with entered(live_acme.schema_name):
        assert not Document.objects.exclude(state__in=Document.WORKING).exists()
        assert not Document.objects.exclude(current=None).exists()
        Document.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True) == COUNT
    for _ in range(COUNT):  # whatever ended the worker must not end the companions': now each goes alone
        work(live_acme)
    assert ends(live_acme) == [(State.READY, "")] * COUNT
    assert are_whole(live_acme)
    assert sorted(outcomes(live_acme)) == ["interrupted"] * COUNT + ["ready"] * COUNT
    paid_before_the_kill = stage == "publish"
    assert UsageEvent.objects.count() == (1 if paid_before_the_kill else COUNT)
    with entered(live_acme.schema_name):
        assert TextVectors.objects.count() == Chunk.objects.count()


@pytest.mark.parametrize("stage", ["store", "publish"])
def test_what_nobody_expected_ends_the_group_and_none_of_its_documents(
    live_acme: Organisation, five: list[Document], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(group_rows, stage, lambda *args: 1 / 0)
    work(live_acme)
    assert ends(live_acme) == [(State.READY, "")] * COUNT
    assert are_whole(live_acme)
    assert outcomes(live_acme) == ["ready"] * COUNT


def test_a_provider_that_is_away_puts_all_of_them_back(
    live_acme: Organisation, five: list[Document], monkeypatch: pytest.MonkeyPatch, tickets: list[str]
) -> None:
    async def unavailable(texts: object) -> None:
        raise ProviderUnavailable

    for name in ("embed_documents", "embed_documents_with_tokens"):
        monkeypatch.setattr(embedder("local"), name, unavailable, raising=False)
    tickets.clear()
    work(live_acme)
    assert ends(live_acme) == [(State.QUEUED, "")] * COUNT
    assert outcomes(live_acme) == ["put_back"] * COUNT
    assert len(tickets) == COUNT
    with entered(live_acme.schema_name):
        assert not Document.objects.filter(not_before=None).exists()
        assert not Document.objects.filter(newest__chunked_at=None).exists()  # what was cut stays cut


def test_a_group_lets_others_go_first_and_loses_nothing(
    live_acme: Organisation,
    live_globex: Organisation,
    five: list[Document],
    ready_index: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready_index(live_globex)
    monkeypatch.setattr(group_vectors, "window_of", lambda library: 4)
    monkeypatch.setattr("knowledge.ingestion.jobs.Patience.is_over", lambda patience: True)
    work(live_acme)
    assert 1 <= ends(live_acme).count((State.READY, "")) < COUNT  # the first one, and those that fitted
    assert "yielded" in outcomes(live_acme)
    assert are_whole(live_acme)
    for _ in range(COUNT):
        work(live_acme)
    assert ends(live_acme) == [(State.READY, "")] * COUNT
    assert are_whole(live_acme)


def test_a_new_version_in_a_group_replaces_the_old_one(live_acme: Organisation, five: list[Document]) -> None:
    work(live_acme)
    old = points(live_acme)
    for number in range(3):
        send(live_acme, f"{number}.md", paper(number, "says").replace(b"And", b"But"))
    work(live_acme)
    assert ends(live_acme).count((State.READY, "")) == COUNT
    with entered(live_acme.schema_name):
        current = set(Chunk.objects.filter(version__number=2).values_list("point_id", flat=True))
        kept = set(Chunk.objects.filter(document__current__number=1).values_list("point_id", flat=True))
        attempts = IngestionAttempt.objects.filter(version__number=2)
        assert {(one.embedded > 0, one.reused > 0) for one in attempts} == {(True, True)}
        assert set(Document.objects.values_list("current__number", flat=True)) == {1, 2}
    assert points(live_acme) == current | kept
    assert old - points(live_acme)


@pytest.fixture
def stub(settings: Any) -> Iterator[StubProvider]:
    with StubProvider() as provider:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "stub", provider.openai_url
        yield provider


def test_the_ledger_is_the_providers_own_count(
    live_acme: Organisation, ready_index: Any, stub: StubProvider, make_person: Any
) -> None:
    from knowledge.providers.loops import run_in_loop
    from knowledge.providers.registry import vector_index
    from knowledge.selectors import library_of

    ada, ben = (make_person(live_acme, f"{name}@example.org") for name in ("ada", "ben"))
    space = library_with(library_of(live_acme), "openai").space
    Organisation.objects.filter(pk=live_acme.pk).update(embedding_provider="openai", embedding_version=space.version)
    run_in_loop(vector_index().prepare(space))
    for number in range(7):
        send(live_acme, f"{number}.md", paper(number), by=ben if number in (2, 5) else ada)
    work(live_acme)
    work(live_acme)
    assert ends(live_acme) == [(State.READY, "")] * 7
    rows = UsageEvent.objects.filter(kind="embedding")
    assert (rows.count(), rows.aggregate(sum=Sum("input_tokens"))["sum"]) == (
        stub.total("requests"),
        stub.total("input_tokens"),
    )
    assert rows.count() == 2  # a call has one payer
    labels = dict(rows.values_list("member_label", "member_id"))
    assert labels == {"ada@example.org": ada.pk, "ben@example.org": ben.pk}
    with entered(live_acme.schema_name):
        assert stub.total("texts") == Chunk.objects.count()


# -- who travels together -------------------------------------------------------------------------


def waiting_document(name: str = "a.md", *, size: int = 100, attempts: int = 0, by: str = "", **facts: Any) -> Document:
    version = DocumentVersion(file_name=name, file="stored", size=size, created_by_label=by)
    return Document(newest=version, attempts=attempts, collection=Collection(), **facts)


@pytest.mark.parametrize(
    ("others", "together"),
    [
        pytest.param([waiting_document("b.txt"), waiting_document("c.csv")], 3, id="small texts"),
        pytest.param([waiting_document("b.pdf"), waiting_document("c.zip"), waiting_document("d.eml")], 1, id="others"),
        pytest.param([waiting_document(size=64 * 1024 + 1), waiting_document()], 2, id="a large one stays"),
        pytest.param([waiting_document(size=60_000) for _ in range(4)], 3, id="all together are bounded"),
        pytest.param([waiting_document(attempts=1)], 1, id="tried before"),
        pytest.param([waiting_document(by="ben@example.org")], 1, id="another payer"),
        pytest.param([waiting_document(source_url="https://example.org/")], 1, id="from the web"),
        pytest.param([waiting_document() for _ in range(40)], 16, id="so many"),
    ],
)
def test_who_travels_together(others: list[Document], together: int) -> None:
    first = waiting_document()
    taken = companions([first, *others], 16)
    assert (taken[0], len(taken)) == (first, together)


@pytest.mark.parametrize(
    "first",
    [waiting_document("a.pdf"), waiting_document(size=10**6), waiting_document(attempts=2)],
    ids=["another format", "large", "tried before"],
)
def test_who_travels_alone(first: Document) -> None:
    assert companions([first, waiting_document(), waiting_document()], 16) == [first]


def test_a_contextual_collection_travels_alone() -> None:
    first, second = waiting_document(), waiting_document()
    second.collection.is_contextual = True
    assert companions([first, second], 16) == [first]


def test_a_text_that_two_share_is_counted_for_the_first() -> None:
    def passenger(document: UUID, digest: str) -> Any:
        return Passenger(uuid4(), document, Labels(collection_id=uuid4()), "english", digest, digest)

    one, two = uuid4(), uuid4()
    window = [passenger(one, "x"), passenger(two, "x"), passenger(two, "y")]
    assert [(p.document_id, p.content_hash) for p in group_vectors.first_of_each(window)] == [(two, "y"), (one, "x")]
