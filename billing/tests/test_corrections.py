"""What was wrong is taken back and entered anew; roll-ups, reports and budgets say the corrected sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing import metering
from billing.budget_periods import budgets_recount
from billing.budgets import Payer, budget_reserve, forget_budgets
from billing.corrections import NEGATED, Tokens, event_replace, event_take_back
from billing.errors import BudgetReached, CallIsCorrected, CorrectionNotPossible
from billing.metering import record_usage
from billing.models import Budget, BudgetPeriod, ModelPrice, UsageEvent
from billing.prices import forget_quotes
from billing.reports import usage_report, usage_reports
from billing.rollups import day_check, days_roll
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()
WHY = "The provider's invoice says otherwise"


def only() -> UsageEvent:
    return UsageEvent.objects.select_related("price", "rate").order_by("id").first()  # type: ignore[return-value]


def price(model: str, usd: int) -> None:
    """From today on."""
    columns = dict.fromkeys(("input_usd", "cached_input_usd", "output_usd"), Decimal(usd))
    ModelPrice.objects.create(provider="openai", model=model, valid_from=TODAY, source="test", **columns)
    forget_quotes()


def total(organisation: Organisation) -> Any:
    totals = {report.total for report in usage_reports(organisation.pk, TODAY - timedelta(9), TODAY).values()}
    assert len(totals) == 1
    return totals.pop()


def test_a_counter_entry_is_the_row_with_every_figure_negated(call: Call, acme: Organisation) -> None:
    record_usage([call(member_id=uuid4(), member_label="ada@example.org", group_ids=(uuid4(),), subject=uuid4())])
    event = only()
    event_take_back(event, reason=f" {WHY} ", entered_by="operator@vena.example")
    counter = UsageEvent.objects.get(is_counter=True)
    assert (counter.corrects, counter.reason) == (event.idempotency_key, WHY)
    assert counter.entered_by == "operator@vena.example"
    new = {"id", "idempotency_key", "created_at", "corrects", "is_counter", "reason", "entered_by", *NEGATED}
    for field in UsageEvent._meta.concrete_fields:
        if field.name not in new:
            assert getattr(counter, field.attname) == getattr(event, field.attname), field.name
    assert [getattr(counter, name) for name in NEGATED] == [-getattr(event, name) for name in NEGATED]
    figures = total(acme)
    assert (figures.cost_gbp, figures.calls, figures.answers, figures.input_tokens) == (0, 0, 0, 0)


def test_it_is_taken_back_once_and_by_nobody_without_a_reason(call: Call) -> None:
    record_usage([call()])
    with pytest.raises(CorrectionNotPossible, match="Say why"):
        event_take_back(only(), reason="  ")
    counter = event_take_back(only(), reason=WHY)
    for act in (lambda: event_take_back(only(), reason=WHY), lambda: event_replace(only(), Tokens(1, 1), reason=WHY)):
        with pytest.raises(CallIsCorrected):
            act()
    with pytest.raises(CorrectionNotPossible):
        event_take_back(counter, reason=WHY)
    assert UsageEvent.objects.count() == 2


def test_an_estimate_gives_way_to_the_providers_figure_at_the_price_of_its_time(
    call: Call, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC) - timedelta(days=2)
    monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: then))
    record_usage([call(is_estimated=True, cached_input_tokens=0), call(kind="rewrite")])
    days_roll()
    before = usage_report(acme.pk, then.date(), then.date(), "day")
    price("gpt-4o", 99)
    right = event_replace(only(), Tokens(1200, 300, cached_input_tokens=1000), reason=WHY)
    assert right.cost_gbp == (200 * Decimal("2.5") + 1000 * Decimal("1.25") + 300 * 10) * Decimal("0.79") / 10**6
    assert (right.is_estimated, right.corrects) == (False, only().idempotency_key)
    assert usage_report(acme.pk, then.date(), then.date(), "day") == before  # what was reported stays
    figures = total(acme)
    assert (figures.calls, figures.estimated_calls, figures.input_tokens) == (2, 0, 2200)
    assert figures.cost_gbp == right.cost_gbp + Decimal("0.00553")
    again = event_replace(right, Tokens(1200, 301, cached_input_tokens=1000), reason=WHY)
    assert total(acme).cost_gbp == again.cost_gbp + Decimal("0.00553")
    assert day_check(then.date()) == []


def test_what_had_no_price_can_be_priced_when_one_is_known(call: Call, acme: Organisation) -> None:
    record_usage([call(model="unheard-of")])
    assert total(acme).unpriced_calls == 1
    price("unheard-of", 1)
    event_replace(only(), Tokens(1000, 500), reason="Its price came later")
    figures = total(acme)
    assert (figures.calls, figures.unpriced_calls, figures.cost_gbp) == (1, 0, Decimal("0.001185"))


def test_budgets_follow_and_have_room_again(call: Call, acme: Organisation, globex: Organisation) -> None:
    ada, sales = uuid4(), uuid4()
    limit = Decimal("0.00553")
    for facts in ({}, {"scope": "member"}, {"scope": "group", "subject_id": sales}, {"organisation": globex}):
        Budget.objects.create(**{"organisation": acme, "amount_gbp": limit, **facts})
    forget_budgets()
    payer = Payer(acme.pk, ada, (sales,))
    record_usage([call(member_id=ada, group_ids=(sales,)), replace(call(), tenant=globex.key)])
    with pytest.raises(BudgetReached):
        budget_reserve(payer, uuid4(), limit)
    event_take_back(only(), reason=WHY)
    theirs = BudgetPeriod.objects.get(budget__organisation=globex)
    assert theirs.spent_gbp == limit
    ours = BudgetPeriod.objects.exclude(pk=theirs.pk)
    assert set(ours.values_list("spent_gbp", "reached_at")) == {(Decimal(0), None)}
    budget_reserve(payer, uuid4(), limit)
    assert budgets_recount() == []


@pytest.mark.parametrize("tokens", [Tokens(-1, 0), Tokens(1, 1, cached_input_tokens=2), Tokens(1, -1)])
def test_impossible_tokens_are_refused_and_nothing_is_taken_back(call: Call, tokens: Tokens) -> None:
    record_usage([call()])
    with pytest.raises(CorrectionNotPossible):
        event_replace(only(), tokens, reason=WHY)
    assert UsageEvent.objects.count() == 1


@pytest.mark.parametrize("part", ["", "_other"])
def test_the_ledger_is_never_emptied(call: Call, part: str) -> None:
    record_usage([call()])
    with pytest.raises(DatabaseError, match="never emptied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE public.billing_usageevent{part}")
    assert UsageEvent.objects.count() == 1


def test_a_day_of_refunds_only_is_shown_and_exported(
    call: Call, acme: Organisation, signed_in_as: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC) - timedelta(days=2)
    monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: then))
    record_usage([call(), call(output_tokens=9_000_000)])
    days_roll()
    event_take_back(only(), reason=WHY)
    browser = signed_in_as(acme)
    for since in (TODAY, then.date()):
        page = browser.get(f"/usage/?from={since}&to={TODAY}")
        assert page.status_code == 200
        assert "-£0.0055" in page.content.decode()
        file = browser.get(f"/api/v1/usage/?from={since}&to={TODAY}&group_by=day&format=csv").content.decode()
        assert f"{TODAY},-1,-1,-1000,-400,0,-500,-0.00553000," in file
        assert browser.get(f"/api/v1/usage/?from={since}&to={TODAY}&format=xlsx").status_code == 200
