"""Reports by e-mail: to whom, of which days, once; and the page that adds, pauses and removes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.permissions import Role
from billing import metering
from billing.metering import record_usage
from billing.models import ReportSchedule, ReportSending
from billing.schedules import claimed, last_period, reports_due, reports_send
from billing.tasks import send_reports
from billing.types import UsageRecord
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
MONDAY = datetime(2026, 6, 1, 6, tzinfo=UTC)  # the first of a month as well
PAGE = "/usage/schedules/"


def schedule(organisation: Organisation, **values: Any) -> ReportSchedule:
    usual: dict[str, Any] = {"report": "member", "every": "week", "formats": ["csv"], "starts_on": date(2026, 5, 1)}
    return ReportSchedule.objects.create(organisation=organisation, **{**usual, **values})


@pytest.fixture
def used(acme: Organisation, globex: Organisation, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "timezone", SimpleNamespace(now=lambda: MONDAY - timedelta(days=1)))
    record_usage([call(member_id=uuid4(), member_label="ada@example.org")])
    record_usage([replace(call(member_id=uuid4(), member_label="eve@globex.example"), tenant=globex.key)])


@pytest.mark.usefixtures("used")
def test_each_organisation_gets_its_own_and_once(acme: Organisation, globex: Organisation, make_person: Any) -> None:
    for one in (acme, globex):
        for role in (Role.OWNER, Role.FINANCE, Role.ADMIN, Role.MEMBER):
            make_person(one, f"{role}@{one.slug}.example", role)
        schedule(one)
    assert (reports_send(MONDAY), reports_send(MONDAY + timedelta(days=1))) == (2, 0)
    ours, theirs = sorted(mail.outbox, key=lambda one: one.subject)
    assert sorted(ours.bcc) == ["finance@acme.example", "owner@acme.example"]
    assert sorted(theirs.bcc) == ["finance@globex.example", "owner@globex.example"]
    assert (ours.to, ours.cc) == ([], [])
    ((name, content, _),) = ours.attachments
    assert name == "usage-by-member-2026-05-25-to-2026-05-31.csv"
    assert "ada@example.org" in content
    assert "globex" not in content + ours.body + ours.subject
    assert "eve@globex.example" in theirs.attachments[0][1]
    assert "£0.01" in ours.body
    assert reports_send(MONDAY + timedelta(days=7)) == 2


def test_named_people_get_it_as_long_as_they_may_read_it(acme: Organisation, make_person: Any) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    ada, bob = make_person(acme, "ada@acme.example", Role.ADMIN), make_person(acme, "bob@acme.example", Role.FINANCE)
    schedule(acme, member_ids=[ada.pk, bob.pk], formats=["pdf", "xlsx"], report="chargeback", every="month")
    with entered(acme.schema_name):
        User.objects.filter(pk=bob.pk).update(role=Role.MEMBER)
    assert reports_send(MONDAY) == 1
    (sent,) = mail.outbox
    assert sent.bcc == ["ada@acme.example"]
    assert [name for name, _, _ in sent.attachments] == [
        f"chargeback-2026-05-01-to-2026-05-31.{ending}" for ending in ("pdf", "xlsx")
    ]


def test_what_the_mail_server_refuses_is_sent_later(
    acme: Organisation, make_person: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    schedule(acme)

    def refuse(self: Any, messages: Any) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        assert reports_send(MONDAY) == 0
    assert "reports.not_sent" in [record.message for record in caplog.records]
    assert ReportSending.objects.get().failures == 1
    assert (reports_send(MONDAY + timedelta(minutes=10)), len(mail.outbox)) == (1, 1)


def test_two_sweeps_send_one_and_a_dead_one_is_succeeded(acme: Organisation) -> None:
    schedule(acme)
    (due,) = reports_due(MONDAY)
    assert claimed(due, MONDAY)
    assert claimed(due, MONDAY + timedelta(minutes=14)) is None
    assert claimed(due, MONDAY + timedelta(minutes=16))


def test_nothing_is_due_that_is_paused_new_suspended_or_not_over(acme: Organisation) -> None:
    row = schedule(acme, starts_on=MONDAY.date())
    assert list(reports_due(MONDAY)) == []
    assert [one.since for one in reports_due(MONDAY + timedelta(days=7))] == [MONDAY.date()]
    assert (
        list(reports_due(MONDAY + timedelta(days=7) - timedelta(hours=5, minutes=41))) == []
    )  # calls are being written
    row.is_active = False
    row.save()
    assert list(reports_due(MONDAY + timedelta(days=7))) == []
    ReportSchedule.objects.update(is_active=True)
    Organisation.objects.filter(pk=acme.pk).update(state=Organisation.State.SUSPENDED)
    assert list(reports_due(MONDAY + timedelta(days=7))) == []
    send_reports()


@given(today=st.dates(date(2020, 1, 1), date(2030, 1, 1)), every=st.sampled_from(["week", "month"]))
def test_periods_follow_one_another_without_a_gap(today: date, every: str) -> None:
    since, until = last_period(every, today)
    assert since <= until < today
    assert last_period(every, since)[1] == since - timedelta(days=1)
    assert (since.weekday() == 0) if every == "week" else (since.day == 1)


# -- the page -------------------------------------------------------------------------------------


def test_finance_adds_pauses_and_removes(acme: Organisation, globex: Organisation, signed_in_as: Any) -> None:
    browser = signed_in_as(acme)
    assert "No report is sent so far" in browser.get(PAGE).content.decode()
    wanted = {"report": "group", "every": "month", "formats": ["pdf", "csv"]}
    assert browser.post(PAGE, wanted).status_code == 302
    row = ReportSchedule.objects.get()
    assert (row.organisation_id, row.report, row.formats, row.member_ids) == (acme.pk, "group", ["pdf", "csv"], [])
    page = browser.get(PAGE).content.decode()
    assert "Usage by group" in page
    assert "finance@acme.example" in page
    theirs = signed_in_as(globex)
    assert "finance@acme.example" not in theirs.get(PAGE).content.decode()
    theirs.post(f"{PAGE}{row.pk}/", {"act": "remove"})
    for act, is_active in (("pause", False), ("resume", True)):
        browser.post(f"{PAGE}{row.pk}/", {"act": act})
        row.refresh_from_db()
        assert row.is_active is is_active
    browser.post(f"{PAGE}{row.pk}/", {"act": "remove"})
    assert not ReportSchedule.objects.exists()


def test_only_readers_of_usage_can_be_named(acme: Organisation, make_person: Any, signed_in_as: Any) -> None:
    member = make_person(acme, "ada@acme.example")
    browser = signed_in_as(acme)
    wanted = {"report": "day", "every": "week", "formats": ["csv"], "people": [str(member.pk)]}
    assert browser.post(PAGE, wanted).status_code == 200
    assert browser.post(PAGE, {"report": "day", "every": "week"}).status_code == 200  # no file at all
    assert not ReportSchedule.objects.exists()
    assert signed_in_as(acme, Role.EDITOR).get(PAGE).status_code == 403
