"""Ready means: this process reaches everything it needs."""

from __future__ import annotations

from typing import Any

import pytest

from vena_platform import health


@pytest.fixture(autouse=True)
def _look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what an earlier test saw."""
    monkeypatch.setattr(health, "_last", (0.0, {}))


def test_ready_when_every_store_answers(db: None, on_host: Any) -> None:
    response = on_host(None).get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_not_ready_without_redis(db: None, on_host: Any, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = on_host(None).get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "checks": {"database": "ok", "redis": "unavailable", "index": "ok"},
    }
    assert on_host(None).get("/health/live").status_code == 200


def test_many_probes_look_once_a_second(db: None, on_host: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEEP_SECONDS", 60)
    on_host(None).get("/health/ready")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert on_host(None).get("/health/ready").status_code == 200
