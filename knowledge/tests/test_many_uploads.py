"""Many files in one request: each has its own outcome, and they cost a few statements together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError

from accounts.permissions import Role
from billing.limits import forget_limits
from knowledge.ingestion import many_uploads
from knowledge.models import Collection, Document, DocumentVersion
from tenants.actions import organisation_entitle
from tenants.context import entered
from tenants.entitlements import Entitlements
from tenants.models import Organisation


@pytest.fixture
def owner(live_acme: Organisation, make_person: Any, make_key: Any, on_host: Any, ready_index: Any) -> Any:
    ready_index(live_acme)
    client = on_host(live_acme)
    person = make_person(live_acme, "olive@example.org", Role.OWNER)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {make_key(live_acme, person)}"
    return client


@pytest.fixture
def collection(live_acme: Organisation) -> str:
    with entered(live_acme.schema_name):
        return str(Collection.objects.create(name="Documents").pk)


def file(name: str, words: str = "Text.") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, f"# {name}\n\n{words}".encode() if words else b"")


def send(owner: Any, collection: str, *files: SimpleUploadedFile, **fields: Any) -> Any:
    headers = {name: fields.pop(name) for name in list(fields) if name.startswith("HTTP_")}
    return owner.post("/api/v1/documents/", {"collection": collection, "files": list(files), **fields}, **headers)


def changes(answer: Any) -> list[str]:
    return [row["change"] for row in answer.json()["results"]]


@pytest.fixture
def new_files(live_acme: Organisation) -> Callable[[], set[str]]:
    """The organisation's stored files, less what earlier tests left in its folder."""

    def names() -> set[str]:
        with entered(live_acme.schema_name):
            folder = Path(default_storage.path("documents"))
            return {path.name for path in folder.iterdir()} if folder.exists() else set()

    before = names()
    return lambda: names() - before


def test_each_file_has_its_outcome_in_its_place(
    owner: Any, collection: str, live_acme: Organisation, new_files: Callable[[], set[str]]
) -> None:
    files = [file("a.md"), file("b.exe"), file("c.md", ""), file("d.md"), file("a.md", "Another text.")]
    answer = send(owner, collection, *files, tags=["news"], dated="2026-05-01")
    assert answer.status_code == 202
    rows = answer.json()["results"]
    assert [row["change"] for row in rows] == ["created", "refused", "refused", "created", "version"]
    assert [row["file_name"] for row in rows] == ["a.md", "b.exe", "c.md", "d.md", "a.md"]
    assert [row["failure"]["code"] for row in rows[1:3]] == ["unsupported_format", "empty_document"]
    assert rows[0]["id"] == rows[4]["id"] != rows[3]["id"]
    with entered(live_acme.schema_name):
        found = Document.objects.order_by("key").values_list("title", "state", "newest__number", "tags", "dated")
        assert [(title, state, number, tags, str(day)) for title, state, number, tags, day in found] == [
            ("a", "ready", 2, ["news"], "2026-05-01"),
            ("d", "ready", 1, ["news"], "2026-05-01"),
        ]
        assert set(Document.objects.values_list("uploaded_by_label", flat=True)) == {"olive@example.org"}
        versions = {Path(name).name for name in DocumentVersion.objects.values_list("file", flat=True)}
    assert new_files() == versions


def test_what_is_known_is_told_and_not_taken_in_again(owner: Any, collection: str, live_acme: Organisation) -> None:
    first = send(owner, collection, file("a.md"), file("b.md"))
    again = send(owner, collection, file("a.md"), file("b.md"))
    assert (again.status_code, changes(again)) == (200, ["unchanged", "unchanged"])
    assert [row["id"] for row in again.json()["results"]] == [row["id"] for row in first.json()["results"]]
    mixed = send(owner, collection, file("b.md"), file("a.md", "New."), file("c.md"))
    assert (mixed.status_code, changes(mixed)) == (202, ["unchanged", "version", "created"])
    with entered(live_acme.schema_name):
        assert DocumentVersion.objects.count() == 4


