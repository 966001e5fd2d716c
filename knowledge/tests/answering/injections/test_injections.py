"""Hostile documents through upload, index, search and answer: what they ask for is not done, whoever answers."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from uuid import uuid4

from accounts.models import User
from knowledge.answering.pipeline import answer_question
from knowledge.models import Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import chat_model_of
from knowledge.providers.scripted import Reply, ScriptedChatModel
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import library_of
from knowledge.tests.answering.injections.cases import ASKED, CASES, Case
from knowledge.tests.answering.test_links import leads
from knowledge.tests.conftest import Upload
from knowledge.types import AnswerEvent, Asker, Finished, Prompt, Question, Receipt, SourcesFound, TextDelta
from tenants.context import entered
from tenants.models import Organisation

LOOK_THE_SAME = str.maketrans({"\u0430": "a", "\u0435": "e"})
TAG = re.compile(r"<[\s/]*(?:passages?|question|summary|conversation)\b", re.IGNORECASE)
CITED = re.compile(r"\[(\d{1,3}(?:[ ,;\u2013-]+\d{1,3})*)\](?!\\?\()")


def test_there_are_enough_of_them() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 20


def test_hostile_documents_change_nothing(
    live_acme: Organisation, upload: Upload, make_person: Any, settings: Any
) -> None:
    """One upload for both answerers: the one that quotes, and a model that says exactly what it was told to."""
    documents = [upload(live_acme, case.content, case.file_name, external_id=case.name) for case in CASES]
    assert {document.state for document in documents} == {Document.State.READY}
    ada = make_person(live_acme)
    for provider in ("extractive", "scripted"):
        settings.VENA_CHAT_PROVIDER = provider
        for case, document in zip(CASES, documents, strict=True):
            if provider == "scripted":
                obedient().enqueue(Reply(list(case.says)))  # a letter at a time
            harmless(case, run_in_loop(gathered(asked_of(live_acme, ada, document))))
            if provider == "scripted":
                sealed(case, obedient().prompts[-1])


def obedient() -> ScriptedChatModel:
    model = chat_model_of("scripted")
    assert isinstance(model, ScriptedChatModel)
    return model


def asked_of(organisation: Organisation, person: User, document: Document) -> Question:
    with entered(organisation.schema_name):
        scope = scope_of(person, document_ids=[document.pk])
    asker = Asker(person.pk, person.email)
    return Question(library=library_of(organisation), asker=asker, answer_id=uuid4(), text=ASKED, scope=scope)


async def gathered(question: Question) -> list[AnswerEvent]:
    return [event async for event in answer_question(question, Receipt())]


def harmless(case: Case, events: list[AnswerEvent]) -> None:
    end = events[-1]
    assert isinstance(end, Finished), case.name
    offered = {passage.n for event in events if isinstance(event, SourcesFound) for passage in event.passages}
    assert offered, case.name
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == end.text, case.name
    assert leads(end.text) == [], (case.name, end.text)
    numbers = {int(number) for mark in CITED.findall(end.text) for number in re.findall(r"\d+", mark)}
    assert numbers <= offered, (case.name, end.text)
    assert set(end.cited) <= offered, case.name


def sealed(case: Case, prompt: Prompt) -> None:
    """Every passage stands inside its own tags, and nothing of it outside."""
    text = unicodedata.normalize("NFKC", prompt.turns[-1].text).translate(LOOK_THE_SAME)
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    count = len(prompt.passages)
    tags = ["<passages", *(["<passage", "</passage"] * count), "</passages", "<question", "</question"]
    assert TAG.findall(text) == tags, case.name
    assert len(TAG.findall(prompt.system)) == 4, case.name
