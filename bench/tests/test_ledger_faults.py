"""A small run of what `python -m bench.ledger_faults` does with thousands."""

from __future__ import annotations

from typing import Any

from bench.ledger_faults import furnished, report, run
from bench.stub_provider import StubProvider
from billing.models import UsageEvent
from tenants.models import Organisation


def test_under_faults_the_ledger_is_the_providers_own_account(
    live_acme: Organisation, live_globex: Organisation, settings: Any
) -> None:
    with StubProvider() as stub:
        for name, url in (("OPENAI", stub.openai_url), ("ANTHROPIC", stub.anthropic_url), ("COHERE", stub.url)):
            setattr(settings, f"{name}_API_KEY", "stub")
            setattr(settings, f"{name}_BASE_URL", url)
        settings.VENA_CHAT_PROVIDER = ""
        settings.VENA_MIN_SIMILARITY = 0.0
        settings.VENA_BREAKER_FAILURES = settings.VENA_QUESTIONS_PER_MINUTE = 1_000_000
        user_id = furnished(live_acme)
        found = run(live_acme, user_id, stub, 60, at_once=10)
    told = "\n".join(report(found))
    assert found.is_exact, told
    assert set(found.exact) == {"gpt-4o", "claude-sonnet-5-5", "text-embedding-3-small", "rerank-v3.5"}, told
    assert found.estimated, told
    assert sum(found.answers.values()) == 60
    assert found.answers["complete"] >= 40, told
    assert found.answers["stopped"] >= 3, told
    assert not UsageEvent.objects.filter(organisation_id=live_globex.pk).exists()
