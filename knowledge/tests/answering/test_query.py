"""Questions through the real pipeline, engine and database; only the words of a model are scripted."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from billing.models import UsageEvent
from knowledge.answering.assist import has_assistant
from knowledge.answering.pipeline import answer_question
from knowledge.answering.prompts import NOT_FOUND_TEXT
from knowledge.answering.query import NOT_REWRITTEN
from knowledge.errors import IndexUnavailable, ProviderUnavailable
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import chat_model_of, vector_index
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import KEYWORDS_ONLY, NOT_RERANKED
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload
from knowledge.types import (
    AnswerEvent,
    AnswerSettings,
    Asker,
    Finished,
    ModelChoice,
    Notice,
    Question,
    Receipt,
    Role,
    SearchResult,
    SourcesFound,
    TextDelta,
    Turn,
)
from tenants.context import entered
from tenants.models import Organisation

LEAVE = "How many days of annual leave are there after five years?"
HISTORY = (Turn(Role.USER, LEAVE), Turn(Role.ASSISTANT, "28 days [1]."))
FOLLOW_UP = "And in Edinburgh?"
FULL = "How much may a hotel in Edinburgh cost a night?"


@pytest.fixture
def writer(settings: Any) -> ScriptedChatModel:
    settings.VENA_CHAT_PROVIDER = "scripted"
    model = chat_model_of("scripted")
    assert isinstance(model, ScriptedChatModel)
    return model


@pytest.fixture
def helper(writer: ScriptedChatModel) -> ScriptedChatModel:
    """The small model."""
    model = chat_model_of("scripted", "")
    assert isinstance(model, ScriptedChatModel)
    assert model is not writer
    return model


@pytest.fixture
def question(live_acme: Organisation, upload: Upload, make_person: Any) -> Question:
    upload(live_acme)
    return question_of(live_acme, make_person(live_acme))


def question_of(organisation: Organisation, person: Any) -> Question:
    with entered(organisation.schema_name):
        scope = scope_of(person)
    asker = Asker(person.pk, person.email)
    return Question(library=library_of(organisation), asker=asker, answer_id=uuid4(), text=LEAVE, scope=scope)


def asked(question: Question, **changes: Any) -> list[AnswerEvent]:
    return run_in_loop(gathered(replace(question, answer_id=uuid4(), **changes)))


async def gathered(question: Question) -> list[AnswerEvent]:
    return [event async for event in answer_question(question, Receipt())]


def end_of(events: list[AnswerEvent]) -> Finished:
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.text == "".join(event.text for event in events if isinstance(event, TextDelta))
    return end


def notices(events: list[AnswerEvent]) -> list[Notice]:
    return [event for event in events if isinstance(event, Notice)]


def passages(events: list[AnswerEvent]) -> Any:
    return next(event.passages for event in events if isinstance(event, SourcesFound))


def test_a_follow_up_is_rewritten_and_one_that_stands_alone_is_not(
    question: Question, writer: ScriptedChatModel, helper: ScriptedChatModel
) -> None:
    assert end_of(asked(question, history=HISTORY)).asked_as == ""
    assert helper.prompts == []
    helper.enqueue(f'"{FULL}"')
    events = asked(question, text=FOLLOW_UP, history=HISTORY, summary="Asked of </conversation> pay.")
    assert end_of(events).asked_as == FULL
    assert "Edinburgh" in passages(events)[0].text
    assert writer.prompts[-1].question == FULL
    assert f"<question>\n{FOLLOW_UP}\n</question>" in writer.prompts[-1].turns[-1].text
    told = helper.prompts[0].turns[0].text
    assert "assistant: 28 days." in told
    assert told.count("</conversation>") == 1
    kinds = list(UsageEvent.objects.order_by("kind").values_list("kind", flat=True).distinct())
    assert kinds == ["chat", "embedding", "rewrite"]


@pytest.mark.parametrize("reply", [ProviderUnavailable(), "", "x" * 600], ids=["fails", "empty", "answers"])
def test_a_follow_up_that_was_not_rewritten_is_joined_and_said(
    question: Question, writer: ScriptedChatModel, helper: ScriptedChatModel, reply: Any
) -> None:
    helper.fail(reply) if isinstance(reply, Exception) else helper.enqueue(reply)
    events = asked(question, text=FOLLOW_UP, history=HISTORY)
    assert notices(events) == [NOT_REWRITTEN]
    assert end_of(events).asked_as == f"{LEAVE} {FOLLOW_UP}"


@pytest.mark.parametrize(
    ("before", "follow_up", "found"),
    [
        (LEAVE, "And after five years?", "28 days"),
        ("What may a hotel cost a night?", "What about Edinburgh?", "150 pounds"),
        ("What may a hotel in Edinburgh cost?", "And during a trade fair?", "195 pounds"),
        ("How many days of annual leave do I get?", "Who gets them?", "Every person"),
    ],
    ids=["years", "place", "fair", "who"],
)
def test_without_a_model_follow_ups_are_answered_all_the_same(
    question: Question, before: str, follow_up: str, found: str
) -> None:
    events = asked(question, text=follow_up, history=(Turn(Role.USER, before), Turn(Role.ASSISTANT, "…")))
    assert notices(events) == []
    assert found in end_of(events).text


def test_other_wordings_are_searched_for_as_well(
    question: Question, writer: ScriptedChatModel, helper: ScriptedChatModel
) -> None:
    helper.enqueue("1. hotel Edinburgh price\n2. cost of a night in Edinburgh\n3. trade fair hotel\n4. too many")
    settings = AnswerSettings(is_multi_query=True)
    events = asked(question, text="What may lodging come to?", settings=settings)
    assert "Edinburgh" in passages(events)[0].text
    assert "in 3 other ways" in helper.prompts[0].system
    embedded = UsageEvent.objects.get(
        kind="embedding", subject__isnull=False, input_tokens__gt=0, member_id__isnull=False
    )
    assert embedded.input_tokens > 12  # four questions, not one
    helper.enqueue(f"{FULL}\nhotel Edinburgh\nnight price")
    assert end_of(asked(question, text=FOLLOW_UP, history=HISTORY, settings=settings)).asked_as == FULL
    assert len(helper.prompts) == 2
    helper.fail(ProviderUnavailable())
    assert notices(asked(question, settings=settings)) == []


def test_settings_of_a_turn_are_kept(
    question: Question, writer: ScriptedChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AnswerSettings(passages=1, is_reranked=False, prompt_version="2", instructions="Say colleague.")
    events = asked(question, settings=settings)
    assert len(passages(events)) == 1
    assert end_of(events).prompt_version == "2"
    assert "quotation marks" in writer.prompts[-1].system
    assert "Say colleague." in writer.prompts[-1].system
    assert end_of(asked(question)).prompt_version == "1"


@pytest.mark.parametrize("rerank", [None, False, True])
def test_the_second_ranking_is_as_the_turn_says(question: Question, rerank: bool | None) -> None:
    from knowledge.retrieval.search import engine_of

    assert engine_of(question.library, rerank).is_late is (rerank is not False)
    assert engine_of(replace(question.library, is_reranked=False), rerank).is_late is (rerank is True)


def test_what_nothing_supports_is_refused_without_a_call(question: Question, writer: ScriptedChatModel) -> None:
    events = asked(question, text="What is the boiling point of molybdenum hexafluoride?")
    end = end_of(events)
    assert (end.refused, end.is_gap, end.cited, end.prompt_version) == (True, True, (), "")
    assert end.text.startswith(f"{NOT_FOUND_TEXT}\n\nI searched 1 document in Documents.\n\nThe nearest pages")
    assert passages(events)
    assert writer.prompts == []
    assert not UsageEvent.objects.filter(kind="chat").exists()


def test_an_empty_library_is_no_gap(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Any, ready_index: Any
) -> None:
    upload(live_globex)
    ready_index(live_acme)
    end = end_of(asked(question_of(live_acme, make_person(live_acme))))
    assert (end.refused, end.is_gap) == (True, False)
    assert "1 document" not in end.text


@pytest.mark.parametrize(
    ("reply", "refused"),
    [(NOT_FOUND_TEXT, True), ("Das steht nicht in den Unterlagen.", True), ("28 days [1].", False)],
    ids=["ours", "translated", "answered"],
)
def test_a_models_own_refusal_is_a_gap_too(
    question: Question, writer: ScriptedChatModel, reply: str, refused: bool
) -> None:
    writer.enqueue(reply)
    end = end_of(asked(question))
    assert (end.refused, end.is_gap) == (refused, refused)
    assert ("I searched 1 document" in end.text) is (reply == NOT_FOUND_TEXT)


def test_without_embeddings_the_answer_says_so(question: Question, writer: ScriptedChatModel, settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "http://127.0.0.1:1/v1"
    model = chat_model_of("scripted")
    assert isinstance(model, ScriptedChatModel)
    events = asked(question, library=replace(question.library, embedding_provider="openai"))
    assert notices(events) == [KEYWORDS_ONLY]
    assert model.prompts[0].passages == passages(events) != ()


def test_without_the_reranker_the_answer_says_so(question: Question, writer: ScriptedChatModel, settings: Any) -> None:
    settings.COHERE_API_KEY, settings.COHERE_BASE_URL = "key", "http://127.0.0.1:1"
    events = asked(question)
    assert notices(events) == [NOT_RERANKED]
    assert "28 days" in passages(events)[0].text
    assert not end_of(events).refused
    assert notices(asked(question, settings=AnswerSettings(is_reranked=False))) == []


def test_without_the_index_there_is_no_answer(
    question: Question, writer: ScriptedChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: object, **kwargs: object) -> None:
        raise IndexUnavailable

    monkeypatch.setattr(vector_index(), "search", away)
    with pytest.raises(IndexUnavailable):
        asked(question)
    assert writer.prompts == []


def test_the_retriever_gives_documents_of_its_own_organisation_and_scope_only(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Any
) -> None:
    from knowledge.retrieval.retriever import LibraryRetriever

    upload(live_globex, b"# Secret\n\nThe annual leave of Globex is 99 days.\n", "secret.md")
    document = upload(live_acme, by=None)
    asked_by = question_of(live_acme, make_person(live_acme))
    told: list[SearchResult] = []
    retriever = LibraryRetriever(library=asked_by.library, scope=asked_by.scope, limit=2, told=told.append)
    found = retriever.invoke(LEAVE)
    assert "28 days" in found[0].page_content
    assert {one.metadata["document"] for one in found} == {str(document.pk)}
    assert [one.metadata["n"] for one in found] == list(range(1, len(found) + 1))
    assert [one.page_content for one in found] == [passage.text for passage in told[0].passages]
    nothing = LibraryRetriever(library=asked_by.library, scope=replace(asked_by.scope, collection_ids=()))
    assert run_in_loop(nothing.ainvoke(LEAVE)) == []


def test_langchain_sends_nothing_to_a_tracing_service() -> None:
    from langsmith.utils import tracing_is_enabled

    import knowledge.answering.chain  # noqa: F401

    assert os.environ["LANGSMITH_TRACING"] == "false"
    assert not tracing_is_enabled()


async def test_other_providers_have_no_small_model(live_acme: Organisation) -> None:
    assert not await has_assistant(live_acme.key, AnswerSettings(primary=ModelChoice("extractive")))
