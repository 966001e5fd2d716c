"""The API description: made without a warning, served to everybody, and true."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.models import Organisation


@pytest.fixture(scope="module")
def schema(django_db_setup: None) -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", urlconf="vena_platform.urls_api", validate=True, fail_on_warn=True, stdout=out)
    described: dict[str, Any] = yaml.safe_load(out.getvalue())
    return described


def fields(schema: dict[str, Any], name: str) -> set[str]:
    return set(schema["components"]["schemas"][name]["properties"])


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> list[str]:
    found: list[str] = []
    for one in patterns:
        path = prefix + str(one.pattern)
        found += routes(one.url_patterns, path) if isinstance(one, URLResolver) else [path]
    return found


def test_every_route_is_described(schema: dict[str, Any]) -> None:
    written = {
        path.replace("<uuid:", "{").replace("<int:", "{").replace("<str:", "{").replace(">", "}")
        for path in routes(get_resolver("vena_platform.urls_api").url_patterns)
    }
    assert set(schema["paths"]) == written
    assert "/api/v1/me/" in written


def test_every_operation_says_how_to_sign_in(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"] == {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of this organisation: vena_…",
        },
        "cookieAuth": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
    }
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert operations
    assert all(operation["security"] == [{"apiKey": []}, {"cookieAuth": []}] for operation in operations)


def test_answers_have_the_described_fields(owner: Any, schema: dict[str, Any]) -> None:
    me = owner.get("/api/v1/me/").json()
    assert set(me) == fields(schema, "MeOutput")
    assert set(me["organisation"]) == fields(schema, "OrganisationOutput")
    collection = owner.post("/api/v1/collections/", {"name": "One"}, "application/json").json()
    assert set(collection) == fields(schema, "CollectionOutput")
    page = owner.get("/api/v1/collections/").json()
    assert set(page["results"][0]) == fields(schema, "CollectionOutput")


def test_it_is_served_on_an_organisations_host(acme: Organisation, on_host: Any, schema: dict[str, Any]) -> None:
    response = on_host(acme).get("/api/schema/")
    assert response.status_code == 200
    assert yaml.safe_load(response.content)["paths"].keys() == schema["paths"].keys()
    assert on_host(acme).get("/api/docs/").status_code == 200
    assert on_host(None).get("/api/schema/").status_code == 404
