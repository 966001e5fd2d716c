"""The provider's figures beside the ledger: equal, explained, or said to be neither."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from billing import metering
from billing.metering import record_usage
from billing.models import ProviderDay, ProviderImport
from billing.reconcile.actions import provider_usage_import
from billing.reconcile.matching import LOOSE_OUTPUT_TOKENS, Sums, Verdict, costs_of, family, matches_of, verdict_of
from billing.rollups import days_roll
from billing.tests.test_provider_files import openai_page, openai_result, written
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
DAY = timezone.now().date() - timedelta(days=2)
START = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
DATED = "gpt-4o-2024-08-06"


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are written two days ago."""
    moment = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: moment))


def export(*results: dict[str, Any]) -> bytes:
    return written(openai_page(*results, start=START, end=START + 86_400))


def usage(read: int, wrote: int, model: str = DATED) -> dict[str, Any]:
    return openai_result(model=model, input_tokens=read, output_tokens=wrote, input_cached_tokens=0)


def bring(*results: dict[str, Any]) -> ProviderImport:
    return provider_usage_import(provider="openai", content=export(*results), file_name="usage.json")


def verdicts(**facts: Any) -> dict[str, Verdict]:
    return {one.model: one.verdict for one in matches_of("openai", DAY, DAY, **facts)}


def test_the_sum_of_all_organisations_is_what_the_provider_billed(
    acme: Organisation, globex: Organisation, call: Call, then: None
) -> None:
    record_usage([call(), call(kind="rewrite"), replace(call(), tenant=globex.key)])
    record_usage([call(provider="anthropic", model="claude-sonnet-4-6")])
    bring(usage(3000, 1500))
    assert verdicts() == {"gpt-4o": Verdict.NOT_CLOSED}
    days_roll()
    assert verdicts() == {"gpt-4o": Verdict.EQUAL}
    assert verdicts(without=[globex.pk]) == {"gpt-4o": Verdict.MORE_THERE}  # it has a key of its own, was said


def test_a_file_brought_twice_or_corrected_holds_once(call: Call, then: None) -> None:
    record_usage([call()])
    days_roll()
    bring(usage(1000, 400))
    bring(usage(1000, 500))
    bring(usage(1000, 500))
    assert verdicts() == {"gpt-4o": Verdict.EQUAL}
    assert (ProviderDay.objects.count(), ProviderImport.objects.count()) == (1, 3)


def test_what_stopped_streams_may_differ_by_is_explained_and_no_more(call: Call, then: None) -> None:
    record_usage([call(), call(outcome="stopped", is_estimated=True, input_tokens=100, cached_input_tokens=0)])
    days_roll()
    bring(usage(1120, 1300))
    assert verdicts() == {"gpt-4o": Verdict.ESTIMATED}
    bring(usage(1120, 1000 + LOOSE_OUTPUT_TOKENS + 1))
    assert verdicts() == {"gpt-4o": Verdict.MORE_THERE}
    bring(usage(899, 1000))
    assert verdicts() == {"gpt-4o": Verdict.LESS_THERE}


def test_what_only_one_side_knows(call: Call, then: None) -> None:
    record_usage([call(model="gpt-4o-mini"), call(model="unheard-of")])
    days_roll()
    bring(usage(1000, 500, "gpt-4o-mini-2024-07-18"), usage(7, 7, "somebody-elses-model"))
    assert verdicts() == {
        "gpt-4o-mini": Verdict.EQUAL,
        "unheard-of": Verdict.NOT_THERE,
        "somebody-elses-model": Verdict.NOT_HERE,
    }


@pytest.mark.parametrize(
    ("theirs", "estimated", "verdict"),
    [
        (Sums(1, 99, 50), Sums(), Verdict.LESS_THERE),
        (Sums(1, 101, 50), Sums(), Verdict.MORE_THERE),
        (Sums(1, 80, 40), Sums(1, 20, 10), Verdict.ESTIMATED),  # a call that was refused after all
        (Sums(1, 79, 40), Sums(1, 20, 10), Verdict.LESS_THERE),
    ],
)
def test_the_bounds(theirs: Sums, estimated: Sums, verdict: Verdict) -> None:
    assert verdict_of(theirs, Sums(2, 100, 50), estimated) is verdict


