"""A measurement with the real search: its figures, its end, a repeat after a death, and two organisations."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Role
from billing.budgets import forget_budgets
from billing.models import Budget, BudgetHold, UsageEvent
from knowledge.errors import ProviderUnavailable
from knowledge.evaluation import golden, runs
from knowledge.evaluation.actions import evaluation_start
from knowledge.evaluation.errors import NoGoldenQuestions
from knowledge.evaluation.matching import Target
from knowledge.evaluation.tasks import resume_runs, run_evaluation
from knowledge.models import Document, EvaluationResult, EvaluationRun
from knowledge.providers.registry import embedder, vector_index
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload
from tenants.context import entered
from tenants.models import Organisation

TRAVEL = b"# Travel\n\nTrains are booked in second class, flights only above six hours of travel.\n"
HOTEL = "What may a hotel in Edinburgh cost?"
TRAIN = "In which class do we book trains?"
LOST = "Who waters the plants?"


@pytest.fixture
def ada(live_acme: Organisation, make_person: Any) -> User:
    person: User = make_person(live_acme, "ada@example.org", Role.ADMIN)
    return person


@pytest.fixture
def asked(live_acme: Organisation, upload: Upload, ada: User) -> Document:
    """Two questions that are answered, and one whose words are nowhere."""
    handbook, travel = upload(live_acme), upload(live_acme, TRAVEL, "travel.md")
    with entered(live_acme.schema_name):
        for text, target in (
            (HOTEL, Target(handbook.pk, "150 pounds a night")),
            (TRAIN, Target(travel.pk)),
            (LOST, Target(travel.pk, "the plants are watered by nobody at all")),
        ):
            golden.golden_question_add(user=ada, text=text, targets=[target])
    return handbook


def measured(organisation: Organisation, user: User) -> EvaluationRun:
    with entered(organisation.schema_name):
        run = evaluation_start(user=user, library=library_of(organisation))
        run.refresh_from_db()
        return run


def test_every_question_is_asked_and_what_was_missed_comes_first(
    live_acme: Organisation, ada: User, asked: Document
) -> None:
    run = measured(live_acme, ada)
    assert (run.state, run.question_count, run.done_count, run.started_by_label) == ("done", 3, 3, "ada@example.org")
    assert run.recall_at_10 == pytest.approx(2 / 3)
    assert run.finished_at is not None
    assert run.embedding_version == live_acme.embedding_version
    assert set(run.setup) == {"reranking", "reranked", "candidates"}
    with entered(live_acme.schema_name):
        worst, *others = run.results.all()
        assert (worst.text, worst.first_rank, worst.ndcg_at_10) == (LOST, None, 0.0)
        assert worst.expected[0]["title"] == "travel"
        assert worst.found[0]["text"]
        assert {result.text for result in others} == {HOTEL, TRAIN}
        hotel = run.results.get(text=HOTEL)
        assert hotel.first_rank == next(one["rank"] for one in hotel.found if one["is_hit"])
        assert run.mrr_at_10 == pytest.approx(sum(result.mrr_at_10 for result in run.results.all()) / 3)


def test_it_counts_for_the_organisation_and_for_no_person(live_acme: Organisation, ada: User, asked: Document) -> None:
    before = UsageEvent.objects.count()
    run = measured(live_acme, ada)
    events = UsageEvent.objects.filter(subject=run.pk, kind="embedding")
    assert UsageEvent.objects.count() == before + 3 == before + events.count()
    assert set(events.values_list("member_id", "member_label", "organisation_id")) == {
        (None, "ada@example.org", live_acme.pk)
    }


def test_at_the_cap_a_run_ends_and_says_whom_to_ask(
    live_acme: Organisation, live_globex: Organisation, ada: User, asked: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the model costs nothing; so a price is made up."""
    monkeypatch.setattr("knowledge.retrieval.usage.dearest", lambda *_, **__: Decimal("0.01"))
    for organisation, amount in ((live_acme, "0.005"), (live_globex, "5")):
        Budget.objects.create(organisation=organisation, amount_gbp=Decimal(amount), contact="Grace")
    forget_budgets()
    run = measured(live_acme, ada)
    assert (run.state, run.failure_code, run.done_count) == ("failed", "budget_reached", 0)
    assert "Ask Grace for more" in run.failure_message
    Budget.objects.filter(organisation=live_acme).update(amount_gbp=Decimal(1))
    forget_budgets()
    assert measured(live_acme, ada).state == "done"
    assert not BudgetHold.objects.exists()


