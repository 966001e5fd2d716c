"""Roll-ups and reports: always exactly the ledger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from billing import metering, reports, rollups
from billing.errors import PeriodNotPossible
from billing.metering import record_usage
from billing.models import Budget, DailyCollection, DailyUsage, RolledDay, UsageDifference, UsageEvent
from billing.reports import GROUPS, Figures, gaps, usage_report, usage_reports
from billing.rollups import day_check, day_roll, days_check, days_roll, today_roll
from billing.tasks import keep_the_books
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()
ADA, BOB = uuid4(), uuid4()
HANDBOOK, CONTRACTS, KEY = uuid4(), uuid4(), uuid4()
PASSWORD = "correct horse battery"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """From now on calls are written on this day."""

    def move(day: date) -> None:
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: moment))

    return move


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortly after midnight the day before is not over yet, which is tested by itself."""
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    monkeypatch.setattr(rollups, "timezone", SimpleNamespace(now=lambda: noon))


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def whole(organisation: Organisation) -> Figures:
    """The ledger of an organisation, added up in Python."""
    total = Figures()
    for row in UsageEvent.objects.filter(organisation_id=organisation.pk).select_related():
        total += Figures(
            int(row.kind == "chat" and row.outcome != "failed"),
            1,
            int(row.price_id is None),
            int(row.is_estimated),
            row.input_tokens,
            row.cached_input_tokens,
            row.cache_write_tokens,
            row.output_tokens,
            row.cost_gbp,
            cache_saved(row),
        )
    return total


def cache_saved(row: UsageEvent) -> Decimal:
    if row.price is None or row.rate is None:
        return Decimal(0)
    usd = row.cached_input_tokens * (row.price.input_usd - row.price.cached_input_usd)
    return usd * row.rate.gbp_per_usd * Decimal("0.000001")


def adds_up(organisation: Organisation) -> None:
    found = usage_reports(organisation.pk, ago(40), TODAY)
    assert set(found) == set(GROUPS)
    for report in found.values():
        assert report.total == whole(organisation)
        assert sum((line.figures for line in report.lines), Figures()) == report.total


# -- rolling up -----------------------------------------------------------------------------------


def test_a_day_that_has_ended_is_rolled_up_once_it_is_over(acme: Organisation, call: Call, at: Any) -> None:
    at(ago(2))
    record_usage([call(member_id=ADA, member_label="ada@example.org"), call(member_id=ADA), call(model="unheard-of")])
    at(ago(1))
    record_usage([call(outcome="failed", is_estimated=True)])
    yesterday_ends = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    assert days_roll(yesterday_ends + timedelta(minutes=14)) == [ago(2)]
    assert days_roll(yesterday_ends + timedelta(minutes=15)) == [ago(1)]
    assert days_roll(yesterday_ends + timedelta(minutes=30)) == []
    row = DailyUsage.objects.get(member_id=ADA)
    assert (row.day, row.calls, row.input_tokens, row.cached_input_tokens) == (ago(2), 2, 2000, 800)
    assert (row.member_label, row.cost_gbp) == ("ada@example.org", 2 * Decimal("0.00553"))
    assert RolledDay.objects.get(day=ago(2)).calls == 3
    assert DailyUsage.objects.get(model="unheard-of").unpriced_calls == 1
    adds_up(acme)


def test_rolling_up_again_changes_nothing_and_brings_a_late_row_in(acme: Organisation, call: Call, at: Any) -> None:
    at(ago(1))
    record_usage([call()])
    day_roll(ago(1))
    before = list(DailyUsage.objects.values())
    day_roll(ago(1))
    assert list(DailyUsage.objects.values()) == before
    record_usage([call(), call(kind="rerank")])
    day_roll(ago(1))
    assert {row.kind: row.calls for row in DailyUsage.objects.all()} == {"chat": 2, "rerank": 1}
    adds_up(acme)


def test_a_report_reads_what_was_written_a_moment_ago(acme: Organisation, globex: Organisation, call: Call) -> None:
    record_usage([call(), replace(call(), tenant=globex.key)])
    assert usage_report(acme.pk, TODAY, TODAY, "kind").total.calls == 1
    record_usage([call()])
    assert usage_report(acme.pk, TODAY, TODAY, "kind").total.calls == 2
    assert usage_report(globex.pk, TODAY, TODAY, "kind").total.calls == 1


