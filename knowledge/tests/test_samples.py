"""The invented company's handbook: every golden question finds its passage, on its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from knowledge.models import Document
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload
from tenants.context import entered
from tenants.models import Organisation

SAMPLES = Path(settings.BASE_DIR) / "samples"


def squeezed(text: str) -> str:
    return " ".join(text.replace("|", " ").split())


def test_every_golden_question_finds_its_passage(live_acme: Organisation, upload: Upload, make_person: Any) -> None:
    ada = make_person(live_acme)
    for path in sorted((SAMPLES / "handbook").iterdir()):
        assert upload(live_acme, path.read_bytes(), path.name).state == Document.State.READY
    library = library_of(live_acme)
    with entered(live_acme.schema_name):
        scope = scope_of(ada)
    missed = []
    for golden in json.loads((SAMPLES / "golden_questions.json").read_text()):
        passages = run_in_loop(retrieve(library, golden["question"], scope)).passages
        stem = Path(golden["file"]).stem
        found = [
            passage
            for passage in passages
            if passage.title == stem
            and (golden.get("page") in {None, passage.page})
            and squeezed(golden["answer_contains"]) in squeezed(passage.text)
        ]
        if not found:
            missed.append(golden["question"])
    assert missed == []


def test_suggested_questions_are_shown_while_the_samples_are_there(
    live_acme: Organisation, upload: Upload, make_person: Any, on_host: Any
) -> None:
    make_person(live_acme, "ada@example.org")
    browser = on_host(live_acme)
    browser.sign_in("ada@example.org")
    assert browser.get("/").context["suggestions"] == []
    for path in sorted((SAMPLES / "handbook").iterdir()):
        upload(live_acme, path.read_bytes(), path.name)
    shown = browser.get("/").context["suggestions"]
    assert shown == json.loads((SAMPLES / "suggested_questions.json").read_text())
