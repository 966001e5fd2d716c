"""The cache through the whole pipeline: real index, database and Redis; the model says what we want."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import redis
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing.models import UsageEvent
from knowledge.actions import collection_create, document_change, document_delete
from knowledge.answering import cache_store as store
from knowledge.answering.allowance import Allowance
from knowledge.answering.cache import Memory, all_kept
from knowledge.answering.cache_keys import answer_key, similar_key
from knowledge.answering.pipeline import answer_question
from knowledge.answering.savings import record_saving
from knowledge.answering.spending import Spending
from knowledge.errors import ProviderUnavailable
from knowledge.models import CacheSaving, Collection, Document
from knowledge.providers.registry import chat_model_of, embedder
from knowledge.providers.scripted import Reply, ScriptedChatModel
from knowledge.providers.streams import PerLoop
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import index_version, library_of
from knowledge.tests.retrieval.test_search import HOTEL, LEAVE, Shelf
from knowledge.types import (
    AnswerEvent,
    AnswerSettings,
    Asker,
    Finished,
    ModelUsage,
    Notice,
    Question,
    Receipt,
    Role,
    SourcesFound,
    TextDelta,
    Turn,
)
from tenants.context import entered, in_tenant
from tenants.models import Organisation
from vena_platform.removal import forget_keys, keys_of

ASKED = "How many days of annual leave are there?"
SIMILAR = AnswerSettings(is_semantically_cached=True)
PAID = ModelUsage("openai", "gpt-4o", input_tokens=1000, output_tokens=100)
COST = Decimal("0.002765")  # (1000 x 2.50 + 100 x 10.00) x 0.79 / 1,000,000


@dataclass
class Given:
    """What one question came to."""

    events: list[AnswerEvent]
    receipt: Receipt
    question: Question

    @property
    def end(self) -> Finished:
        (end,) = (event for event in self.events if isinstance(event, Finished))
        return end

    @property
    def notices(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Notice)]


@pytest.fixture
def model(settings: Any) -> ScriptedChatModel:
    settings.VENA_CHAT_PROVIDER = "scripted"
    scripted = chat_model_of("scripted")
    assert isinstance(scripted, ScriptedChatModel)
    scripted.enqueue(Reply(["There are ", "28 days [1]."], usage=PAID))
    return scripted


@pytest_asyncio.fixture(autouse=True)
async def _store() -> Any:
    store.wake()
    yield
    await all_kept()
    store.wake()


Asking = Callable[..., Awaitable[Given]]


@pytest_asyncio.fixture
async def ask(live_acme: Organisation, live_globex: Organisation, make_person: Any, model: ScriptedChatModel) -> Asking:
    """Asks as a member of an organisation that has a handbook; waits until what is kept is kept."""
    people: dict[Any, User] = {}

    def prepare(organisation: Organisation) -> None:
        with entered(organisation.schema_name):
            Shelf(organisation).put("Handbook", [LEAVE, HOTEL])
        people[organisation.pk] = make_person(organisation)

    async def run(text: str = ASKED, *, of: Organisation = live_acme, **changes: Any) -> Given:
        if of.pk not in people:
            await asyncio.to_thread(prepare, of)
        asked = await in_tenant(of.schema_name, question_of, of, people[of.pk], text)
        question = replace(asked, **changes)
        receipt = Receipt()
        async with aclosing(answer_question(question, receipt)) as stream:
            events = [event async for event in stream]
        await all_kept()
        return Given(events, receipt, question)

    return run


def question_of(organisation: Organisation, person: User, text: str) -> Question:
    return Question(
        library=library_of(organisation),
        asker=Asker(person.pk, person.email),
        answer_id=uuid4(),
        text=text,
        scope=scope_of(person),
        index_version=index_version(),
    )


async def savings(organisation: Organisation) -> list[tuple[str, int, int, Decimal]]:
    rows = CacheSaving.objects.order_by("kind").values_list("kind", "hits", "tokens", "saved_gbp")
    return await in_tenant(organisation.schema_name, lambda: list(rows))


async def ledger() -> list[str]:
    return await in_tenant(
        "public", lambda: list(UsageEvent.objects.exclude(kind="embedding").values_list("kind", flat=True))
    )


async def questions_embedded() -> int:
    rows = UsageEvent.objects.filter(kind="embedding", member_label="ada@example.org")
    return await in_tenant("public", rows.count)


# -- a hit ----------------------------------------------------------------------------------------


async def test_the_same_question_is_answered_again_without_any_call(
    ask: Asking, model: ScriptedChatModel, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await ask()
    embedded, calls = await questions_embedded(), len(model.prompts)
    monkeypatch.setattr(embedder("local"), "embed_query_with_tokens", lambda text: pytest.fail("embedded"))
    monkeypatch.setattr("knowledge.answering.pipeline.searched", lambda *args, **more: pytest.fail("searched"))
    again = await ask("  how many days of annual leave are there ")
    sources, delta, end = again.events
    assert sources == next(event for event in first.events if isinstance(event, SourcesFound))
    assert isinstance(delta, TextDelta)
    assert delta.text == end.text == "There are 28 days [1]."  # type: ignore[union-attr]
    assert again.end == replace(first.end, cached=True)
    assert (again.receipt.usage, again.receipt.cost_gbp) == (PAID, Decimal(0))
    assert first.receipt.cost_gbp == COST
    assert (len(model.prompts), await questions_embedded()) == (calls, embedded)
    assert await savings(live_acme) == [("exact", 1, 1100, COST)]


async def test_each_hit_adds_to_the_days_saving(ask: Asking, live_acme: Organisation) -> None:
    await ask()
    await asyncio.gather(*(ask() for _ in range(5)))
    assert await savings(live_acme) == [("exact", 5, 5500, 5 * COST)]


async def test_a_hit_costs_one_statement_after_the_answer(ask: Asking, live_acme: Organisation) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            record_saving(kind="exact", tokens=1, saved_gbp=Decimal(1))
        return len([query for query in queries if "search_path" not in query["sql"]])

    assert await in_tenant(live_acme.schema_name, count) == 1


# -- whose ----------------------------------------------------------------------------------------


async def test_two_organisations_never_share(ask: Asking, model: ScriptedChatModel, live_globex: Organisation) -> None:
    await ask(settings=SIMILAR)
    model.enqueue("Theirs [1].")
    theirs = await ask(of=live_globex, settings=SIMILAR)
    assert (theirs.end.text, theirs.end.cached) == ("Theirs [1].", False)
    assert await savings(live_globex) == []
    assert (await ask(of=live_globex, settings=SIMILAR)).end.text == "Theirs [1]."
    assert (await ask(settings=SIMILAR)).end.text == "There are 28 days [1]."


async def test_another_scope_finds_nothing(ask: Asking, model: ScriptedChatModel, live_acme: Organisation) -> None:
    first = await ask(settings=SIMILAR)
    await in_tenant(live_acme.schema_name, lambda: collection_create(name="Board"))
    wider = await ask(settings=SIMILAR)  # the person may read one collection more now
    assert len(wider.question.scope.collection_ids) == 2
    assert not wider.end.cached
    narrow = await ask(settings=SIMILAR, scope=first.question.scope)
    assert narrow.end.cached


async def test_a_colleague_with_the_same_scope_shares_it(ask: Asking) -> None:
    await ask()
    assert (await ask(asker=Asker(uuid4(), "grace@example.org"))).end.cached


# -- changes --------------------------------------------------------------------------------------


async def test_a_deleted_document_is_not_quoted_from_the_commit_on(
    ask: Asking, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has not come to it yet."""
    monkeypatch.setattr("knowledge.actions.delay_on_commit", lambda *args, **more: None)

    def delete() -> None:
        document_delete(schema_name=live_acme.schema_name, document=Document.objects.get())

    assert (await ask()).end.text == "There are 28 days [1]."
    await in_tenant(live_acme.schema_name, delete)
    after = await ask()
    assert (after.end.cached, after.end.refused) == (False, True)
    assert "28" not in after.end.text