@pytest.mark.parametrize("rolled", [False, True], ids=["ledger", "rolled-up"])
def test_what_each_grouping_says(acme: Organisation, globex: Organisation, call: Call, at: Any, rolled: bool) -> None:
    at(ago(3))
    record_usage([call(member_id=ADA, member_label="ada@example.org", output_tokens=5000), call(kind="assist")])
    at(ago(2))
    record_usage([call(member_id=BOB, member_label="bob@example.org", outcome="failed", output_tokens=0)])
    record_usage([replace(call(member_id=ADA), tenant=globex.key)])
    if rolled:
        days_roll()
    found = usage_reports(acme.pk, ago(3), TODAY)

    def labels(group: str) -> list[tuple[str, str]]:
        return [(line.key, line.label) for line in found[group].lines]

    assert [key for key, _ in labels("day")] == [ago(3).isoformat(), ago(2).isoformat()]
    ada, nobody, bob = labels("member")  # the dearest first
    assert (ada, nobody[0], bob) == ((str(ADA), "ada@example.org"), "", (str(BOB), "bob@example.org"))
    assert labels("model") == [("openai/gpt-4o", "openai gpt-4o")]
    assert [key for key, _ in labels("kind")] == ["chat", "assist"]
    assert found["kind"].total.answers == 1  # the failed one is none
    assert usage_report(acme.pk, ago(3), ago(3), "member").total.calls == 2


def test_the_day_that_runs_is_rolled_up_to_a_moment_and_then_as_a_whole(
    acme: Organisation, globex: Organisation, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)

    def at_moment(moment: datetime) -> None:
        monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: moment))

    at_moment(noon)
    record_usage([call(member_id=ADA), call(collection_ids=(HANDBOOK,)), replace(call(), tenant=globex.key)])
    at_moment(noon + timedelta(hours=1))
    record_usage([call(member_id=ADA)])
    assert today_roll(noon - timedelta(hours=11, minutes=45)) is None  # at 00:15 nothing of it is over
    assert today_roll(noon + timedelta(minutes=45)) == noon + timedelta(minutes=30)
    assert sum(row.calls for row in DailyUsage.objects.filter(organisation_id=acme.pk)) == 2
    adds_up(acme)
    adds_up(globex)
    assert usage_report(acme.pk, ago(3), ago(1), "day").total == Figures()
    assert days_check() == []  # only days that have ended are compared
    today_roll(noon + timedelta(hours=2))
    adds_up(acme)
    at_moment(noon + timedelta(hours=3))
    record_usage([call(member_id=BOB)])
    assert days_roll(noon + timedelta(days=1)) == [TODAY]
    assert today_roll(noon + timedelta(hours=4)) is None
    adds_up(acme)
    assert days_check() == []


def test_a_report_of_nothing_is_empty(acme: Organisation) -> None:
    report = usage_report(acme.pk, ago(3), TODAY, "day")
    assert (report.lines, report.total) == ((), Figures())


def test_a_period_that_can_not_be_is_refused(acme: Organisation) -> None:
    for since, until in ((TODAY, ago(1)), (date(1990, 1, 1), TODAY)):
        with pytest.raises(PeriodNotPossible):
            usage_report(acme.pk, since, until, "day")


def test_a_long_report_costs_two_statements(acme: Organisation, call: Call, django_assert_num_queries: Any) -> None:
    record_usage([call()])
    with django_assert_num_queries(2):
        usage_reports(acme.pk, ago(365), TODAY, ("day", "member", "model", "kind", "cost_centre"))


@given(taken=st.sets(st.integers(0, 20)), since=st.integers(0, 20), length=st.integers(0, 20))
def test_gaps_are_just_the_days_that_are_not_taken(taken: set[int], since: int, length: int) -> None:
    start = date(2026, 1, 1)
    first, last = start + timedelta(days=since), start + timedelta(days=since + length)
    days = [start + timedelta(days=number) for number in sorted(taken)]
    found = list(gaps(first, last, [day for day in days if first <= day <= last]))
    inside = {a + timedelta(days=n) for a, b in found for n in range((b - a).days)}
    assert inside == {first + timedelta(days=n) for n in range(length + 1)} - set(days)
    assert all(a < b for a, b in found)
    assert all(before[1] < after[0] for before, after in zip(found, found[1:], strict=False))


# -- any sequence of calls ------------------------------------------------------------------------

CALLS = st.fixed_dictionaries(
    {
        "day": st.integers(0, 4),
        "who": st.sampled_from([ADA, BOB, None]),
        "kind": st.sampled_from(["chat", "embedding", "rewrite"]),
        "outcome": st.sampled_from(["complete", "stopped", "failed"]),
        "model": st.sampled_from(["gpt-4o", "gpt-4o-mini", "unheard-of"]),
        "tokens": st.integers(0, 2_000_000_000),
        "theirs": st.booleans(),
        "collections": st.lists(st.sampled_from([HANDBOOK, CONTRACTS]), unique=True),
        "conversation": st.sampled_from([ADA, None]),
        "by_key": st.booleans(),
    }
)
STEPS = st.lists(st.one_of(CALLS, st.just("roll"), st.just("repeat")), max_size=12)


