"""What an organisation may do with its subscription, and what the calendar does."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from billing.errors import DetailsNeeded, PaymentFirst, PlanNotOffered, SubscriptionNotFound, SubscriptionOver
from billing.invoicing.closing import invoice_close
from billing.invoicing.payments import payment_enter
from billing.limits import limits_of
from billing.models import BillingDetails, Plan, PlanPeriod, Seller, Subscription, SubscriptionChange
from billing.plans.actions import (
    plan_choose,
    plan_spread,
    subscription_cancel,
    subscription_resume,
    subscription_start,
)
from billing.plans.calendar import subscriptions_advance
from billing.plans.mails import subscribers_tell
from billing.plans.sizes import Sizes, losses
from tenants.entitlements import Entitlements, Feature
from tenants.models import Organisation

State = Subscription.State
A_DAY = timedelta(days=1)


@pytest.fixture
def plans(db: None) -> dict[str, Plan]:
    small = Plan.objects.create(
        slug="small", name="Small", monthly_price_gbp=Decimal(30), seats=5, document_limit=100, features=["schedules"]
    )
    large = Plan.objects.create(
        slug="large", name="Large", monthly_price_gbp=Decimal(90), trial_days=14, seats=50, features=list(Feature)
    )
    return {"small": small, "large": large}


@pytest.fixture
def subscribed(acme: Organisation, plans: dict[str, Plan]) -> Subscription:
    BillingDetails.objects.create(organisation=acme, name="Acme Ltd", address="1 High Street\nLeeds", country="GB")
    return subscription_start(acme, plans["small"], on=date(2026, 1, 10))


def again(row: Subscription) -> Subscription:
    return Subscription.objects.select_related("plan", "next_plan").get(pk=row.pk)


def given(organisation: Organisation) -> Entitlements:
    kept: Organisation = Organisation.objects.get(pk=organisation.pk)
    return kept.entitled


def periods(organisation: Organisation) -> list[tuple[str, date, date | None, bool]]:
    rows = PlanPeriod.objects.filter(organisation_id=organisation.pk).order_by("since")
    return [(row.plan.slug, row.since, row.until, row.is_free) for row in rows]


def advance(on: date) -> None:
    while subscriptions_advance(on):
        pass


def test_a_subscription_gives_what_its_plan_has_and_only_to_its_organisation(
    subscribed: Subscription, acme: Organisation, globex: Organisation
) -> None:
    assert (given(acme).seats, given(acme).documents, given(acme).plan) == (5, 100, "Small")
    assert given(acme).allows(Feature.SCHEDULES)
    assert not given(acme).allows(Feature.BRANDING)
    assert given(globex) == Entitlements()
    assert given(globex).allows(Feature.BRANDING)
    assert limits_of(acme.pk).max_documents == 100
    assert limits_of(globex.pk).max_documents is None


def test_starting_twice_changes_nothing(subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]) -> None:
    subscription_start(acme, plans["large"], on=date(2026, 2, 1))
    assert periods(acme) == [("small", date(2026, 1, 10), None, False)]


def test_a_dearer_plan_counts_at_once(subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]) -> None:
    row = plan_choose(acme, plans["large"], by=None, on=date(2026, 1, 20))
    assert (row.plan.slug, row.state) == ("large", State.ACTIVE)
    assert periods(acme) == [
        ("small", date(2026, 1, 10), date(2026, 1, 19), False),
        ("large", date(2026, 1, 20), None, False),
    ]
    assert given(acme).seats == 50
    assert limits_of(acme.pk).max_documents is None


def test_a_cheaper_plan_waits_for_the_month_and_can_be_taken_back(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    plan_choose(acme, plans["large"], by=None, on=date(2026, 1, 20))
    row = plan_choose(acme, plans["small"], by=None, on=date(2026, 1, 25))
    assert (row.plan.slug, row.next_plan and row.next_plan.slug, row.changes_on) == ("large", "small", date(2026, 2, 1))
    advance(date(2026, 1, 31))
    assert given(acme).seats == 50
    subscription_resume(acme, by=None)
    advance(date(2026, 2, 1))
    assert again(subscribed).plan.slug == "large"
    plan_choose(acme, plans["small"], by=None, on=date(2026, 2, 25))
    advance(date(2026, 3, 4))  # the machines stood still for some days
    assert again(subscribed).plan.slug == "small"
    assert periods(acme)[-1] == ("small", date(2026, 3, 1), None, False)
    assert given(acme).seats == 5


def test_two_changes_on_one_day_leave_one_plan_for_it(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    plan_choose(acme, plans["large"], by=None, on=date(2026, 1, 10))
    assert periods(acme) == [("large", date(2026, 1, 10), None, False)]


def test_who_has_a_plan_keeps_its_price_and_gets_its_new_limits(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    small = plans["small"]
    small.monthly_price_gbp, small.seats = Decimal(40), 7
    small.save()
    plan_spread(small)
    assert given(acme).seats == 7
    assert PlanPeriod.objects.get(organisation_id=acme.pk).monthly_price_gbp == 30


def test_a_paid_plan_needs_an_address_first(acme: Organisation, plans: dict[str, Plan]) -> None:
    subscription_start(acme, plans["small"])
    with pytest.raises(DetailsNeeded):
        plan_choose(acme, plans["large"], by=None)
    assert Subscription.objects.get(organisation=acme).plan.slug == "small"


def test_what_is_not_offered_only_operators_choose(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    Plan.objects.filter(slug="large").update(is_offered=False)
    hidden = Plan.objects.get(slug="large")
    with pytest.raises(PlanNotOffered):
        plan_choose(acme, hidden, by=None)
    assert plan_choose(acme, hidden, by=None, as_operator=True).plan == hidden


def test_without_a_subscription_there_is_nothing_to_change(acme: Organisation, plans: dict[str, Plan]) -> None:
    with pytest.raises(SubscriptionNotFound):
        plan_choose(acme, plans["small"], by=None)


# -- trials ---------------------------------------------------------------------------------------


def test_a_trial_that_nobody_follows_up_ends_in_grace_and_then_suspended(
    acme: Organisation, plans: dict[str, Plan]
) -> None:
    row = subscription_start(acme, plans["large"], on=date(2026, 3, 1))
    assert (row.state, row.trial_ends_on) == (State.TRIAL, date(2026, 3, 14))
    advance(date(2026, 3, 14))
    assert again(row).state == State.TRIAL
    advance(date(2026, 3, 15))
    assert (again(row).state, again(row).grace_ends_on) == (State.GRACE, date(2026, 3, 28))
    acme.refresh_from_db()
    assert acme.is_open
    advance(date(2026, 3, 29))
    acme.refresh_from_db()
    assert (again(row).state, acme.state) == (State.SUSPENDED, Organisation.State.SUSPENDED)
    assert all(is_free for *_, is_free in periods(acme))
    assert periods(acme)[-1][2] == date(2026, 3, 28)

    BillingDetails.objects.create(organisation=acme, name="Acme Ltd", address="1 High Street", country="GB")
    plan_choose(acme, plans["small"], by=None, on=date(2026, 4, 2))
    acme.refresh_from_db()
    assert (again(row).state, acme.is_open, again(row).lacks) == (State.ACTIVE, True, "")
    assert periods(acme)[-1] == ("small", date(2026, 4, 2), None, False)


def test_a_plan_chosen_in_the_trial_is_charged_after_it(acme: Organisation, plans: dict[str, Plan]) -> None:
    BillingDetails.objects.create(organisation=acme, name="Acme Ltd", address="1 High Street", country="GB")
    row = subscription_start(acme, plans["large"], on=date(2026, 3, 1))
    plan_choose(acme, plans["small"], by=None, on=date(2026, 3, 5))
    assert given(acme).seats == 5
    advance(date(2026, 3, 20))
    assert again(row).state == State.ACTIVE
    assert periods(acme) == [
        ("large", date(2026, 3, 1), date(2026, 3, 4), True),
        ("small", date(2026, 3, 5), date(2026, 3, 14), True),
        ("small", date(2026, 3, 15), None, False),
    ]


# -- the end --------------------------------------------------------------------------------------


def test_a_cancelled_subscription_works_until_the_month_is_over(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    row = subscription_cancel(acme, by=None, on=date(2026, 1, 15))
    assert (row.is_cancelled, row.changes_on) == (True, date(2026, 2, 1))
    advance(date(2026, 1, 31))
    acme.refresh_from_db()
    assert acme.is_open
    advance(date(2026, 2, 1))
    acme.refresh_from_db()
    assert (again(subscribed).state, acme.state) == (State.ENDED, Organisation.State.SUSPENDED)
    assert periods(acme) == [("small", date(2026, 1, 10), date(2026, 1, 31), False)]
    with pytest.raises(SubscriptionOver):
        subscription_cancel(acme, by=None)
    plan_choose(acme, plans["small"], by=None, on=date(2026, 2, 10))
    acme.refresh_from_db()
    assert acme.is_open


def test_what_an_operator_suspended_is_not_opened_by_a_plan(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    subscription_cancel(acme, by=None, on=date(2026, 1, 15))
    Organisation.objects.filter(pk=acme.pk).update(state="suspended", suspension_reason="abuse")
    advance(date(2026, 2, 1))
    plan_choose(acme, plans["small"], by=None, on=date(2026, 2, 10))
    acme.refresh_from_db()
    assert acme.state == Organisation.State.SUSPENDED


def test_an_unpaid_invoice_ends_in_suspension_and_paying_it_opens_the_doors(
    subscribed: Subscription, acme: Organisation, globex: Organisation, plans: dict[str, Plan], mailoutbox: list[Any]
) -> None:
    Seller.objects.create(name="Vena Ltd", address="2 Low Street", email="billing@vena.example", payment_days=10)
    invoice = invoice_close(acme.pk, date(2026, 1, 1), on=date(2026, 2, 3))
    advance(date(2026, 2, 13))
    assert again(subscribed).state == State.ACTIVE  # the day it is due on
    advance(date(2026, 2, 14))
    row = again(subscribed)
    assert (row.state, row.lacks, row.grace_ends_on) == (State.GRACE, "payment", date(2026, 2, 27))
    with pytest.raises(PaymentFirst):
        plan_choose(acme, plans["large"], by=None)
    advance(date(2026, 2, 28))
    acme.refresh_from_db()
    assert acme.state == Organisation.State.SUSPENDED
    payment_enter(invoice, amount=invoice.total_gbp - 1, paid_on=date(2026, 3, 1))
    assert again(subscribed).state == State.SUSPENDED
    payment_enter(invoice, amount=Decimal(1), paid_on=date(2026, 3, 1))
    acme.refresh_from_db()
    assert (again(subscribed).state, acme.is_open) == (State.ACTIVE, True)
    assert periods(acme)[0][2] == date(2026, 2, 27)  # the days nobody could use it are not charged
    assert (periods(acme)[-1][0], periods(acme)[-1][2]) == ("small", None)
    globex.refresh_from_db()
    assert globex.is_open


def test_owners_and_finance_hear_of_each_thing_once(
    acme: Organisation, globex: Organisation, plans: dict[str, Plan], make_person: Any, mailoutbox: list[Any]
) -> None:
    make_person(acme, "owner@acme.example", "owner")
    make_person(acme, "member@acme.example", "member")
    make_person(globex, "owner@globex.example", "owner")
    subscription_start(acme, plans["large"], on=date(2026, 3, 1))
    for day in range(1, 32):
        advance(date(2026, 3, day))
        subscribers_tell(date(2026, 3, day))
    subjects = [mail.subject for mail in mailoutbox]
    assert subjects == [
        "Acme: your trial ends soon",
        "Acme: your trial is over",
        "Acme: your organisation is suspended",
    ]
    assert {address for mail in mailoutbox for address in mail.bcc} == {"owner@acme.example"}
    assert "28 March 2026" in mailoutbox[1].body


def test_the_history_is_kept_and_can_not_be_changed(
    subscribed: Subscription, acme: Organisation, plans: dict[str, Plan]
) -> None:
    plan_choose(acme, plans["large"], by=None, on=date(2026, 1, 20))
    rows = SubscriptionChange.objects.filter(organisation_id=acme.pk)
    assert [row.kind for row in rows] == ["started", "upgraded"]
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        rows.update(kind="paid")
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        rows.first().delete()  # type: ignore[union-attr]


# -- what a smaller plan breaks -------------------------------------------------------------------


def test_a_smaller_plan_says_what_it_would_break(plans: dict[str, Plan]) -> None:
    sizes = Sizes(seats=8, documents=120, stored_bytes=10, questions=3)
    found = {one.what: one for one in losses(sizes, plans["large"].entitlements, plans["small"].entitlements)}
    assert set(found) == {"Seats", "Documents", "Own logo and colours", "Own domain", "Comparing models"}
    assert "8 are taken, the plan has 5" in found["Seats"].words
    assert "before 20 are deleted" in found["Documents"].words
    assert losses(sizes, plans["small"].entitlements, plans["large"].entitlements) == []
