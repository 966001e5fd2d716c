"""Budgets as the person who asks meets them, over a provider with a price."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Sum

from bench.stub_provider import StubProvider
from billing.budgets import forget_budgets
from billing.models import Budget, BudgetHold, BudgetPeriod, UsageEvent
from billing.prices import dearest
from chat.tests.conftest import Ready
from chat.tests.sockets import connected
from chat.tests.test_faults import use
from knowledge.answering.allowance import worst_case
from knowledge.providers.cohere import CohereReranker
from knowledge.providers.openai_embeddings import OpenAIEmbedder
from knowledge.selectors import library_of
from knowledge.types import Asker, Question, SearchScope
from tenants.context import in_public
from tenants.models import Organisation

QUESTION = "How many days of leave do I get?"
OTHER = "When do unused days of leave expire?"
FULL, SMALL, NOTHING = Decimal(5), Decimal("0.03"), Decimal("0.0001")  # pounds: room for gpt-4o, a small model, none


@pytest.fixture(scope="module")
def stub() -> Iterator[StubProvider]:
    with StubProvider() as provider:
        yield provider


def give(organisation: Organisation, amount: Decimal, at_cap: str = "stop", **facts: Any) -> Budget:
    Budget.objects.filter(organisation=organisation).delete()
    row = Budget.objects.create(organisation=organisation, amount_gbp=amount, at_cap=at_cap, **facts)
    forget_budgets()
    return row


def books(organisation: Organisation) -> tuple[Decimal, Decimal, Decimal, int]:
    """Spent and reserved in the budget, the ledger's sum, and how many holds there are."""
    period = BudgetPeriod.objects.get(budget__organisation=organisation)
    ledger = UsageEvent.objects.filter(organisation_id=organisation.pk).aggregate(sum=Sum("cost_gbp"))["sum"]
    return period.spent_gbp, period.reserved_gbp, ledger, BudgetHold.objects.count()


async def test_an_answer_within_its_budget_is_counted_and_what_it_held_is_free(
    live_acme: Organisation, ready: Ready, settings: Any, stub: StubProvider
) -> None:
    _, key = await ready(live_acme)
    use(settings, stub.openai_url)
    await in_public(give, live_acme, FULL)
    async with connected(live_acme, key=key) as socket:
        await socket.ask(QUESTION)
        done = (await socket.until_done())[-1]
    spent, reserved, ledger, holds = await in_public(books, live_acme)
    assert (done["status"], done["usage"]["model"]) == ("complete", "gpt-4o")
    assert (spent, reserved, holds) == (ledger, Decimal(0), 0)
    assert 0 < spent == Decimal(done["usage"]["cost_gbp"])


async def test_at_the_cap_nothing_is_asked_and_the_person_is_told_whom_to_ask(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, settings: Any, stub: StubProvider
) -> None:
    (_, ours), (_, theirs) = await ready(live_acme), await ready(live_globex)
    use(settings, stub.openai_url)
    await in_public(give, live_acme, NOTHING, contact="Grace in finance")
    before = stub.counts()["total"]
    async with connected(live_acme, key=ours) as socket:
        await socket.ask(QUESTION)
        frames = await socket.until_done()
    error, done = frames[-2], frames[-1]
    assert (error["type"], error["code"], error["retryable"]) == ("error", "budget_reached", False)
    assert "Ask Grace in finance for more" in error["detail"]
    assert (done["status"], done["text"]) == ("failed", "")
    assert stub.counts()["total"] == before
    async with connected(live_globex, key=theirs) as socket:
        await socket.ask(QUESTION)
        assert (await socket.until_done())[-1]["status"] == "complete"


async def test_near_the_cap_a_cheaper_model_answers_and_says_so(
    live_acme: Organisation, ready: Ready, settings: Any, stub: StubProvider
) -> None:
    _, key = await ready(live_acme)
    use(settings, stub.openai_url)
    await in_public(give, live_acme, SMALL, "cheaper")
    async with connected(live_acme, key=key) as socket:
        await socket.ask(QUESTION)
        frames = await socket.until_done()
        (notice,) = [frame for frame in frames if frame["type"] == "notice"]
        assert (notice["code"], frames[-1]["usage"]["model"]) == ("cheaper_model", "gpt-4o-mini")
        assert "so a cheaper one answers" in notice["detail"]
        await in_public(give, live_acme, NOTHING, "cheaper")
        await socket.ask(OTHER)
        assert (await socket.until_done())[-2]["code"] == "budget_reached"


@pytest.mark.parametrize(("at_cap", "status"), [("cached", "complete"), ("cheaper", "complete"), ("stop", "failed")])
async def test_an_earlier_answer_costs_nothing_and_stays_open_unless_all_is_to_stop(
    live_acme: Organisation, ready: Ready, settings: Any, stub: StubProvider, at_cap: str, status: str
) -> None:
    _, key = await ready(live_acme)
    use(settings, stub.openai_url)
    async with connected(live_acme, key=key) as socket:
        async with asyncio.timeout(30):  # the answer is kept behind its end
            is_kept = False
            while not is_kept:
                await socket.ask(QUESTION)
                is_kept = (await socket.until_done())[-1]["usage"]["cached"]
        await in_public(give, live_acme, NOTHING, at_cap)
        await socket.ask(QUESTION)
        done = (await socket.until_done())[-1]
    assert (done["status"], done["usage"]["cached"]) == (status, status == "complete")


async def test_answers_that_only_quote_are_always_open(live_acme: Organisation, ready: Ready, settings: Any) -> None:
    _, key = await ready(live_acme)
    settings.VENA_CHAT_PROVIDER = "extractive"
    await in_public(give, live_acme, Decimal(0))
    async with connected(live_acme, key=key) as socket:
        await socket.ask(QUESTION)
        assert (await socket.until_done())[-1]["status"] == "complete"


async def test_a_question_too_many_is_refused_in_words(live_acme: Organisation, ready: Ready, settings: Any) -> None:
    _, key = await ready(live_acme)
    settings.VENA_CHAT_PROVIDER, settings.VENA_QUESTIONS_PER_MINUTE = "extractive", 1
    async with connected(live_acme, key=key) as socket:
        await socket.ask(QUESTION)
        await socket.until_done()
        refused = await socket.ask(OTHER)
    assert (refused["type"], refused["code"], refused["retryable"]) == ("error", "too_many_questions", True)
    assert "Ask again in" in refused["detail"]


def test_what_is_held_covers_the_search_too(live_acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedding with a price, and a reranking, which costs more than many an answer."""
    question = Question(
        library=library_of(live_acme),
        asker=Asker(id=None, label=""),
        answer_id=uuid4(),
        text=QUESTION,
        scope=SearchScope(()),
    )
    assert worst_case(question, [], []) == 0  # the local model embeds, nobody reranks
    monkeypatch.setattr("knowledge.answering.allowance.embedder", lambda provider: OpenAIEmbedder(api_key="stub"))
    embedding = worst_case(question, [], [])
    assert embedding > 0
    monkeypatch.setattr("knowledge.answering.allowance.reranker", lambda: CohereReranker("rerank-v3.5", api_key="stub"))
    search = dearest("cohere", "rerank-v3.5", read=1, written=0)
    assert worst_case(question, [], []) - embedding == search > Decimal("0.001")
