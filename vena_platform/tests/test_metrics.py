"""`/metrics`: who may read it, and that it counts for all processes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from knowledge.providers.breaker import PLATFORM, Circuit, failed
from knowledge.providers.loops import run_in_loop
from tenants.models import Organisation
from vena_platform import counters

TOKEN = "metrics-token"


def samples(page: Any) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(page.content.decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def token(settings: Any) -> dict[str, str]:
    settings.VENA_METRICS_TOKEN = TOKEN
    return {"authorization": f"Bearer {TOKEN}"}


def test_only_operators_and_the_token_may_read(db: None, on_host: Any, token: dict[str, str], settings: Any) -> None:
    public = on_host(None)
    assert public.get("/metrics").status_code == 401
    assert public.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert public.get("/metrics", headers=token).status_code == 200
    settings.VENA_METRICS_TOKEN = ""
    assert public.get("/metrics", headers={"authorization": "Bearer "}).status_code == 401


def test_an_operator_reads_it_and_sees_the_providers(db: None, on_host: Any) -> None:
    public = on_host(None)
    public.force_login(User.objects.create_superuser("root@example.org", "correct horse battery"))
    assert public.get("/metrics").status_code == 200
    run_in_loop(failed(Circuit(PLATFORM, "openai"), rest=90.0))
    page = public.get("/admin/providers/").content.decode()
    assert "Resting until" in page
    assert "claude-sonnet-5-5" in page


def test_organisations_hosts_have_none(acme: Organisation, on_host: Any, token: dict[str, str]) -> None:
    assert on_host(acme).get("/metrics", headers=token).status_code == 404
    assert on_host(acme).get("/admin/providers/").status_code in (302, 404)


def test_what_any_process_counted_is_told_by_each(db: None, on_host: Any, token: dict[str, str]) -> None:
    counters.count("provider_calls", provider="openai", outcome="failed")
    counters.observe("first_token_seconds", 0.3, provider="openai")
    counters.observe("first_token_seconds", 99.0, provider="openai")
    count_elsewhere()
    run_in_loop(failed(Circuit(PLATFORM, "anthropic"), rest=90.0))
    found = samples(on_host(None).get("/metrics", headers=token))
    assert found["vena_provider_calls_total", "failed", "openai"] == 3
    assert found["vena_answers_total", "complete"] == 1
    assert found["vena_first_token_seconds_bucket", "0.25", "openai"] == 0
    assert found["vena_first_token_seconds_bucket", "0.5", "openai"] == 1
    assert found["vena_first_token_seconds_bucket", "+Inf", "openai"] == 2
    assert found["vena_first_token_seconds_count", "openai"] == 2
    assert found["vena_first_token_seconds_sum", "openai"] == pytest.approx(99.3)
    assert found["vena_provider_breaker_state", "anthropic", "resting"] == 1
    assert found["vena_provider_breaker_state", "openai", "working"] == 1
    assert "org_" not in str(found)


def count_elsewhere() -> None:
    script = f"""
from django.conf import settings
settings.configure(REDIS_URL={django_settings.REDIS_URL!r}, VENA_REDIS_PREFIX={django_settings.VENA_REDIS_PREFIX!r})
from vena_platform import counters
counters.count("provider_calls", 2, provider="openai", outcome="failed")
counters.count("answers", status="complete")
counters.flush()
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=django_settings.BASE_DIR, timeout=60)


def test_what_can_not_be_handed_over_is_kept(settings: Any, django_db_setup: None) -> None:
    where = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    counters.count("answers", status="stopped")
    counters.flush()
    settings.REDIS_URL = where
    assert counters.totals()["answers|status=stopped"] == 1
