"""REST of collections, documents and search, by key and by session."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.permissions import Role
from billing.limits import forget_limits
from billing.models import UsageEvent
from knowledge.models import Collection, Document
from knowledge.tests.conftest import HANDBOOK, Upload
from tenants.actions import organisation_entitle
from tenants.context import entered
from tenants.entitlements import Entitlements
from tenants.models import Organisation


@pytest.fixture
def owner(live_acme: Organisation, make_person: Any, make_key: Any, on_host: Any, ready_index: Any) -> Any:
    """A client that speaks for an owner, by API key."""
    ready_index(live_acme)
    person = make_person(live_acme, "olive@example.org", Role.OWNER)
    client = on_host(live_acme)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {make_key(live_acme, person)}"
    return client


def file(name: str = "handbook.md", content: bytes = HANDBOOK) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_me(owner: Any) -> None:
    me = owner.get("/api/v1/me/").json()
    assert (me["email"], me["role"]) == ("olive@example.org", "owner")
    assert me["organisation"] == {"name": "Acme", "slug": "acme"}
    assert "edit_documents" in me["abilities"]


@pytest.mark.parametrize("body", ["null", "[]", "1", '"files"'])
def test_a_body_that_is_no_object_is_refused(owner: Any, body: str) -> None:
    response = owner.post("/api/v1/documents/", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_from_collection_to_search(owner: Any) -> None:
    made = owner.post("/api/v1/collections/", {"name": "Policies"}, content_type="application/json")
    assert made.status_code == 201
    collection = made.json()["id"]
    uploaded = owner.post("/api/v1/documents/", {"collection": collection, "file": file()})
    assert uploaded.status_code == 202
    document = owner.get(f"/api/v1/documents/{uploaded.json()['id']}/").json()
    assert (document["state"], document["failure"], document["title"]) == ("ready", None, "handbook")
    assert document["progress"]["done"] == document["progress"]["total"] == document["chunks"] > 0
    assert document["uploaded_by"] == "olive@example.org"
    found = owner.post(
        "/api/v1/search/", {"query": "hotel in Edinburgh", "limit": 1}, content_type="application/json"
    ).json()
    assert found["results"][0]["document"] == document["id"]
    assert "195 pounds" in found["results"][0]["text"]
    assert found["results"][0]["url"].startswith(f"/documents/{document['id']}/?version=1&chunk=")
    assert UsageEvent.objects.filter(subject=None, kind="embedding").count() == 1
    assert owner.get("/api/v1/collections/").json()["results"][0]["document_count"] == 1
    assert owner.delete(f"/api/v1/documents/{document['id']}/").status_code == 202
    assert owner.get(f"/api/v1/documents/{document['id']}/").json()["code"] == "document_not_found"
    assert owner.post("/api/v1/search/", {"query": "hotel"}, content_type="application/json").json()["results"] == []


@pytest.mark.parametrize(
    ("upload_file", "status", "code"),
    [
        (file("program.exe", b"MZ"), 422, "unsupported_format"),
        (file("empty.md", b""), 422, "empty_document"),
        (file("big.md", b"x" * 2048), 413, "document_too_large"),
    ],
)
def test_refused_uploads_store_nothing(
    owner: Any, live_acme: Organisation, settings: Any, upload_file: Any, status: int, code: str
) -> None:
    settings.VENA_MAX_UPLOAD_BYTES = 1024
    upload_file.seek(0)
    with entered(live_acme.schema_name):
        collection = Collection.objects.create(name="Documents")
    answer = owner.post("/api/v1/documents/", {"collection": str(collection.pk), "file": upload_file})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()


def test_missing_fields_are_named(owner: Any) -> None:
    answer = owner.post("/api/v1/documents/", {"collection": str(uuid4())})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert list(answer.json()["fields"]) == ["file"]


def test_a_repeated_upload_with_the_same_idempotency_key_is_one_document(owner: Any, live_acme: Organisation) -> None:
    with entered(live_acme.schema_name):
        collection = Collection.objects.create(name="Documents")
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    answers = [
        owner.post("/api/v1/documents/", {"collection": str(collection.pk), "file": file()}, **key) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1]["Idempotency-Replayed"] == "true"
    with entered(live_acme.schema_name):
        assert Document.objects.count() == 1


def test_two_collections_with_one_name_are_refused(owner: Any) -> None:
    for status in (201, 400):
        answer = owner.post("/api/v1/collections/", {"name": "Same"}, content_type="application/json")
        assert answer.status_code == status
    assert answer.json()["fields"].keys() == {"name"}


def test_pages_by_cursor(owner: Any, live_acme: Organisation) -> None:
    with entered(live_acme.schema_name):
        collection = Collection.objects.create(name="Documents")
        Document.objects.bulk_create(
            Document(collection=collection, title=f"d{number}", key=f"name:{number}") for number in range(5)
        )
    seen: list[str] = []
    url = "/api/v1/documents/?page_size=2"
    while url:
        page = owner.get(url).json()
        seen += [row["title"] for row in page["results"]]
        url = page["next"]
    assert sorted(seen) == [f"d{number}" for number in range(5)]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FINANCE])
def test_readers_read_and_change_nothing(
    live_acme: Organisation, upload: Upload, make_person: Any, make_key: Any, on_host: Any, role: Role
) -> None:
    document = upload(live_acme)
    client = on_host(live_acme)
    client.defaults["HTTP_AUTHORIZATION"] = (
        f"Bearer {make_key(live_acme, make_person(live_acme, 'mo@example.org', role))}"
    )
    assert client.get(f"/api/v1/documents/{document.pk}/").status_code == 200
    refused = [
        client.post("/api/v1/collections/", {"name": "New"}, content_type="application/json"),
        client.post("/api/v1/documents/", {"collection": str(document.collection_id), "file": file("b.md")}),
        *(client.post(f"/api/v1/documents/{document.pk}/{name}/") for name in ("retry", "cancel", "reindex")),
        client.post(f"/api/v1/documents/{document.pk}/versions/1/restore/"),
        client.patch(f"/api/v1/documents/{document.pk}/", {"title": "Mine"}, content_type="application/json"),
        client.patch(
            f"/api/v1/collections/{document.collection_id}/", {"name": "Mine"}, content_type="application/json"
        ),
        client.get(f"/api/v1/collections/{document.collection_id}/context-estimate/"),
        client.post(
            "/api/v1/documents/reindex/", {"collection": str(document.collection_id)}, content_type="application/json"
        ),
        client.get("/api/v1/reembeddings/"),
        client.post("/api/v1/reembeddings/", {"provider": "local"}, content_type="application/json"),
        client.delete(f"/api/v1/documents/{document.pk}/"),
    ]
    expected = [(403, "not_allowed")] * len(refused)
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == expected
    with entered(live_acme.schema_name):
        assert Document.objects.get().state == Document.State.READY
        assert Collection.objects.count() == 1


def test_originals_are_served_as_files_and_never_run(
    live_acme: Organisation, upload: Upload, make_person: Any, on_host: Any
) -> None:
    page = upload(
        live_acme, b"<html><body><h1>T</h1><p>Hello there.</p><script>alert(1)</script></body></html>", "p.html"
    )
    make_person(live_acme, "ada@example.org")
    browser = on_host(live_acme)
    browser.sign_in("ada@example.org")
    answer = browser.get(f"/documents/{page.pk}/file/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"Hello" in b"".join(answer.streaming_content)


def test_the_viewer_marks_the_cited_passage(
    live_acme: Organisation, upload: Upload, make_person: Any, on_host: Any
) -> None:
    document = upload(live_acme)
    make_person(live_acme, "ada@example.org")
    browser = on_host(live_acme)
    browser.sign_in("ada@example.org")
    chunks = browser.get(f"/documents/{document.pk}/?chunk=1").context["chunks"]
    assert [chunk["cited"] for chunk in chunks] == [chunk["position"] == 1 for chunk in chunks]
    merged = browser.get(f"/documents/{document.pk}/?chunk=0-1")
    assert [chunk["position"] for chunk in merged.context["chunks"] if chunk["cited"]] == [0, 1]
    page = merged.content.decode()
    assert page.count('id="chunk-0" tabindex') == page.count("data-cited data") == 1
    assert not any(chunk["cited"] for chunk in browser.get(f"/documents/{document.pk}/?chunk=1-x").context["chunks"])
    assert browser.get(f"/documents/{document.pk}/?chunk=nonsense").status_code == 200


def test_a_document_tells_its_versions_attempts_and_sections(
    owner: Any, live_acme: Organisation, upload: Upload
) -> None:
    upload(live_acme)
    document = upload(live_acme, HANDBOOK.replace(b"28", b"30"))
    url = f"/api/v1/documents/{document.pk}/"
    shown = owner.get(url).json()
    assert (shown["version"], shown["newest_version"], shown["place_in_line"]) == (2, 2, None)
    versions = owner.get(f"{url}versions/").json()
    assert [(row["number"], row["is_current"]) for row in versions] == [(2, True), (1, False)]
    attempts = owner.get(f"{url}attempts/").json()
    assert [(row["version"], row["outcome"]) for row in attempts] == [(2, "ready"), (1, "ready")]
    assert attempts[0]["stages"]["embedding"] > 0
    section = owner.get(f"{url}sections/0/").json()
    assert "30 days" in section["text"]
    assert "28 days" in owner.get(f"{url}sections/0/?version=1").json()["text"]
    assert owner.get(f"{url}sections/99/").json()["code"] == "section_not_found"
    assert owner.get(f"{url}sections/0/?version=9").json()["code"] == "version_not_found"
    old = b"".join(owner.get(f"{url}content/?version=1").streaming_content)
    assert old == HANDBOOK
    assert owner.post(f"{url}versions/1/restore/").status_code == 202
    restored = owner.get(url).json()
    assert (restored["version"], restored["state"]) == (1, "ready")


def test_uploading_tells_what_became_of_it(owner: Any, live_acme: Organisation) -> None:
    with entered(live_acme.schema_name):
        collection = Collection.objects.create(name="Documents")

    def send(content: bytes) -> tuple[int, str]:
        answer = owner.post("/api/v1/documents/", {"collection": str(collection.pk), "file": file(content=content)})
        return answer.status_code, answer.json()["change"]

    assert send(HANDBOOK) == (202, "created")
    assert send(HANDBOOK) == (200, "unchanged")
    assert send(HANDBOOK + b"more") == (202, "version")


def test_tags_day_and_collection_narrow_a_search(owner: Any, live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme, tags=["travel"], dated=date(2024, 5, 1))
    other = upload(
        live_acme, b"# Hotels\n\nA hotel in Leeds may cost 90 pounds a night.", "leeds.md", collection="North"
    )

    def titles(**narrowed: Any) -> list[str]:
        body = {"query": "What may a hotel cost?", **narrowed}
        found = owner.post("/api/v1/search/", body, content_type="application/json").json()["results"]
        return sorted({row["title"] for row in found})

    assert titles() == ["handbook", "leeds"]
    assert titles(tags=["travel"]) == ["handbook"]
    assert titles(until="2024-12-31") == ["handbook"]
    assert titles(since="2025-01-01") == ["leeds"]
    assert titles(documents=[str(other.pk)]) == ["leeds"]
    assert titles(tags=["travel", "north"]) == []
    change = {"tags": [" travel ", "north"], "collection": str(other.collection_id)}
    changed = owner.patch(f"/api/v1/documents/{other.pk}/", change, content_type="application/json").json()
    assert changed["tags"] == ["travel", "north"]
    assert titles(tags=["travel", "north"]) == ["leeds"]
    assert titles(tags=["travel"]) == ["handbook", "leeds"]


def test_the_list_can_be_narrowed(owner: Any, live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme, external_id="crm-1")
    upload(live_acme, b"  ", "broken.md")

    def titles(**query: str) -> list[str]:
        return sorted(row["title"] for row in owner.get("/api/v1/documents/", query).json()["results"])

    assert titles(state="failed") == ["broken"]
    assert titles(external_id="crm-1") == ["handbook"]
    assert titles(q="BROK") == ["broken"]
    assert owner.get("/api/v1/documents/", {"parent": "nonsense"}).json()["code"] == "document_not_found"


def test_a_collections_settings_and_what_they_make_stale(owner: Any, live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme)
    url = f"/api/v1/collections/{document.collection_id}/"
    patched = owner.patch(url, {"language": "german"}, content_type="application/json").json()
    assert patched["language"] == "german"
    refused = owner.patch(url, {"language": "klingon"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_language")
    refused = owner.patch(url, {"is_contextual": True}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "context_impossible")
    wanted = {"collection": str(document.collection_id)}
    dry = owner.post("/api/v1/documents/reindex/", {**wanted, "dry_run": True}, content_type="application/json")
    assert (dry.status_code, dry.json()["documents"], dry.json()["started"]) == (200, 1, False)
    real = owner.post("/api/v1/documents/reindex/", wanted, content_type="application/json")
    assert (real.status_code, real.json()["documents"], real.json()["started"]) == (202, 1, True)
    assert owner.get(f"/api/v1/documents/{document.pk}/").json()["version"] == 2
    again = owner.post("/api/v1/documents/reindex/", {**wanted, "dry_run": True}, content_type="application/json")
    assert again.json()["documents"] == 0


def test_the_list_costs_a_fixed_number_of_queries(
    owner: Any, live_acme: Organisation, upload: Upload, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        upload(live_acme, HANDBOOK + str(number).encode(), f"{number}.md")
    owner.get("/api/v1/documents/")
    with django_assert_max_num_queries(8):
        assert len(owner.get("/api/v1/documents/").json()["results"]) == 5


def test_a_plan_has_room_for_so_many_documents(owner: Any, live_acme: Organisation) -> None:
    organisation_entitle(live_acme, Entitlements(documents=1))
    forget_limits()
    made = owner.post("/api/v1/collections/", {"name": "Policies"}, content_type="application/json")
    collection = made.json()["id"]
    first = {"collection": collection, "file": file()}
    assert owner.post("/api/v1/documents/", first).status_code == 202
    other = SimpleUploadedFile("other.md", b"# Other\n\nText.")
    refused = owner.post("/api/v1/documents/", {"collection": collection, "file": other})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_documents")
    changed = SimpleUploadedFile("handbook.md", b"# Handbook\n\nAnother text.")
    assert owner.post("/api/v1/documents/", {"collection": collection, "file": changed}).json()["newest_version"] == 2
