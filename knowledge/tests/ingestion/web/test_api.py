"""Addresses by the API, and that they stay with the organisation they were added at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.permissions import Role
from knowledge.models import Collection, Document
from knowledge.tests.ingestion.web.conftest import Site, answer
from tenants.context import entered
from tenants.models import Organisation

Client = Any


@pytest.fixture
def client_of(make_person: Any, make_key: Any, on_host: Any, ready_index: Any) -> Callable[..., Client]:
    """A client that speaks for a person of the organisation, by API key."""

    def make(organisation: Organisation, role: Role = Role.OWNER) -> Client:
        ready_index(organisation)
        person = make_person(organisation, f"{role}@example.org", role)
        client = on_host(organisation)
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {make_key(organisation, person)}"
        return client

    return make


@pytest.fixture
def owner(live_acme: Organisation, client_of: Any) -> Client:
    return client_of(live_acme)


@pytest.fixture
def collection(live_acme: Organisation, make_collection: Any) -> str:
    return str(make_collection(live_acme).pk)


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_a_page_is_added_by_its_address(owner: Client, collection: str, web: Site) -> None:
    web.page("/leave", "Leave", "Everybody has 28 days of annual leave.")
    added = post(owner, "documents/", url=web.url("/leave"), collection=collection, tags=["hr"], dated="2026-01-02")
    assert added.status_code == 202
    body = added.json()
    assert (body["change"], body["source_url"], body["page_limit"]) == ("created", web.url("/leave"), None)
    document = owner.get(f"/api/v1/documents/{body['id']}/").json()
    assert (document["state"], document["title"], document["failure"]) == ("ready", "Leave", None)
    assert (document["tags"], document["dated"], document["file_name"]) == (["hr"], "2026-01-02", "leave.html")
    found = post(owner, "search/", query="How many days of leave?").json()["results"]
    assert found[0]["document"] == body["id"]
    assert "28 days" in found[0]["text"]
    original = owner.get(f"/api/v1/documents/{body['id']}/content/")
    assert original["content-type"] == "application/octet-stream"
    again = post(owner, "documents/", url=web.url("/leave"), collection=collection)
    assert (again.status_code, again.json()["change"], again.json()["id"]) == (202, "refetched", body["id"])
    attempts = owner.get(f"/api/v1/documents/{body['id']}/attempts/").json()
    assert [attempt["outcome"] for attempt in attempts] == ["unchanged", "ready"]


def test_a_page_is_fetched_again_at_a_click(owner: Client, collection: str, web: Site) -> None:
    web.page("/", "Hours", "The office opens at nine.")
    document = post(owner, "documents/", url=web.url(), collection=collection).json()["id"]
    web.page("/", "Hours", "The office opens at seven.")
    answered = post(owner, f"documents/{document}/refetch/")
    assert answered.status_code == 202
    assert owner.get(f"/api/v1/documents/{document}/").json()["version"] == 2
    web.pages["/"] = answer(status=404)
    post(owner, f"documents/{document}/refetch/")
    shown = owner.get(f"/api/v1/documents/{document}/").json()
    assert (shown["version"], shown["failure"]["code"], shown["failure"]["stage"]) == (2, "url_not_found", "fetching")


def test_a_sitemap_is_added_up_to_a_limit(owner: Client, collection: str, web: Site) -> None:
    for name in "abc":
        web.page(f"/{name}", f"Page {name}", f"This is what page {name} has to say.")
    web.pages["/map.txt"] = answer("\n".join(web.url(f"/{n}") for n in "abc").encode(), content_type="text/plain")
    added = post(owner, "documents/", url=web.url("/map.txt"), collection=collection, sitemap=True, max_pages=2)
    assert (added.status_code, added.json()["page_limit"]) == (202, 2)
    site = owner.get(f"/api/v1/documents/{added.json()['id']}/").json()
    assert (site["state"], site["parts"], site["chunks"]) == ("ready", 2, 0)
    pages = owner.get("/api/v1/documents/", {"parent": site["id"]}).json()["results"]
    assert {page["title"] for page in pages} == {"Page a", "Page b"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "http://127.0.0.1:22/"}, 422, "url_not_allowed"),
        ({"url": "http://10.0.0.1/"}, 422, "url_not_allowed"),
        ({"url": "file:///etc/passwd"}, 422, "url_not_allowed"),
        ({"url": "https://me:secret@example.com/"}, 422, "url_not_allowed"),
        ({"url": ""}, 400, "invalid"),
        ({}, 400, "invalid"),
        ({"url": "https://example.com/", "sitemap": True, "max_pages": 0}, 400, "invalid"),
        ({"url": "https://example.com/", "max_pages": 5}, 400, "invalid"),
    ],
)
def test_refused_addresses_make_no_row(
    owner: Client, collection: str, live_acme: Organisation, body: dict[str, Any], status: int, code: str
) -> None:
    refused = post(owner, "documents/", collection=collection, **body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()


def test_only_editors_add_and_fetch(
    live_acme: Organisation, client_of: Any, collection: str, web: Site, owner: Client
) -> None:
    web.page("/", "Home", "Welcome.")
    document = post(owner, "documents/", url=web.url(), collection=collection).json()["id"]
    web.visits.clear()
    reader = client_of(live_acme, Role.MEMBER)
    assert post(reader, "documents/", url=web.url(), collection=collection).status_code == 403
    assert post(reader, f"documents/{document}/refetch/").status_code == 403
    assert web.visits == []


def test_a_file_has_no_page_to_fetch(owner: Client, collection: str) -> None:
    made = owner.post("/api/v1/documents/", {"collection": collection, "file": SimpleUploadedFile("a.md", b"# A\n\nb")})
    refused = post(owner, f"documents/{made.json()['id']}/refetch/")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_from_web")


def test_pages_of_one_organisation_do_not_exist_in_the_other(
    live_acme: Organisation, live_globex: Organisation, client_of: Any, make_collection: Any, web: Site
) -> None:
    web.page("/merger", "Merger", "The merger with Initech is secret until March.")
    ours, theirs = client_of(live_acme), client_of(live_globex)
    group = str(make_collection(live_acme).pk)
    document = post(ours, "documents/", url=web.url("/merger"), collection=group).json()["id"]
    web.visits.clear()
    assert theirs.get(f"/api/v1/documents/{document}/").status_code == 404
    assert post(theirs, f"documents/{document}/refetch/").status_code == 404
    assert post(theirs, "documents/", url=web.url("/merger"), collection=group).status_code == 404
    assert theirs.get("/api/v1/documents/").json()["results"] == []
    assert post(theirs, "search/", query="merger with Initech").json()["results"] == []
    assert web.visits == []
    # The same address at the other organisation is a document of its own.
    own = str(make_collection(live_globex).pk)
    other = post(theirs, "documents/", url=web.url("/merger"), collection=own).json()
    assert (other["change"], other["id"] == document) == ("created", False)
    assert theirs.delete(f"/api/v1/documents/{other['id']}/").status_code == 202
    assert ours.get(f"/api/v1/documents/{document}/").json()["state"] == "ready"
    with entered(live_globex.schema_name):
        assert not Document.objects.exists()
        assert Collection.objects.count() == 1


def test_addresses_stand_in_the_schema(owner: Client) -> None:
    schema = owner.get("/api/schema/", {"format": "json"}).json()
    operation = schema["paths"]["/api/v1/documents/"]["post"]
    assert operation["requestBody"]["content"].keys() == {"multipart/form-data", "application/json"}
    fields = schema["components"]["schemas"]["AddressInputRequest"]["properties"]
    assert {"url", "sitemap", "max_pages", "tags", "collection"} <= fields.keys()
    assert "/api/v1/documents/{document_id}/refetch/" in schema["paths"]