def test_the_number_of_statements_does_not_grow_with_the_files(
    owner: Any, collection: str, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(many_uploads, "send_ticket", lambda schema_name: None)
    files = [file(f"{number}.md") for number in range(20)]
    with django_assert_max_num_queries(20):
        assert changes(send(owner, collection, *files)) == ["created"] * 20
    with django_assert_max_num_queries(12):
        assert changes(send(owner, collection, *[file(f"{number}.md") for number in range(20)])) == ["unchanged"] * 20


def test_a_plan_has_room_for_some_of_them(owner: Any, collection: str, live_acme: Organisation) -> None:
    organisation_entitle(live_acme, Entitlements(documents=2))
    forget_limits()
    rows = send(owner, collection, file("a.md"), file("b.md"), file("c.md")).json()["results"]
    assert [row["change"] for row in rows] == ["created", "created", "refused"]
    assert rows[2]["failure"]["code"] == "too_many_documents"


def test_what_has_no_room_in_the_storage_is_refused_and_what_has_is_taken(
    owner: Any, collection: str, live_acme: Organisation
) -> None:
    organisation_entitle(live_acme, Entitlements(storage_mb=1))
    forget_limits()
    large = file("large.md", "word " * 150_000)
    rows = send(owner, collection, large, file("larger.md", "other " * 150_000), file("small.md")).json()["results"]
    assert [row["change"] for row in rows] == ["created", "refused", "created"]
    assert rows[1]["failure"]["code"] == "storage_full"
    again = send(owner, collection, file("large.md", "new " * 150_000)).json()["results"]
    assert again[0]["failure"]["code"] == "storage_full"  # versions that are kept need room too


def test_a_name_that_is_taken_at_this_moment_gets_a_version(
    owner: Any, collection: str, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(owner, collection, file("a.md"))
    monkeypatch.setattr(many_uploads, "known_documents", lambda *args: {})  # we looked a moment too early
    answer = send(owner, collection, file("b.md"), file("a.md", "Newer."))
    assert changes(answer) == ["created", "version"]
    with entered(live_acme.schema_name):
        assert sorted(Document.objects.values_list("title", "newest__number", "state")) == [
            ("a", 2, "ready"),
            ("b", 1, "ready"),
        ]


def test_no_row_no_file(
    owner: Any,
    collection: str,
    live_acme: Organisation,
    monkeypatch: pytest.MonkeyPatch,
    new_files: Callable[[], set[str]],
) -> None:
    def fail(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(many_uploads, "inserted", fail)
    with pytest.raises(DatabaseError):
        send(owner, collection, file("a.md"), file("b.md"))
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()
    assert new_files() == set()


def test_the_same_request_again_is_answered_from_memory(owner: Any, collection: str, live_acme: Organisation) -> None:
    answers = [send(owner, collection, file("a.md"), file("b.md"), HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)]
    assert [changes(answer) for answer in answers] == [["created", "created"]] * 2
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_readers_and_other_organisations_add_nothing(
    collection: str,
    live_acme: Organisation,
    live_globex: Organisation,
    make_person: Any,
    make_key: Any,
    on_host: Any,
) -> None:
    codes = []
    for organisation, role in ((live_acme, Role.MEMBER), (live_globex, Role.OWNER)):
        client = on_host(organisation)
        person = make_person(organisation, "mo@example.org", role)
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {make_key(organisation, person)}"
        codes.append(send(client, collection, file("a.md")).json()["code"])
    assert codes == ["not_allowed", "collection_not_found"]
    for organisation in (live_acme, live_globex):
        with entered(organisation.schema_name):
            assert not Document.objects.exists()


def asked(owner: Any, collection: str, *files: dict[str, str]) -> Any:
    body = {"collection": collection, "files": list(files)}
    return owner.post("/api/v1/documents/known/", body, content_type="application/json")


def named(name: str, content: bytes, **more: str) -> dict[str, str]:
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest(), **more}


def test_hashes_tell_what_need_not_be_sent(
    owner: Any, collection: str, live_acme: Organisation, django_assert_max_num_queries: Any
) -> None:
    sent = send(owner, collection, file("a.md"), file("b.md")).json()["results"]
    empty = owner.post("/api/v1/documents/", {"collection": collection, "file": SimpleUploadedFile("bad.md", b"  ")})
    files = [
        named("b.md", file("b.md").read()),
        named("A.md", b"other bytes"),
        named("new.md", b"text"),
        named("a.md", file("a.md").read(), external_id="crm-1"),
        named("bad.md", b"  "),
    ]
    with django_assert_max_num_queries(6):
        rows = asked(owner, collection, *files).json()["results"]
    assert [row["change"] for row in rows] == ["unchanged", "version", "created", "created", "version"]
    assert [row["document"] for row in rows] == [sent[1]["id"], sent[0]["id"], None, None, empty.json()["id"]]
    with entered(live_acme.schema_name):
        Collection.objects.update(language="german")  # read with other settings than it would be now
    assert asked(owner, collection, files[0]).json()["results"][0]["change"] == "version"


def test_hashes_are_asked_by_whoever_may_upload(
    owner: Any, collection: str, live_globex: Organisation, make_person: Any, make_key: Any, on_host: Any
) -> None:
    send(owner, collection, file("a.md"))
    other = on_host(live_globex)
    other.defaults["HTTP_AUTHORIZATION"] = (
        f"Bearer {make_key(live_globex, make_person(live_globex, 'o@x.example', 'owner'))}"
    )
    assert asked(other, collection, named("a.md", file("a.md").read())).json()["code"] == "collection_not_found"
    assert asked(owner, collection, {"name": "a.md", "sha256": "nonsense"}).status_code == 400
    assert asked(owner, collection).status_code == 400
