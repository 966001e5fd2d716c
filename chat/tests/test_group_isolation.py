"""A closed collection: whoever is in none of its groups never finds, lists, opens, is quoted or measures with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import Group, User
from accounts.permissions import Role
from billing.budgets import forget_budgets
from billing.models import Budget
from chat.actions import question_accept
from chat.models import Feedback, KnowledgeGap
from chat.protocol import Ask
from chat.tests.conftest import Ready
from chat.tests.stored import cite, talk
from chat.tests.web import web
from knowledge.actions import document_upload
from knowledge.evaluation import golden
from knowledge.evaluation.actions import evaluation_start
from knowledge.evaluation.matching import Target
from knowledge.models import Collection, Document
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.retrieval.scope import scope_of
from knowledge.selectors import library_of
from tenants.context import entered, in_tenant
from tenants.models import Organisation

SECRET = b"# Merger\n\n" + b"The merger with Initech is secret until the ninth of March, and nobody may tell. " * 4
OPEN = b"# Holidays\n\nEvery person has 28 days of annual leave after five years of service.\n"
WORD = "Initech"


@dataclass
class Scene:
    organisation: Organisation
    group: Group
    board: Collection
    secret: Document
    ada: User  # of the board
    bob: User  # an editor, of another group
    olga: User  # the owner, of no group


@pytest.fixture
def scene(live_acme: Organisation, ready_index: Any, make_person: Callable[..., User]) -> Scene:
    ready_index(live_acme)
    ada = make_person(live_acme, "ada@acme.example", Role.EDITOR)
    bob = make_person(live_acme, "bob@acme.example", Role.EDITOR)
    olga = make_person(live_acme, "olga@acme.example", Role.OWNER)
    with entered(live_acme.schema_name):
        group, other = Group.objects.create(name="Board"), Group.objects.create(name="Sales")
        group.members.add(ada)
        other.members.add(bob)
        board = Collection.objects.create(name="Board papers", access=Collection.Access.GROUPS)
        board.readers.add(group)
        documents = Collection.objects.create(name="Documents")
        secret = put(live_acme, board, "merger.md", SECRET)
        put(live_acme, documents, "handbook.md", OPEN)
    return Scene(live_acme, group, board, secret, ada, bob, olga)


def put(organisation: Organisation, collection: Collection, name: str, content: bytes) -> Document:
    return document_upload(
        schema_name=organisation.schema_name,
        collection=collection,
        uploaded_by=None,
        file=SimpleUploadedFile(name, content),
    )


@pytest.fixture
def browser(scene: Scene, on_host: Any) -> Callable[[User], Any]:
    def make(user: User) -> Any:
        host = on_host(scene.organisation)
        with entered(scene.organisation.schema_name):
            host.force_login(user)
        return host

    return make


def post(host: Any, path: str, body: dict[str, Any]) -> Any:
    return host.post(path, body, content_type="application/json")


def test_it_is_not_there_for_others(scene: Scene, browser: Callable[[User], Any]) -> None:
    document, board = f"/api/v1/documents/{scene.secret.pk}/", f"/api/v1/collections/{scene.board.pk}/"
    opened = [
        document,
        f"{document}versions/",
        f"{document}attempts/",
        f"{document}sections/0/",
        f"{document}content/",
        board,
        f"/api/v1/documents/?collection={scene.board.pk}",
        f"/documents/{scene.secret.pk}/",
        f"/documents/{scene.secret.pk}/file/",
        f"/documents/{scene.secret.pk}/passage/?chunk=0",
    ]
    changed = [f"{document}{act}/" for act in ("retry", "cancel", "reindex", "versions/1/restore")]
    ada = browser(scene.ada)
    assert {path: ada.get(path).status_code for path in opened} == dict.fromkeys(opened, 200)
    for person in (scene.bob, scene.olga):
        host = browser(person)
        assert {path: host.get(path).status_code for path in opened} == dict.fromkeys(opened, 404)
        assert {path: host.post(path).status_code for path in changed} == dict.fromkeys(changed, 404)
        assert host.delete(document).status_code == 404
        upload = {"collection": str(scene.board.pk), "file": SimpleUploadedFile("a.md", b"# a")}
        assert host.post("/api/v1/documents/", upload).status_code == 404


def test_it_is_in_no_list_of_others(scene: Scene, browser: Callable[[User], Any]) -> None:
    with entered(scene.organisation.schema_name):
        target = [Target(scene.secret.pk, "secret until the ninth of March")]
        golden.golden_question_add(user=scene.ada, text=f"When is {WORD} public?", targets=target)
        evaluation_start(user=scene.ada, library=library_of(scene.organisation))
        near = {"document": str(scene.secret.pk), "title": "merger", "page": None, "similarity": 0.5}
        KnowledgeGap.objects.create(topic="Something else", nearest=[near])
        answer = talk(scene.ada, ("Said?", f"{WORD} is bought [1]."), shared_at=timezone.now()).leaf
        assert answer
        cite(answer, scene.secret.pk, titles=["merger"])
        Feedback.objects.create(message=answer, rating=Feedback.Rating.GOOD)
        shared = answer.conversation_id
    browsers = {"ada": browser(scene.ada), "bob": browser(scene.bob), "olga": browser(scene.olga)}
    run = browsers["ada"].get("/api/v1/evaluations/").json()["results"][0]["id"]
    search = {"query": f"the merger with {WORD}", "collections": [str(scene.board.pk)]}
    lists: dict[str, Callable[[Any], Any]] = {
        "collections": lambda host: host.get("/api/v1/collections/"),
        "documents": lambda host: host.get("/api/v1/documents/"),
        "documents by words": lambda host: host.get("/api/v1/documents/?q=merger"),
        "documents page": lambda host: host.get("/documents/"),
        "chat page": lambda host: host.get("/"),
        "search": lambda host: post(host, "/api/v1/search/", {"query": search["query"]}),
        "search there": lambda host: post(host, "/api/v1/search/", search),
        "search in it": lambda host: post(
            host, "/api/v1/search/", {"query": search["query"], "documents": [str(scene.secret.pk)]}
        ),
        "explained": lambda host: post(host, "/api/v1/search/explain/", {"query": search["query"]}),
        "golden": lambda host: host.get("/api/v1/golden-questions/"),
        "golden file": lambda host: host.get("/api/v1/golden-questions/export/"),
        "golden documents": lambda host: host.get("/api/v1/golden-questions/documents/?q=merger"),
        "starters": lambda host: host.get("/api/v1/golden-questions/starters/?count=30"),
        "quality page": lambda host: host.get("/knowledge/quality/"),
        "results": lambda host: host.get(f"/api/v1/evaluations/{run}/results/"),
        "results page": lambda host: host.get(f"/knowledge/quality/{run}/"),
        "gaps": lambda host: host.get("/api/v1/gaps/"),
        "rated": lambda host: host.get("/api/v1/answers/rated/"),
        "shared": lambda host: host.get(f"/c/{shared}/shared/"),
        "admin site": lambda host: host.get("/admin/knowledge/document/"),
    }
    own_question = {"search", "search there", "search in it", "explained"}  # their answers repeat what was asked
    seen: dict[str, set[str]] = {}
    for who, host in browsers.items():
        for name, look in lists.items():
            response = look(host)
            assert response.status_code == 200, (name, who)
            text = response.content.decode()
            words = ["ninth of March"] if name in own_question else [WORD, "merger", "Board papers", "ninth of March"]
            if any(word in text for word in words):
                seen.setdefault(who, set()).add(name)
    assert seen == {"ada": set(lists)}
    assert post(browsers["bob"], f"/api/v1/answers/{answer.pk}/golden/", {}).status_code == 404


async def test_an_answer_from_it_is_cached_for_its_readers_only(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, make_person: Any, make_key: Any
) -> None:
    ada, key = await ready(live_acme)

    def close() -> tuple[User, str, Group]:
        other = make_person(live_acme, "bob@example.org")
        with entered(live_acme.schema_name):
            group = Group.objects.create(name="Staff")
            group.members.add(User.objects.get(pk=ada.pk))
            Collection.objects.update(access=Collection.Access.GROUPS)
            Collection.objects.get().readers.add(group)
        return other, make_key(live_acme, other), group

    bob, bobs_key, group = await in_tenant("public", close)
    ask = {"text": "How many days of leave do I get?"}

    async def answer(secret: str) -> tuple[bool, str, list[str]]:
        async with web(live_acme, secret) as client:
            body = (await client.post("/api/v1/conversations/", json=ask)).json()
        return body["usage"] and body["usage"]["cached"], body["text"], [one["title"] for one in body["sources"]]

    scripted.enqueue("You get 25 days [1].")
    assert await answer(key) == (False, "You get 25 days [1].", ["leave"])
    assert await answer(key) == (True, "You get 25 days [1].", ["leave"])
    cached, text, sources = await answer(bobs_key)
    assert not cached
    assert "25" not in text
    assert sources == []
    await in_tenant(live_acme.schema_name, group.members.add, bob)
    assert await answer(bobs_key) == (True, "You get 25 days [1].", ["leave"])
    await in_tenant(live_acme.schema_name, group.members.remove, bob)
    assert (await answer(bobs_key))[2] == []


def test_budgets_of_groups_hear_who_asks(acme: Organisation, make_person: Callable[..., User]) -> None:
    ada = make_person(acme)
    with entered(acme.schema_name):
        group = Group.objects.create(name="Board")
        group.members.add(ada)

        def asked() -> Any:
            accepted = question_accept(organisation_id=acme.pk, user_id=ada.pk, ask=Ask(client_id=uuid4(), text="Why?"))
            assert accepted.question
            return accepted.question.asker.group_ids

        assert asked() == (group.pk,)  # the ledger keeps it, whether there is a budget or not
        Budget.objects.create(
            organisation_id=acme.pk, scope=Budget.Scope.GROUP, subject_id=group.pk, amount_gbp=Decimal(1), at_cap="stop"
        )
        forget_budgets()
        assert asked() == (group.pk,)


def test_a_group_of_one_organisation_opens_nothing_in_another(
    acme: Organisation, globex: Organisation, make_person: Callable[..., User]
) -> None:
    """The hardest case: the same ids in both."""
    ada = make_person(acme)
    with entered(acme.schema_name):
        group = Group.objects.create(name="Board")
        group.members.add(ada)
        here = Collection.objects.create(name="Board papers", access=Collection.Access.GROUPS)
        here.readers.add(group)
        assert scope_of(ada).collection_ids == (here.pk,)
    with entered(globex.schema_name):
        twin = User.objects.create(id=ada.pk, email=ada.email)
        Group.objects.create(id=group.pk, name="Board")
        there = Collection.objects.create(id=here.pk, name="Board papers", access=Collection.Access.GROUPS)
        there.readers.add(Group.objects.get())
        assert scope_of(twin).collection_ids == ()