async def test_a_changed_document_is_shown_as_it_is_from_the_commit_on(
    ask: Asking, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.actions.delay_on_commit", lambda *args, **more: None)

    def change(field: str) -> None:
        values = {"title": "Renamed", "tags": ["hr"], "collection": Collection.objects.create(name=f"For {field}")}
        document_change(schema_name=live_acme.schema_name, document=Document.objects.get(), **{field: values[field]})

    scope = (await ask()).question.scope
    for field in ("title", "tags", "collection"):
        assert (await ask(scope=scope)).end.cached
        await in_tenant(live_acme.schema_name, change, field)
        assert not (await ask(scope=scope)).end.cached


async def test_another_policy_finds_nothing(ask: Asking) -> None:
    await ask()
    for policy in (AnswerSettings(is_cached=False), AnswerSettings(instructions="X"), AnswerSettings(arm_id=uuid4())):
        assert not (await ask(settings=policy)).end.cached
    assert (await ask()).end.cached


async def test_another_answer_is_another_answer_and_takes_the_place_of_the_first(
    ask: Asking, model: ScriptedChatModel
) -> None:
    await ask()
    model.enqueue("Some [1].")
    other = await ask(wants_another=True)
    assert (other.end.text, other.end.cached) == ("Some [1].", False)
    again = await ask()
    assert (again.end.text, again.end.cached) == ("Some [1].", True)


# -- what is not kept -----------------------------------------------------------------------------


def cache_keys(organisation: Organisation) -> list[str]:
    return [key for key in keys_of(organisation.schema_name) if ":cache:" in key]


async def test_what_was_refused_stopped_failed_or_switched_off_is_not_kept(
    ask: Asking, model: ScriptedChatModel, live_acme: Organisation
) -> None:
    asked = await ask(settings=AnswerSettings(is_cached=False))
    question = replace(asked.question, settings=AnswerSettings(), answer_id=uuid4())
    async with aclosing(answer_question(question, Receipt())) as stream:
        async for event in stream:
            if isinstance(event, TextDelta):
                break
    model.fail(ProviderUnavailable(), text="There are 28", after=2)
    with pytest.raises(ProviderUnavailable):
        await ask()
    await in_tenant(live_acme.schema_name, lambda: Document.objects.update(state=Document.State.DELETING))
    assert (await ask()).end.refused
    assert cache_keys(live_acme) == []


async def test_what_was_made_with_something_missing_is_not_kept(
    ask: Asking, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(text: str) -> None:
        raise ProviderUnavailable

    monkeypatch.setattr(embedder("local"), "embed_query_with_tokens", away)
    given = await ask("annual leave")
    assert given.notices == ["keyword_search_only"]
    assert not given.end.refused
    assert cache_keys(live_acme) == []


async def test_a_long_answer_is_not_kept(ask: Asking, live_acme: Organisation, settings: Any) -> None:
    settings.VENA_ANSWER_CACHE_BYTES = 100
    await ask()
    assert cache_keys(live_acme) == []


async def test_a_follow_up_neither_reads_nor_writes_under_its_own_words(
    ask: Asking, model: ScriptedChatModel, live_acme: Organisation
) -> None:
    await ask()
    kept = cache_keys(live_acme)
    follow_up = await ask(history=(Turn(Role.USER, "I earn 30 pounds."), Turn(Role.ASSISTANT, "Good.")))
    assert not follow_up.end.cached
    assert cache_keys(live_acme) == kept


def memory_of(question: Question) -> Memory:
    spending = Spending(question.library.tenant, question.asker, question.answer_id)
    return Memory(question, Receipt(), spending, Allowance(question, spending))


async def test_a_follow_up_that_was_made_to_stand_alone_is_served_but_not_kept(
    ask: Asking, live_acme: Organisation
) -> None:
    first = await ask()
    kept = cache_keys(live_acme)
    question = replace(first.question, text="And how many are there?", history=(Turn(Role.USER, "Leave?"),))
    memory = memory_of(question)
    events = [event async for event in memory.rewritten(ASKED)]
    assert events[-1] == replace(first.end, cached=True, asked_as=ASKED)
    assert [event async for event in memory.rewritten("Something else?")] == []
    assert cache_keys(live_acme) == kept


# -- a store that is broken -----------------------------------------------------------------------


async def test_a_corrupt_value_is_a_miss_and_is_replaced(ask: Asking, settings: Any) -> None:
    key = answer_key((await ask()).question)
    client: Any = redis.Redis.from_url(settings.REDIS_URL)
    for value in (b"", b"nonsense", b"\x00" * 500, client.get(key)[:-9]):
        client.set(key, value)
        assert not (await ask()).end.cached
        assert (await ask()).end.cached
    client.close()


async def test_without_redis_questions_are_answered(
    ask: Asking, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(store, "_clients", PerLoop(store._connect))
    for _ in range(2):
        given = await ask(settings=SIMILAR)
        assert (given.end.text, given.end.cached) == ("There are 28 days [1].", False)
    assert store.is_resting()


# -- similar questions ----------------------------------------------------------------------------


async def test_a_similar_question_is_answered_and_says_so(
    ask: Asking, model: ScriptedChatModel, live_acme: Organisation
) -> None:
    await ask(settings=SIMILAR)
    calls, embedded = len(model.prompts), await questions_embedded()
    given = await ask("How many days of the annual leave are there", settings=SIMILAR)
    assert given.notices == ["similar_question"]
    assert given.end.cached
    assert ASKED in given.events[0].detail  # type: ignore[union-attr]
    assert len(model.prompts) == calls
    assert await questions_embedded() == embedded + 1  # finding it needed a vector, and that is metered
    assert await savings(live_acme) == [("semantic", 1, 1100, COST)]


async def test_a_question_that_only_looks_similar_is_not(ask: Asking) -> None:
    await ask(settings=SIMILAR)
    for text in ("How many days of annual leave are there in 2025?", "How many days of sick leave are there?"):
        assert not (await ask(text, settings=SIMILAR)).end.cached
    assert not (await ask("How many days of the annual leave are there")).end.cached  # not chosen


async def test_a_miss_embeds_the_question_once(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await questions_embedded()
    real, seen = embedder("local").embed_query_with_tokens, []  # type: ignore[attr-defined]

    async def watched(text: str) -> Any:
        seen.append(text)
        return await real(text)

    monkeypatch.setattr(embedder("local"), "embed_query_with_tokens", watched)
    await ask(settings=SIMILAR)
    assert seen == [ASKED]
    assert await questions_embedded() == before + 1


async def test_only_the_newest_questions_are_compared(ask: Asking, settings: Any) -> None:
    settings.VENA_SIMILAR_QUESTIONS = 2
    for text in (ASKED, "What may a hotel cost?", "What may a hotel in Edinburgh cost?"):
        given = await ask(text, settings=SIMILAR)
    records = await store.remembered(similar_key(given.question), 384)
    assert [digest.decode() for digest in records["digest"]][0] == answer_key(given.question).rpartition(":")[2]
    assert len(records) == 2
    assert not (await ask("How many days of the annual leave are there", settings=SIMILAR)).end.cached


# -- forgetting -----------------------------------------------------------------------------------


async def test_a_bad_answer_is_forgotten_by_whoever_got_it(
    ask: Asking, live_acme: Organisation, live_globex: Organisation
) -> None:
    first = await ask()
    second = await ask()
    assert second.end.cached
    assert not store.forget_answer(live_globex.schema_name, second.question.answer_id)
    assert store.forget_answer(live_acme.schema_name, second.question.answer_id)
    assert not store.forget_answer(live_acme.schema_name, first.question.answer_id)  # it was the same one
    assert not (await ask()).end.cached


async def test_the_command_forgets_one_organisations_answers(
    ask: Asking, live_acme: Organisation, live_globex: Organisation
) -> None:
    await ask(settings=SIMILAR)
    await ask("What may a hotel cost?", settings=SIMILAR)
    await ask(of=live_globex)
    said = StringIO()
    await asyncio.to_thread(call_command, "forget_answers", "acme", stdout=said)
    assert said.getvalue() == "2 cached answers of acme are forgotten.\n"
    assert cache_keys(live_acme) == []
    assert (await ask(of=live_globex)).end.cached


async def test_removing_an_organisation_removes_its_answers_and_others_go_in_time(
    ask: Asking, live_acme: Organisation, live_globex: Organisation, settings: Any
) -> None:
    await ask(settings=SIMILAR)
    await ask(of=live_globex, settings=SIMILAR)
    assert len(cache_keys(live_acme)) == 3
    forget_keys(live_acme.schema_name)
    assert cache_keys(live_acme) == []
    client = redis.Redis.from_url(settings.REDIS_URL)
    lives = [client.ttl(key) for key in cache_keys(live_globex)]
    client.close()
    assert len(lives) == 3
    assert all(0 < life <= settings.VENA_ANSWER_CACHE_SECONDS for life in lives)
