"""An id of another organisation inside a query or a body is answered as an id that nobody has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from conftest import Host
from tenants.models import Organisation
from vena_platform.tests.isolation.cases import ROWS_NAMED
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.rows import World
from vena_platform.tests.isolation.test_parameters import NOBODY, seen, untouched

# Where the API takes an id: the row that it names, and a body that is understood with "<id>" for the id.
# None: the id is the caller's own, and names no row.
FIELDS: dict[str, tuple[str, Any] | None] = {
    "GET /api/v1/audit/ ?actor": ("accounts.User", None),
    "GET /api/v1/conversations/{conversation_id}/messages/ ?before": ("chat.Message", None),
    "GET /api/v1/documents/ ?collection": ("knowledge.Collection", None),
    "GET /api/v1/people/ ?group": ("accounts.Group", None),
    "PATCH /api/v1/collections/{collection_id}/ readers": ("accounts.Group", {"readers": ["<id>"]}),
    "PATCH /api/v1/collections/{collection_id}/ writers": ("accounts.Group", {"writers": ["<id>"]}),
    "PATCH /api/v1/conversations/{conversation_id}/ leaf": ("chat.Message", {"leaf": "<id>"}),
    "PATCH /api/v1/documents/{document_id}/ collection": ("knowledge.Collection", {"collection": "<id>"}),
    "PATCH /api/v1/groups/{group_id}/ members": ("accounts.User", {"members": ["<id>"]}),
    "PATCH /api/v1/people/{person_id}/ groups": ("accounts.Group", {"groups": ["<id>"]}),
    "POST /api/v1/budgets/ member": (
        "accounts.User",
        {"scope": "member", "member": "<id>", "amount_gbp": "5", "at_cap": "stop"},
    ),
    "POST /api/v1/collections/ readers": ("accounts.Group", {"name": "A", "readers": ["<id>"]}),
    "POST /api/v1/collections/ writers": ("accounts.Group", {"name": "A", "writers": ["<id>"]}),
    "POST /api/v1/conversations/ client_id": None,
    "POST /api/v1/conversations/ collections": ("knowledge.Collection", {"text": "Leave?", "collections": ["<id>"]}),
    "POST /api/v1/conversations/{conversation_id}/messages/ client_id": None,
    "POST /api/v1/conversations/{conversation_id}/messages/ collections": (
        "knowledge.Collection",
        {"text": "Leave?", "collections": ["<id>"]},
    ),
    "POST /api/v1/documents/ collection": (
        "knowledge.Collection",
        {"collection": "<id>", "url": "https://example.org/"},
    ),
    "POST /api/v1/documents/known/ collection": (
        "knowledge.Collection",
        {"collection": "<id>", "files": [{"name": "a.md", "sha256": "0" * 64}]},
    ),
    "POST /api/v1/documents/reindex/ collection": ("knowledge.Collection", {"collection": "<id>"}),
    "POST /api/v1/golden-questions/ targets.document": (
        "knowledge.Document",
        {"question": "Leave?", "targets": [{"document": "<id>"}]},
    ),
    "PUT /api/v1/golden-questions/{question_id}/ targets.document": (
        "knowledge.Document",
        {"question": "Leave?", "targets": [{"document": "<id>"}]},
    ),
    "POST /api/v1/groups/ members": ("accounts.User", {"name": "A <id>", "members": ["<id>"]}),
    "POST /api/v1/invitations/ groups": (
        "accounts.Group",
        {"email": "new@example.org", "role": "member", "groups": ["<id>"]},
    ),
    "POST /api/v1/people/{person_id}/hand-over/ to": ("accounts.User", {"to": "<id>"}),
    "POST /api/v1/search/ collections": ("knowledge.Collection", {"query": "leave", "collections": ["<id>"]}),
    "POST /api/v1/search/ documents": ("knowledge.Document", {"query": "leave", "documents": ["<id>"]}),
    "POST /api/v1/search/explain/ collections": ("knowledge.Collection", {"query": "leave", "collections": ["<id>"]}),
    "POST /api/v1/search/explain/ documents": ("knowledge.Document", {"query": "leave", "documents": ["<id>"]}),
}
# Answered alike for any id, since what is asked for is what both have in common: nothing is found there.
ALIKE = {
    "GET /api/v1/audit/ ?actor",  # nobody in the worlds did anything
    "PATCH /api/v1/conversations/{conversation_id}/ leaf",  # refused for any but the newest of a branch
    "POST /api/v1/conversations/ collections",  # both are taken, and answered from nothing: see test_sockets.py
    "POST /api/v1/conversations/{conversation_id}/messages/ collections",
    "POST /api/v1/documents/ collection",  # pages of the web are read later
    "POST /api/v1/search/ collections",
    "POST /api/v1/search/ documents",
    "POST /api/v1/search/explain/ collections",
    "POST /api/v1/search/explain/ documents",
}


@cache
def schema() -> dict[str, Any]:
    return dict(SchemaGenerator(urlconf="vena_platform.urls_api").get_schema(request=None, public=True))


def ids_in(part: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """Dotted names of what holds an id; lists leave no trace in the name."""
    if "$ref" in part:
        part = schema()["components"]["schemas"][part["$ref"].split("/")[-1]]
    if part.get("format") == "uuid":
        yield ""
    inside = [*part.get("allOf", []), *part.get("oneOf", []), *part.get("anyOf", [])]
    for one in [*inside, part["items"]] if "items" in part else inside:
        yield from ids_in(one, depth + 1)
    for name, one in part.get("properties", {}).items() if depth < 6 else ():
        yield from (f"{name}.{rest}".rstrip(".") for rest in ids_in(one, depth + 1))


def described() -> Iterator[str]:
    for path, operations in schema()["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", []):
                if one["in"] == "query" and list(ids_in(one["schema"])):
                    yield f"{method.upper()} {path} ?{one['name']}"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from (f"{method.upper()} {path} {name}" for name in ids_in(content["schema"]))


def test_every_field_with_an_id_is_known() -> None:
    assert set(described()) == set(FIELDS), "Say in FIELDS what these ids name, and give a body with one."


def sent(host: Host, case: str, body: Any, ours: World, value: str) -> Any:
    method, path, name = case.split(" ")
    path = path.format_map({one: ours.id_of(label) for one, label in ROWS_NAMED.items()})
    host.cookies.pop("messages", None)
    if name.startswith("?"):
        response = host.get(f"{path}{name}={value}")
    else:
        written = json.dumps(body).replace("<id>", value)
        response = getattr(host, method.lower())(path, written, content_type="application/json")
    return response, seen(response, [value])


@pytest.mark.parametrize("case", [case for case, known in FIELDS.items() if known])
def test_a_foreign_id_in_a_field_is_an_unknown_one(
    worlds: Worlds, signed_in: Callable[[World], Host], ready_index: Callable[[Organisation], None], case: str
) -> None:
    ours, theirs = worlds
    if "search" in case or "conversations" in case:
        ready_index(ours.organisation)
    label, body = FIELDS[case] or ("", None)
    host = signed_in(ours)
    _, unknown = sent(host, case, body, ours, NOBODY)
    response, foreign = sent(host, case, body, ours, theirs.id_of(label))
    assert foreign == unknown
    assert response.status_code < 500
    assert theirs.marker not in str(foreign)
    untouched(theirs)
    own, control = sent(host, case, body, ours, ours.id_of(label))
    assert own.status_code < 500
    assert theirs.marker not in str(control)
    assert case in ALIKE or control != unknown, "The same as for an unknown id: give a body that is understood."
