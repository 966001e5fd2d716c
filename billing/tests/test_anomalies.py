"""Spending out of the usual: found once, told to those who pay, each organisation's to its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from smtplib import SMTPException
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.permissions import Role
from billing.anomalies import anomalies_find, usual_of
from billing.anomaly_mails import anomalies_tell
from billing.erasing import member_label_erase, named_rows
from billing.models import DailyUsage, RolledDay, SpendAnomaly, UsageName
from billing.tasks import find_anomalies
from tenants.models import Organisation

YESTERDAY = timezone.now().date() - timedelta(days=1)
ADA = uuid4()


@pytest.fixture(autouse=True)
def _rolled(db: None) -> None:
    RolledDay.objects.create(day=YESTERDAY, calls=0, cost_gbp=0, rolled_at=timezone.now())


def spend(
    organisation: Organisation,
    costs: dict[int, str],
    member: UUID = ADA,
    label: str = "ada@example.org",
    key: UUID | None = None,
) -> None:
    """So many days before yesterday → pounds."""
    figures = dict.fromkeys(
        ("calls", "unpriced_calls", "estimated_calls", "input_tokens", "cached_input_tokens", "cache_write_tokens"), 1
    )
    for days, cost in costs.items():
        DailyUsage.objects.create(
            organisation_id=organisation.pk,
            day=YESTERDAY - timedelta(days=days),
            member_id=member,
            member_label=label,
            api_key_id=key,
            kind="chat",
            provider="openai",
            model="gpt-4o",
            outcome="complete",
            output_tokens=1,
            cost_gbp=Decimal(cost),
            cache_saved_gbp=0,
            **figures,
        )


USUAL = {1: "0.90", 2: "1.10", 4: "1.00", 6: "0.95", 9: "1.05", 12: "1.00", 20: "1.00"}


@pytest.mark.parametrize(
    ("costs", "spent", "is_found"),
    [
        (USUAL, "9", True),
        (USUAL, "1.95", False),  # less than twice
        ({**USUAL, 3: "300"}, "9", True),  # one wild day is not what is usual
        ({day: str(day % 7 + 1) for day in range(1, 20)}, "9", False),  # they are like that
        (dict.fromkeys(range(1, 20), "0.01"), "0.90", False),  # below the floor
        ({day: USUAL[day] for day in list(USUAL)[:6]}, "9", False),  # too few days to know
        ({day + 40: "1" for day in range(20)}, "9", False),  # too long ago
    ],
)
def test_what_is_out_of_the_usual(acme: Organisation, costs: dict[int, str], spent: str, is_found: bool) -> None:
    spend(acme, {**costs, 0: spent})
    assert bool(anomalies_find()) is is_found


def test_it_is_found_told_and_shown_once(
    acme: Organisation, globex: Organisation, make_person: Any, signed_in_as: Any
) -> None:
    spend(acme, {**USUAL, 0: "9"})
    spend(acme, {**USUAL, 0: "1"}, uuid4(), "<b>bob</b>@example.org")
    spend(globex, {**USUAL, 0: "1"}, uuid4())
    owner = signed_in_as(acme, Role.OWNER)
    signed_in_as(globex, Role.OWNER)
    find_anomalies()
    find_anomalies()
    rows = {row.kind: row for row in SpendAnomaly.objects.all()}
    assert SpendAnomaly.objects.count() == 2  # the person, and so the model
    ada = rows["member"]
    assert (ada.label, str(ada.spent_gbp), str(ada.usual_gbp)) == ("ada@example.org", "9.00000000", "1.00000000")
    assert (rows["model"].subject, rows["model"].organisation) == ("openai/gpt-4o", acme)
    (told,) = mail.outbox
    assert told.bcc == ["owner@acme.example"]
    assert "ada@example.org spent £9.00" in told.body
    page = owner.get("/usage/").content.decode()
    assert "ada@example.org spent £9.00" in page
    assert owner.post(f"/usage/anomalies/{rows['member'].pk}/seen/").status_code == 302
    page = owner.get("/usage/").content.decode()
    assert "ada@example.org spent" not in page
    assert "openai gpt-4o spent" in page
    find_anomalies()
    assert len(mail.outbox) == 1


def test_another_organisation_sees_none_of_it_and_puts_none_away(
    acme: Organisation, globex: Organisation, signed_in_as: Any
) -> None:
    spend(acme, {**USUAL, 0: "9"})
    row = anomalies_find()[0]
    theirs = signed_in_as(globex, Role.FINANCE)
    assert "spent £9" not in theirs.get("/usage/").content.decode()
    theirs.post(f"/usage/anomalies/{row.pk}/seen/")
    assert signed_in_as(acme, Role.MEMBER).post(f"/usage/anomalies/{row.pk}/seen/").status_code == 403
    assert not SpendAnomaly.objects.filter(seen_at__isnull=False).exists()


def test_what_the_mail_server_refuses_is_told_later(
    acme: Organisation, signed_in_as: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise SMTPException("no")

    signed_in_as(acme, Role.OWNER)
    spend(acme, {**USUAL, 0: "9"})
    anomalies_find()
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        anomalies_tell()
    assert not mail.outbox
    anomalies_tell()
    assert len(mail.outbox) == 1


def test_a_day_that_is_not_rolled_up_is_not_judged(acme: Organisation) -> None:
    RolledDay.objects.all().delete()
    spend(acme, {**USUAL, 0: "9"})
    assert anomalies_find() == []


def test_who_is_erased_is_not_named_here_either(acme: Organisation, globex: Organisation) -> None:
    spend(acme, {**USUAL, 0: "9"})
    anomalies_find()
    member_label_erase(organisation_id=globex.pk, member_id=ADA)
    assert named_rows(acme.pk, ADA) > 0
    member_label_erase(organisation_id=acme.pk, member_id=ADA)
    assert named_rows(acme.pk, ADA) == 0
    labels: Callable[[], str] = lambda: json.dumps(list(SpendAnomaly.objects.values_list("label", flat=True)))  # noqa: E731
    assert "ada" not in labels()


@given(costs=st.lists(st.decimals(0, 1000, places=8), min_size=0, max_size=28))
def test_the_usual_is_decimal_and_no_day_of_an_even_week_is_out_of_it(costs: list[Decimal]) -> None:
    usual = usual_of(costs)
    if len(costs) < 7:
        assert usual is None
    else:
        assert usual
        assert isinstance(usual.most, Decimal)
        assert usual.most >= 2 * usual.median
        assert sum(cost > usual.most for cost in costs) <= len(costs) / 2


def test_a_key_is_found_by_its_name_in_its_own_organisation(acme: Organisation, globex: Organisation) -> None:
    crawler = uuid4()
    for organisation, name in ((acme, "vena_ab12…"), (globex, "vena_theirs…")):
        UsageName.objects.create(organisation_id=organisation.pk, kind="key", subject_id=crawler, label=name)
    spend(acme, {**USUAL, 0: "9"}, key=crawler)
    spend(globex, USUAL, key=crawler)
    found = anomalies_find(YESTERDAY)
    assert {(one.organisation_id, one.label) for one in found if one.kind == "key"} == {(acme.pk, "vena_ab12…")}


def test_a_day_that_is_rolled_up_in_part_is_not_looked_at(acme: Organisation) -> None:
    spend(acme, {**USUAL, 0: "9"})
    RolledDay.objects.update(until=timezone.now())
    assert anomalies_find(YESTERDAY) == []
