from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.metering import record_usage
from billing.models import UsageEvent
from billing.reports import usage_report
from billing.rollups import day_roll
from billing.types import UsageRecord
from tenants.models import Organisation


def saved(organisation: Organisation) -> Decimal:
    today = timezone.now().date()
    return usage_report(organisation.pk, today, today, "kind").total.cache_saved_gbp


def test_reading_saves_and_writing_costs(
    acme: Organisation, globex: Organisation, call: Callable[..., UsageRecord]
) -> None:
    claude: dict[str, Any] = {"provider": "anthropic", "model": "claude-sonnet-4-6", "input_tokens": 3000}
    record_usage([call(**claude, cached_input_tokens=0, cache_write_tokens=2000)])
    assert saved(acme) == -Decimal("0.79") * 2000 * Decimal("0.75") / 1_000_000
    record_usage([call(**claude, cached_input_tokens=2000), call(cached_input_tokens=400)])
    wanted = 2000 * Decimal("2.70") - 2000 * Decimal("0.75") + 400 * Decimal("1.25")
    assert saved(acme) == Decimal("0.79") * wanted / 1_000_000
    assert saved(globex) == 0
    record_usage([replace(call(**claude, cached_input_tokens=2000), tenant=globex.key)])
    assert saved(globex) == Decimal("0.79") * 2000 * Decimal("2.70") / 1_000_000
    day_roll(timezone.now().date())
    assert saved(acme) == Decimal("0.79") * wanted / 1_000_000


def test_the_ledger_keeps_what_was_written_within_the_input(db: None, call: Callable[..., UsageRecord]) -> None:
    record_usage([call(input_tokens=1000, cached_input_tokens=400, cache_write_tokens=5000)])
    event = UsageEvent.objects.get()
    assert (event.cached_input_tokens, event.cache_write_tokens) == (400, 600)
