"""A failure becomes one shape for programs and a page for people, and neither tells what is inside."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from knowledge.errors import DocumentNotFound, IndexUnavailable
from tenants.models import Organisation

ME, COLLECTIONS = "/api/v1/me/", "/api/v1/collections/"


def quiet(host: Client) -> Client:
    """A browser to which a crash is an answer, as to the real ones."""
    host.raise_request_exception = False
    return host


@pytest.mark.usefixtures("broken_views")
@pytest.mark.parametrize(
    ("how", "status", "answer"),
    [
        (
            "missing",
            404,
            {"code": "document_not_found", "detail": DocumentNotFound.message},
        ),
        (
            "down",
            503,
            {"code": "index_unavailable", "detail": IndexUnavailable.message},
        ),
        ("http404", 404, {"code": "not_found", "detail": "There is nothing here."}),
        ("denied", 403, {"code": "not_allowed", "detail": "You may not do this."}),
        (
            "invalid",
            400,
            {
                "code": "invalid",
                "detail": "Too short.",
                "fields": {"name": ["Too short.", "Too plain."], "size": ["Too big."]},
            },
        ),
        (
            "invalid_as_a_whole",
            400,
            {
                "code": "invalid",
                "detail": "These two do not go together.",
                "fields": {"non_field_errors": ["These two do not go together."]},
            },
        ),
        ("crash", 500, {"code": "error", "detail": "Something went wrong on our side. We have been told about it."}),
    ],
)  # fmt: skip
def test_programs_get_code_detail_and_fields(
    acme: Organisation, on_host: Any, how: str, status: int, answer: dict[str, Any]
) -> None:
    response = quiet(on_host(acme)).get(f"/api/broken/{how}/")
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert response.json() == answer


@pytest.mark.usefixtures("broken_views")
@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("missing", 404, "There is no such document"),
        ("down", 503, "The search index is not answering"),
        ("http404", 404, "404"),
        ("denied", 403, "403"),
        ("crash", 500, "500"),
    ],
)
def test_people_get_a_page(acme: Organisation, on_host: Any, how: str, status: int, words: str) -> None:
    response = quiet(on_host(acme)).get(f"/broken/{how}/")
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    page = response.content.decode()
    assert words in page
    assert "the secret is 42" not in page
    assert "document 7 of ada" not in page


@pytest.mark.usefixtures("broken_views")
def test_what_is_for_us_goes_to_the_log(acme: Organisation, on_host: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "vena_platform"):
        on_host(acme).get("/api/broken/missing/")
    assert [(line.message, line.__dict__["detail"]) for line in caplog.records if line.levelname == "INFO"] == [
        ("api.refused", "document 7 of ada")
    ]


@pytest.mark.parametrize("path", ["/api/", "/api/nothing/", "/api/v1/nothing/", "/api/v1/me"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_that_is_not_there_answers_programs_in_json(
    acme: Organisation, on_host: Any, method: str, path: str
) -> None:
    response = getattr(on_host(acme, enforce_csrf_checks=True), method)(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_beside_the_openai_endpoints_it_is_told_as_openai_does(acme: Organisation, on_host: Any, method: str) -> None:
    response = getattr(on_host(acme, enforce_csrf_checks=True), method)("/v1/nothing")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_an_address_that_is_not_there_shows_people_a_page(acme: Organisation, on_host: Any) -> None:
    for host in (on_host(acme), on_host(None)):
        response = host.get("/nothing/")
        assert response.status_code == 404
        assert "404.html" in [template.name for template in response.templates]


def test_nobody_signed_in(acme: Organisation, on_host: Any) -> None:
    response = on_host(acme).get(ME)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json() == {"code": "not_authenticated", "detail": "Authentication credentials were not provided."}


def test_a_method_that_is_not_offered(owner: Any) -> None:
    response = owner.post(ME)
    assert (response.status_code, response["Allow"]) == (405, "GET, PATCH, HEAD, OPTIONS")
    assert response.json() == {"code": "method_not_allowed", "detail": 'Method "POST" not allowed.'}


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("{", "application/json", 400, "parse_error"),
        ("<a/>", "application/xml", 415, "unsupported_media_type"),
        ("[]", "application/json", 400, "invalid"),
        ("{}", "application/json", 400, "invalid"),
    ],
)
def test_a_body_that_can_not_be_used(owner: Any, body: str, kind: str, status: int, code: str) -> None:
    response = owner.post(COLLECTIONS, body, kind)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert set(response.json()) == {"code", "detail"} | ({"fields"} if code == "invalid" else set())


def test_fields_say_what_is_wrong_with_them(owner: Any) -> None:
    response = owner.post(COLLECTIONS, {"name": "x" * 121}, "application/json")
    assert response.json() == {
        "code": "invalid",
        "detail": "Ensure this field has no more than 120 characters.",
        "fields": {"name": ["Ensure this field has no more than 120 characters."]},
    }


def test_a_session_without_the_csrf_token_writes_nothing(acme: Organisation, owner: Any, on_host: Any) -> None:
    strict = on_host(acme, enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    response = strict.post(COLLECTIONS, {"name": "Forged"}, "application/json")
    assert (response.status_code, set(response.json())) == (403, {"code", "detail"})
    assert [row["name"] for row in owner.get(COLLECTIONS).json()["results"]] == []


def test_a_form_that_was_open_too_long_shows_a_page(acme: Organisation, on_host: Any) -> None:
    response = on_host(acme, enforce_csrf_checks=True).post("/accounts/login/", {"login": "a", "password": "b"})
    assert response.status_code == 403
    assert "open too long" in response.content.decode()