def test_a_run_goes_on_where_a_worker_died_and_counts_nothing_twice(
    live_acme: Organisation, ada: User, asked: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = library_of(live_acme)
    monkeypatch.setattr(runs, "AT_ONCE", 1)
    whole, calls = runs.evaluate, []

    def dies_at_the_second(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise SystemExit
        return whole(*args)

    monkeypatch.setattr(runs, "evaluate", dies_at_the_second)
    with entered(live_acme.schema_name):
        run = runs.start_run(library=library)
        with pytest.raises(SystemExit):
            runs.execute_run(library, run.pk)
        run.refresh_from_db()
        assert (run.state, run.done_count) == ("running", 1)
        assert runs.execute_run(library, run.pk) is not None
        run.refresh_from_db()
        assert (run.state, run.done_count, run.results.count(), len(calls)) == ("done", 3, 3, 4)
        runs.execute_run(library, run.pk)
        assert run.results.count() == 3
    assert UsageEvent.objects.filter(subject=run.pk).count() == 3


def test_without_a_question_nothing_starts(live_acme: Organisation, ada: User) -> None:
    with entered(live_acme.schema_name), pytest.raises(NoGoldenQuestions):
        evaluation_start(user=ada, library=library_of(live_acme))
    with entered(live_acme.schema_name):
        assert not EvaluationRun.objects.exists()
        run = runs.start_run(library=library_of(live_acme))
        ended = runs.execute_run(library_of(live_acme), run.pk)
    assert ended is not None
    assert (ended.state, ended.failure_code) == ("failed", "no_golden_questions")


class Silent:
    """An embedding model whose provider is away."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def embed_query(self, text: str) -> Any:
        raise ProviderUnavailable

    embed_query_with_tokens = embed_query


def test_figures_of_keywords_alone_are_never_taken_for_the_whole(
    live_acme: Organisation, ada: User, asked: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Silent(embedder("local"))
    monkeypatch.setattr("knowledge.retrieval.search.embedder", lambda provider: silent)
    run = measured(live_acme, ada)
    assert (run.state, run.failure_code, run.recall_at_10) == ("failed", "meaning_not_searched", None)
    assert "Measure again" in run.failure_message


def test_an_index_that_is_away_is_named(live_acme: Organisation, ada: User, asked: Document) -> None:
    from dataclasses import replace

    library = library_of(live_acme)
    elsewhere = replace(library, space=replace(library.space, version="never-built"))
    with entered(live_acme.schema_name):
        run = runs.start_run(library=elsewhere)
        ended = runs.execute_run(elsewhere, run.pk)
    assert ended is not None
    assert (ended.state, ended.failure_code) == ("failed", "index_unavailable")
    assert vector_index() is not None


def test_two_organisations_measure_their_own(
    live_acme: Organisation, live_globex: Organisation, ada: User, asked: Document, make_person: Any, upload: Upload
) -> None:
    grace = make_person(live_globex, "grace@example.org", Role.OWNER)
    theirs = upload(live_globex, TRAVEL, "travel.md")
    with entered(live_globex.schema_name):
        golden.golden_question_add(user=grace, text=HOTEL, targets=[Target(theirs.pk, "150 pounds")])
    ours, other = measured(live_acme, ada), measured(live_globex, grace)
    assert (ours.question_count, other.question_count) == (3, 1)
    with entered(live_globex.schema_name):
        result = EvaluationResult.objects.get()
        assert result.first_rank is None
        assert {one["title"] for one in result.found} <= {"travel"}


def test_a_task_of_one_organisation_does_not_touch_the_others_run(
    live_acme: Organisation, live_globex: Organisation, ada: User, asked: Document
) -> None:
    with entered(live_acme.schema_name):
        run = runs.start_run(library=library_of(live_acme))
    run_evaluation(schema_name=live_globex.schema_name, run_id=str(run.pk))
    run_evaluation(schema_name="org_nobody", run_id=str(run.pk))
    with entered(live_acme.schema_name):
        run.refresh_from_db()
    assert run.state == "queued"
    with pytest.raises(TypeError):
        run_evaluation.delay(run_id=str(run.pk))  # type: ignore[call-arg]


def test_a_second_click_joins_the_run_under_way(live_acme: Organisation, ada: User, asked: Document) -> None:
    with entered(live_acme.schema_name):
        run = runs.start_run(library=library_of(live_acme))
        assert evaluation_start(user=ada, library=library_of(live_acme)) == run


def test_lost_runs_are_sent_again_and_very_old_ones_given_up(
    live_acme: Organisation, ada: User, asked: Document
) -> None:
    now = timezone.now()
    with entered(live_acme.schema_name):
        young, lost, old = (runs.start_run(library=library_of(live_acme)) for _ in range(3))
        EvaluationRun.objects.filter(pk=lost.pk).update(created_at=now - timedelta(minutes=5), state="running")
        EvaluationRun.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=1), state="running")
    assert resume_runs(schema_name=live_acme.schema_name) == 1
    with entered(live_acme.schema_name):
        states = {run.pk: (run.state, run.failure_code) for run in EvaluationRun.objects.all()}
    assert states == {
        young.pk: ("queued", ""),
        lost.pk: ("done", ""),
        old.pk: ("failed", "evaluation_abandoned"),
    }


def test_a_question_deleted_later_leaves_its_result(live_acme: Organisation, ada: User, asked: Document) -> None:
    run = measured(live_acme, ada)
    with entered(live_acme.schema_name):
        golden.golden_question_delete(user=ada, question=golden.golden_questions(ada).get(text=HOTEL))
        assert run.results.filter(text=HOTEL, question=None).count() == 1
