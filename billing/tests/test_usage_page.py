"""The usage page: who sees it, and that its figures are the ledger's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.permissions import Role
from billing import chart
from billing.chart import chart_of, round_up
from billing.metering import record_usage
from billing.models import UsageDifference
from billing.money import places_for, pounds
from billing.reports import Figures, Line, Report
from billing.types import UsageRecord
from knowledge.answering.savings import record_saving
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()


def text_of(browser: Any, path: str = "/usage/", **query: Any) -> str:
    response = browser.get(path, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_finance_sees_what_the_ledger_says(
    acme: Organisation, globex: Organisation, signed_in_as: Any, call: Call
) -> None:
    record_usage([call(member_id=uuid4(), member_label="ada@example.org"), call(kind="rewrite")])
    record_usage([replace(call(member_id=uuid4(), member_label="eve@globex.example"), tenant=globex.key)])
    with entered(acme.schema_name):
        record_saving(kind="exact", tokens=100, saved_gbp=Decimal("0.25"))
    page = text_of(signed_in_as(acme))
    assert "£0.0111" in page  # of both calls
    assert "ada@example.org" in page
    assert "Without a person" in page
    assert "£0.2500" in page
    assert "globex" not in page
    assert "eve@" not in page
    assert '<svg class="chart-drawing"' in page
    theirs = text_of(signed_in_as(globex))
    assert "eve@globex.example" in theirs
    assert "£0.2500" not in theirs


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.FINANCE, 200), (Role.MEMBER, 403)]
)
def test_who_sees_it_and_its_link(acme: Organisation, signed_in_as: Any, role: Role, status: int) -> None:
    browser = signed_in_as(acme, role)
    assert browser.get("/usage/").status_code == status
    assert ('href="/usage/"' in browser.get("/documents/").content.decode()) is (status == 200)


def test_without_a_sign_in_it_leads_to_one(acme: Organisation, on_host: Any) -> None:
    assert on_host(acme).get("/usage/")["Location"].startswith("/accounts/login/")


def test_nothing_used_says_so(acme: Organisation, signed_in_as: Any) -> None:
    assert "Nothing was used" in text_of(signed_in_as(acme))


def test_another_period_shows_other_calls(acme: Organisation, signed_in_as: Any, call: Call) -> None:
    record_usage([call(member_id=uuid4(), member_label="ada@example.org")])
    browser, before = signed_in_as(acme), (TODAY - timedelta(days=40)).isoformat()
    assert "Nothing was used" in text_of(browser, **{"from": before, "to": before})
    assert "ada@example.org" in text_of(browser, **{"from": before, "to": TODAY.isoformat()})


@pytest.mark.parametrize(
    "query", [{"from": "soon"}, {"from": "2026-03-02", "to": "2026-03-01"}], ids=["no-date", "backwards"]
)
def test_a_period_that_can_not_be_is_told(acme: Organisation, signed_in_as: Any, query: Any) -> None:
    assert "This month is shown instead" in text_of(signed_in_as(acme), **query)


def test_calls_without_a_price_and_days_that_differ_are_told(
    acme: Organisation, globex: Organisation, signed_in_as: Any, call: Call
) -> None:
    record_usage([call(model="unheard-of")])
    for organisation in (acme, globex):
        UsageDifference.objects.create(
            organisation_id=organisation.pk, day=TODAY, ledger_calls=2, rolled_calls=1, ledger_gbp=7, rolled_gbp=3
        )
    page = text_of(signed_in_as(acme))
    assert "1 call had no price" in page
    assert page.count("does not add up yet: £3.0000 in the report, £7.0000 in the ledger") == 1


# -- money and bars -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [
        ("1234.5", 2, "£1,234.50"),
        ("0.005", 2, "£0.01"),
        ("0.004", 2, "<£0.01"),
        ("0", 2, "£0.00"),
        ("-0.2", 2, "-£0.20"),
        ("-0.0001", 2, ">-£0.01"),
        ("0.00553", 4, "£0.0055"),
    ],
)
def test_how_money_is_written(amount: str, places: int, text: str) -> None:
    assert pounds(Decimal(amount), places) == text


def test_small_sums_have_more_decimals() -> None:
    assert (places_for(Decimal("99.99")), places_for(Decimal(100))) == (4, 2)


def report(since: date, until: date, **costs: str) -> Report:
    lines = [Line(day, day, Figures(calls=1, cost_gbp=Decimal(cost))) for day, cost in costs.items()]
    return Report(since, until, "day", tuple(lines), sum((line.figures for line in lines), Figures()))


def test_each_day_has_a_bar_as_high_as_its_cost() -> None:
    drawn = chart_of(report(date(2026, 11, 1), date(2026, 11, 4), **{"2026-11-02": "0.5", "2026-11-04": "1"}))
    assert drawn
    room = chart.HEIGHT - chart.TOP - chart.BOTTOM
    assert [bar.height for bar in drawn.bars] == [0, room / 2, 0, room]
    assert drawn.bars[1].label == "2 Nov: £0.5000"
    assert all(0 <= bar.x and bar.x + bar.width <= chart.WIDTH for bar in drawn.bars)
    assert "The dearest day was 4 Nov with £1.0000" in drawn.summary


def test_a_long_period_has_a_bar_a_month() -> None:
    drawn = chart_of(report(date(2025, 1, 1), date(2026, 2, 3), **{"2025-11-30": "3", "2026-02-01": "1"}))
    assert drawn
    assert [bar.label[:8] for bar in drawn.bars] == ["Nov 2025", "Dec 2025", "Jan 2026", "Feb 2026"]
    assert drawn.unit == "month"


def test_nothing_spent_draws_nothing() -> None:
    assert chart_of(report(date(2025, 1, 1), date(2026, 2, 3))) is None


@pytest.mark.parametrize(
    ("highest", "top"), [("0.0031", "0.005"), ("1", "1"), ("1.01", "2"), ("240", "250"), ("99", "100")]
)
def test_the_scale_ends_at_a_round_sum(highest: str, top: str) -> None:
    assert round_up(Decimal(highest)) == Decimal(top)
