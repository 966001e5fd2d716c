"""Two organisations with the same words: nothing of one is found, read, changed or deleted from the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.permissions import Role
from knowledge import tasks
from knowledge.models import Collection, Document
from knowledge.moving import move_vectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.tests.conftest import Upload
from knowledge.types import Passage, Placement, SearchScope
from tenants.context import entered
from tenants.models import Organisation

SECRET = b"# Merger\n\nThe merger with Initech is secret until the ninth of March."


def find(organisation: Organisation, text: str, scope: SearchScope) -> tuple[Passage, ...]:
    return run_in_loop(retrieve(library_of(organisation), text, scope)).passages


def everything(organisation: Organisation, user: User) -> SearchScope:
    with entered(organisation.schema_name):
        return scope_of(user)


@pytest.mark.parametrize("placement", list(Placement))
def test_search_never_crosses_organisations(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Any, placement: Placement
) -> None:
    Organisation.objects.filter(pk__in=[live_acme.pk, live_globex.pk]).update(vector_placement=placement)
    live_acme.refresh_from_db()
    live_globex.refresh_from_db()
    ada, grace = make_person(live_acme), make_person(live_globex)
    upload(live_acme, SECRET, "merger.md")
    upload(live_globex)
    question = "When does the merger with Initech become public?"
    ours = everything(live_acme, ada)
    assert find(live_acme, question, ours)[0].title == "merger"
    assert all(passage.title == "handbook" for passage in find(live_globex, question, everything(live_globex, grace)))
    # Even with the other organisation's collection ids in hand.
    assert find(live_globex, question, ours) == ()


def test_a_task_named_for_one_organisation_cannot_touch_the_others_document(
    live_acme: Organisation, live_globex: Organisation, upload: Upload
) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        Document.objects.update(state=Document.State.DELETING)
    tasks.forget_document(schema_name=live_globex.schema_name, document_id=str(document.pk))
    tasks.relabel_document(schema_name=live_globex.schema_name, document_id=str(document.pk))
    tasks.reconcile_organisation(schema_name=live_globex.schema_name)
    with entered(live_acme.schema_name):
        assert Document.objects.filter(pk=document.pk).exists()
    assert run_in_loop(vector_index().point_ids(library_of(live_acme).space, document.pk))


def test_a_task_without_organisation_is_an_error() -> None:
    with pytest.raises(TypeError):
        tasks.forget_document.delay(document_id="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        tasks.work_on_documents.delay()  # type: ignore[call-arg]


def test_ids_of_one_organisation_open_nothing_in_the_other(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Any, on_host: Any
) -> None:
    document = upload(live_acme, SECRET, "merger.md")
    make_person(live_globex, "grace@example.org", Role.OWNER)
    browser = on_host(live_globex)
    browser.sign_in("grace@example.org")
    collection = document.collection_id
    refused = {
        "page": browser.get(f"/documents/{document.pk}/").status_code,
        "file": browser.get(f"/documents/{document.pk}/file/").status_code,
        "api": browser.get(f"/api/v1/documents/{document.pk}/").status_code,
        "content": browser.get(f"/api/v1/documents/{document.pk}/content/").status_code,
        "retry": browser.post(f"/api/v1/documents/{document.pk}/retry/").status_code,
        "cancel": browser.post(f"/api/v1/documents/{document.pk}/cancel/").status_code,
        "reindex": browser.post(f"/api/v1/documents/{document.pk}/reindex/").status_code,
        "restore": browser.post(f"/api/v1/documents/{document.pk}/versions/1/restore/").status_code,
        "versions": browser.get(f"/api/v1/documents/{document.pk}/versions/").status_code,
        "attempts": browser.get(f"/api/v1/documents/{document.pk}/attempts/").status_code,
        "section": browser.get(f"/api/v1/documents/{document.pk}/sections/0/").status_code,
        "change": browser.patch(
            f"/api/v1/documents/{document.pk}/", {"title": "Mine"}, content_type="application/json"
        ).status_code,
        "parts": browser.get("/api/v1/documents/", {"parent": str(document.pk)}).status_code,
        "settings": browser.patch(
            f"/api/v1/collections/{collection}/", {"name": "Mine"}, content_type="application/json"
        ).status_code,
        "estimate": browser.get(f"/api/v1/collections/{collection}/context-estimate/").status_code,
        "bulk": browser.post(
            "/api/v1/documents/reindex/", {"collection": str(collection)}, content_type="application/json"
        ).status_code,
        "delete": browser.delete(f"/api/v1/documents/{document.pk}/").status_code,
        "collection": browser.get(f"/api/v1/collections/{collection}/").status_code,
        "list": browser.get("/api/v1/documents/", {"collection": str(collection)}).status_code,
        "upload": browser.post(
            "/api/v1/documents/", {"collection": str(collection), "file": SimpleUploadedFile("a.md", b"# a")}
        ).status_code,
    }
    assert refused == dict.fromkeys(refused, 404)
    answer = browser.post(
        "/api/v1/search/", {"query": "merger", "collections": [str(collection)]}, content_type="application/json"
    )
    assert answer.json()["results"] == []
    with entered(live_acme.schema_name):
        assert Document.objects.get().state == Document.State.READY


def test_a_question_limited_to_one_collection_stays_there(
    live_acme: Organisation, upload: Upload, make_person: Callable[..., User]
) -> None:
    ada = make_person(live_acme)
    upload(live_acme)
    upload(live_acme, SECRET, "merger.md", collection="Board")
    with entered(live_acme.schema_name):
        documents = Collection.objects.get(name="Documents")
        scope = scope_of(ada, [documents.pk])
    assert {passage.title for passage in find(live_acme, "merger with Initech", scope)} == {"handbook"}


def test_a_document_that_is_not_ready_is_not_quoted(
    live_acme: Organisation, upload: Upload, make_person: Callable[..., User]
) -> None:
    ada = make_person(live_acme)
    document = upload(live_acme, SECRET, "merger.md")
    assert find(live_acme, "merger", everything(live_acme, ada))
    with entered(live_acme.schema_name):
        Document.objects.filter(pk=document.pk).update(state=Document.State.DELETING)
    assert find(live_acme, "merger", everything(live_acme, ada)) == ()


def test_moving_between_placements_keeps_every_vector_and_no_others(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Callable[..., User]
) -> None:
    ada = make_person(live_acme)
    upload(live_acme, SECRET, "merger.md")
    upload(live_globex)
    before = run_in_loop(vector_index().point_ids(library_of(live_acme).space))
    for placement in (Placement.SHARED, Placement.DEDICATED):
        assert run_in_loop(move_vectors(live_acme, placement)) == len(before)
        live_acme.refresh_from_db()
        assert live_acme.vector_placement == placement
        assert run_in_loop(vector_index().point_ids(library_of(live_acme).space)) == before
        assert find(live_acme, "merger", everything(live_acme, ada))[0].title == "merger"
    assert run_in_loop(vector_index().count(library_of(live_globex).space)) > 0


async def test_searches_of_two_organisations_at_once_do_not_mix(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, make_person: Callable[..., User]
) -> None:
    def prepare() -> dict[str, Any]:
        upload(live_acme, SECRET, "merger.md")
        upload(live_globex)
        people = {row: make_person(row) for row in (live_acme, live_globex)}
        return {row.slug: (library_of(row), everything(row, person)) for row, person in people.items()}

    wanted = await asyncio.to_thread(prepare)
    found = await asyncio.gather(*(retrieve(*_ask(wanted[slug])) for slug in ("acme", "globex") * 10))
    titles = [{passage.title for passage in result.passages} for result in found]
    assert titles == [{"merger"}, {"handbook"}] * 10


def _ask(wanted: tuple[Any, SearchScope]) -> tuple[Any, str, SearchScope]:
    library, scope = wanted
    return library, "merger and holidays", scope