@pytest.mark.django_db
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_called_the_ledger_the_rollups_and_the_report_are_one(
    acme: Organisation, globex: Organisation, call: Call, at: Any, steps: list[Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL vena.may_empty_ledger = 'yes'")
        cursor.execute(
            "TRUNCATE public.billing_usageevent, public.billing_dailyusage, public.billing_rolledday, "
            "public.billing_dailycollection"
        )
    records: list[UsageRecord] = []
    for step in steps:
        if step == "roll":
            days_roll()
        elif step == "repeat":
            record_usage(records[-2:])
        else:
            at(ago(step["day"]))
            made = call(
                member_id=step["who"],
                kind=step["kind"],
                outcome=step["outcome"],
                model=step["model"],
                input_tokens=step["tokens"],
                cached_input_tokens=step["tokens"] // 3,
                collection_ids=tuple(step["collections"]),
                conversation_id=step["conversation"],
                api_key_id=KEY if step["by_key"] else None,
                api_key_label="vena_ab12",
            )
            records.append(replace(made, tenant=globex.key) if step["theirs"] else made)
            record_usage([records[-1]])
    for day in RolledDay.objects.values_list("day", flat=True):
        day_roll(day)  # a test writes into days long past; the books are closed when a day is
    adds_up(acme)
    adds_up(globex)
    assert days_check(100) == []
    assert all(isinstance(line.figures.cost_gbp, Decimal) for line in usage_report(acme.pk, ago(9), TODAY, "day").lines)


# -- the check ------------------------------------------------------------------------------------


def spoil_cost() -> None:
    DailyUsage.objects.filter(kind="chat").update(cost_gbp=Decimal("0.7"))


def spoil_tokens() -> None:
    DailyUsage.objects.filter(kind="chat").update(output_tokens=1)


def lose_a_line() -> None:
    DailyUsage.objects.filter(kind="chat").delete()


def spoil_a_collection() -> None:
    DailyCollection.objects.filter(kind="chat").update(cost_gbp=Decimal("0.7"))


def invent_a_line() -> None:
    row = DailyUsage.objects.filter(kind="chat").get()
    row.pk, row.kind = None, "rerank"
    row.save()


@pytest.mark.parametrize("spoil", [spoil_cost, spoil_tokens, lose_a_line, invent_a_line, spoil_a_collection])
def test_what_is_not_the_ledger_is_found_told_and_mended(
    acme: Organisation, globex: Organisation, call: Call, at: Any, caplog: Any, spoil: Callable[[], None]
) -> None:
    at(ago(1))
    record_usage([call(), call(kind="assist"), replace(call(kind="assist"), tenant=globex.key)])
    days_roll()
    assert days_check() == []
    assert RolledDay.objects.get().checked_at
    spoil()
    with caplog.at_level(logging.ERROR, "billing.rollups"):
        (found,) = day_check(ago(1))
    row = UsageDifference.objects.get()
    assert (row.pk, row.organisation_id, row.organisation_label) == (found.pk, acme.pk, "org_acme")
    assert (row.day, row.ledger_calls, row.ledger_gbp) == (ago(1), 2, 2 * Decimal("0.00553"))
    assert row.mended_at
    assert [line.message for line in caplog.records] == ["usage.differed"]
    adds_up(acme)
    adds_up(globex)
    assert day_check(ago(1)) == []


def test_the_longest_unchecked_days_come_first(acme: Organisation, call: Call, at: Any) -> None:
    for day in (3, 2, 1):
        at(ago(day))
        record_usage([call()])
    days_roll()
    days_check(1)
    assert [row.day for row in RolledDay.objects.filter(checked_at__isnull=False)] == [ago(1)]
    days_check(2)
    assert not RolledDay.objects.filter(checked_at__isnull=True).exists()


def test_the_nightly_task_rolls_up_and_checks(acme: Organisation, call: Call, at: Any) -> None:
    at(ago(1))
    record_usage([call()])
    keep_the_books()
    assert RolledDay.objects.get(day=ago(1)).checked_at
    assert reports.usage_report(acme.pk, ago(1), ago(1), "day").total == whole(acme)


@pytest.mark.parametrize("model", ["dailyusage", "usagedifference", "budget"])
def test_operators_read_what_was_rolled_up_and_what_differed(
    acme: Organisation, call: Call, at: Any, on_host: Any, model: str
) -> None:
    at(ago(1))
    record_usage([call()])
    days_roll()
    spoil_cost()
    day_check(ago(1))
    User.objects.create_superuser("operator@vena.example", PASSWORD)
    Budget.objects.create(organisation=acme, amount_gbp=Decimal(ago(1).year))
    host = on_host(None)
    host.sign_in("operator@vena.example")
    assert str(ago(1).year) in host.get(f"/admin/billing/{model}/").content.decode()
    assert host.get(f"/admin/billing/{model}/add/").status_code == 403
