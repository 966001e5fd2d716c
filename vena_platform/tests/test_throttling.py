"""The request limit: told on every answer, and refused in the shape of the API."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import Organisation
from vena_platform import throttling

ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is cut in two by the full minute."""
    monkeypatch.setattr(throttling, "WINDOW", 10_000_000_000)


@pytest.fixture
def limit(settings: Any) -> int:
    settings.VENA_API_REQUESTS_PER_MINUTE = 2
    return 2


def remaining(response: Any) -> str:
    assert response.status_code == 200
    return str(response["RateLimit-Remaining"])


def test_every_answer_tells_what_is_left(owner: Any, limit: int) -> None:
    first, second = owner.get(ME), owner.get(ME)
    assert (first["RateLimit-Limit"], remaining(first), remaining(second)) == ("2", "1", "0")


def test_above_the_limit_is_refused(owner: Any, limit: int) -> None:
    # given
    assert [owner.get(ME).status_code for _ in range(limit)] == [200, 200]
    # when
    refused = owner.post("/api/v1/collections/", {"name": "Too much"}, "application/json")
    # then
    assert refused.status_code == 429
    assert set(refused.json()) == {"code", "detail"}
    assert refused.json()["code"] == "throttled"
    assert refused.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert refused["RateLimit-Remaining"] == "0"
    assert refused["Retry-After"] == refused["RateLimit-Reset"]


def test_a_person_does_not_use_up_another_ones(
    acme: Organisation, owner: Any, make_person: Any, make_key: Any, on_host: Any, limit: int
) -> None:
    for _ in range(limit):
        owner.get(ME)
    other = {"authorization": f"Bearer {make_key(acme, make_person(acme))}"}
    assert remaining(on_host(acme).get(ME, headers=other)) == "1"
    assert owner.get(ME).status_code == 429


def test_an_organisation_does_not_use_up_another_ones(
    globex: Organisation, owner: Any, make_person: Any, on_host: Any, limit: int
) -> None:
    for _ in range(limit):
        owner.get(ME)
    make_person(globex, "owner@acme.example", "owner")
    elsewhere = on_host(globex)
    elsewhere.sign_in("owner@acme.example")
    assert remaining(elsewhere.get(ME)) == "1"


def test_the_limit_is_for_a_minute(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert throttling.WINDOW == 60
    assert 1 <= int(owner.get(ME)["RateLimit-Reset"]) <= 61


def test_pages_are_not_counted(owner: Any, limit: int) -> None:
    for _ in range(limit + 1):
        assert "RateLimit-Limit" not in owner.get("/documents/").headers
    assert remaining(owner.get(ME)) == "1"