def test_families() -> None:
    names = {
        "gpt-4o-2024-08-06": "gpt-4o",
        "claude-haiku-4-5-20251001": "claude-haiku-4-5",
        "gpt-4o-mini": "gpt-4o-mini",
    }
    assert {name: family(name) for name in names} == names


def test_costs_are_compared_in_pounds(call: Call, then: None) -> None:
    record_usage([call()])
    days_roll()
    amount = {
        "object": "organization.costs.result",
        "amount": {"value": 0.007, "currency": "usd"},
        "line_item": "gpt-4o",
    }
    bring(amount)
    (cost,) = costs_of("openai", DAY, DAY)
    assert (cost.charged_gbp, cost.ledger_gbp, cost.difference or 0) == (Decimal("0.00553"), Decimal("0.00553"), 0)


# -- operators --------------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None, on_host: Any) -> Any:
    User.objects.create_superuser("operator@vena.example", "correct horse battery")
    host = on_host(None)
    host.sign_in("operator@vena.example")
    return host


def test_operators_bring_a_file_and_see_what_differs(operator: Any, acme: Organisation, call: Call, then: None) -> None:
    record_usage([call()])
    days_roll()
    content = export(usage(1000, 500), usage(5, 5, "<b>odd</b>"))
    form = {"provider": "openai", "file": SimpleUploadedFile("usage.json", content)}
    sent = operator.post("/admin/billing/providerimport/bring/", form)
    assert sent.status_code == 302
    page = operator.get(sent["location"]).content.decode()
    assert "Equal to the token." in page
    assert "Something else uses the same account." in page
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert ProviderImport.objects.get().imported_by == "operator@vena.example"
    left = operator.get(sent["location"] + f"&without={acme.pk}").content.decode()
    assert "Equal to the token." not in left
    for odd in (
        "?provider=openai",
        "?provider=none&since=x&until=y",
        "?provider=openai&since=2026-01-01&until=2020-01-01",
    ):
        assert operator.get(f"/admin/billing/providerimport/matches/{odd}").status_code == 200
    assert "usage.json" in operator.get("/admin/billing/providerimport/").content.decode()


def test_a_file_with_a_fault_changes_nothing(operator: Any) -> None:
    broken = SimpleUploadedFile("usage.json", export(usage(1, 1), openai_result(model=None)))
    page = operator.post(
        "/admin/billing/providerimport/bring/", {"provider": "openai", "file": broken}
    ).content.decode()
    assert "result 2: no model is named" in page
    assert not ProviderImport.objects.exists()


def test_nobody_else_gets_at_it(acme: Organisation, signed_in_as: Any, on_host: Any) -> None:
    for host in (signed_in_as(acme), on_host(None)):
        for path in ("", "bring/", "matches/"):
            assert host.get(f"/admin/billing/providerimport/{path}").status_code in {302, 403, 404}


def test_the_command(tmp_path: Path, call: Call, then: None, capsys: pytest.CaptureFixture[str]) -> None:
    record_usage([call()])
    days_roll()
    (tmp_path / "usage.json").write_bytes(export(usage(1001, 500)))
    call_command("provider_usage_import", tmp_path / "usage.json", provider="openai")
    assert f"{DAY} gpt-4o: input +1, output +0. The provider has more." in capsys.readouterr().out
    (tmp_path / "broken.json").write_text(json.dumps({"data": 7}))
    for name, said in (("broken.json", "Page 1"), ("none.json", "can't be read")):
        with pytest.raises(CommandError, match=said):
            call_command("provider_usage_import", tmp_path / name, provider="openai")
