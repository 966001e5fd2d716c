"""Budgets in the product: given, changed, warned of, shown, over the page and over REST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.permissions import Role
from billing.actions import budget_change, budget_give
from billing.budget_states import budgets_of_organisation, nearest, states_of
from billing.budget_warnings import budgets_warn
from billing.budgets import Payer, budget_reserve
from billing.errors import BudgetExists, BudgetNotPossible, BudgetReached
from billing.forecast import forecast
from billing.metering import record_usage
from billing.models import Budget, BudgetPeriod
from billing.types import UsageRecord
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()
BUDGETS = "/api/v1/budgets/"
PENNY = Decimal("0.01")
COST = Decimal("0.00553")  # of one `call()`


def give(organisation: Organisation, amount: str = "1", **facts: Any) -> Budget:
    values = {"scope": "organisation", "amount_gbp": Decimal(amount), **facts}
    return budget_give(organisation=organisation, **values)


def only_state(organisation: Organisation) -> Any:
    (states,) = states_of(organisation, list(budgets_of_organisation(organisation)), TODAY).values()
    (state,) = states
    return state


# -- giving and changing --------------------------------------------------------------------------


def test_a_budget_begins_with_what_was_spent(acme: Organisation, globex: Organisation, call: Call) -> None:
    ada = uuid4()
    record_usage([call(member_id=ada), call(), replace(call(), tenant=globex.key)])
    give(acme)
    each = give(acme, scope="member")
    assert BudgetPeriod.objects.get(budget__scope="organisation").spent_gbp == 2 * COST
    row = BudgetPeriod.objects.get(budget=each)
    assert (row.subject_id, row.spent_gbp) == (ada, COST)


def test_there_is_one_monthly_budget_of_a_kind(acme: Organisation, globex: Organisation) -> None:
    first = give(acme)
    with pytest.raises(BudgetExists):
        give(acme, "2")
    give(globex)
    budget_change(first, is_active=False)
    second = give(acme, "2")
    with pytest.raises(BudgetExists):
        budget_change(first, is_active=True)
    assert Budget.objects.get(organisation=acme, is_active=True).pk == second.pk


@pytest.mark.parametrize(
    "days",
    [
        {"period": "once"},
        {"period": "once", "starts_on": TODAY, "ends_on": TODAY - timedelta(1)},
        {"starts_on": TODAY},
    ],
    ids=["no-days", "backwards", "monthly-with-days"],
)
def test_days_that_can_not_be_are_refused(acme: Organisation, days: Any) -> None:
    with pytest.raises(BudgetNotPossible):
        give(acme, **days)


def test_a_lower_limit_holds_at_once(acme: Organisation) -> None:
    row = give(acme, "10")
    budget_reserve(Payer(acme.pk), uuid4(), Decimal(6))
    budget_change(row, amount_gbp=Decimal(5))
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), PENNY)  # there was room for it under the old limit


def test_what_is_switched_off_stops_nothing(acme: Organisation) -> None:
    row = give(acme, "0")
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), PENNY)
    budget_change(row, is_active=False)
    budget_reserve(Payer(acme.pk), uuid4(), PENNY)


# -- how it stands --------------------------------------------------------------------------------


def test_how_a_budget_stands(acme: Organisation, call: Call) -> None:
    give(acme, "1")
    record_usage([call()])
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.5"))
    state = only_state(acme)
    assert (state.name, state.spent, state.reserved) == (acme.name, COST, Decimal("0.5"))
    assert state.room == 1 - COST - Decimal("0.5")
    assert (state.level, state.is_reached) == (0, False)
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.5"))
    state = only_state(acme)
    assert (state.level, state.is_reached) == (100, True)
    assert nearest([state]) is state
    assert BudgetPeriod.objects.get().reserved_gbp == Decimal("0.5")  # the refusal holds nothing


def test_before_the_first_question_of_a_month_it_stands_at_nothing(acme: Organisation, call: Call) -> None:
    give(acme, "1")
    BudgetPeriod.objects.all().delete()
    assert (only_state(acme).spent, only_state(acme).period_id) == (0, None)


MONDAY = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("costs", "today", "last", "spent", "expected"),
    [
        ({}, MONDAY, date(2026, 11, 30), "0", "0"),
        ({MONDAY: 3}, MONDAY, MONDAY + timedelta(2), "3", "9"),  # only today is known
        ({MONDAY - timedelta(2): 4}, MONDAY, MONDAY + timedelta(1), "0", "4"),  # 2 a day: today and tomorrow
        # four weeks of 5 on working days and nothing else: this week's rest, today being half done
        (
            {MONDAY - timedelta(n): 5 for n in range(1, 29) if (MONDAY - timedelta(n)).weekday() < 5} | {MONDAY: 2},
            MONDAY,
            MONDAY + timedelta(6),
            "2",
            "25",
        ),
        ({MONDAY - timedelta(n): 1 for n in range(1, 29)}, MONDAY, MONDAY, "9", "10"),  # the last day
    ],
    ids=["nothing", "first-day", "few-days", "working-days", "last-day"],
)
def test_the_forecast(costs: Any, today: date, last: date, spent: str, expected: str) -> None:
    known = {day: Decimal(cost) for day, cost in costs.items()}
    assert forecast(Decimal(spent), known, today, last) == Decimal(expected)


# -- warnings -------------------------------------------------------------------------------------


def spend(percent: int) -> None:
    BudgetPeriod.objects.update(spent_gbp=Decimal(percent) / 100)


def test_each_warning_is_sent_once(acme: Organisation, globex: Organisation, make_person: Any, call: Call) -> None:
    for role in Role:
        make_person(acme, f"{role}@acme.example", role)
        make_person(globex, f"{role}@globex.example", role)
    record_usage([call()])
    give(acme, "1", contact="Grace")
    sent = []
    for percent in (10, 50, 55, 79, 80, 99, 100, 100):
        spend(percent)
        sent.append([one.percent for one in budgets_warn()])
    assert sent == [[], [50], [], [], [80], [], [100], []]
    assert len(mail.outbox) == 3
    assert {tuple(sorted(one.recipients())) for one in mail.outbox} == {("finance@acme.example", "owner@acme.example")}
    assert "50 % of the budget of £1.00 for Acme are spent: £0.50." in mail.outbox[0].body
    assert "acme.localhost:8000/usage/budgets/" in mail.outbox[0].body
    assert mail.outbox[2].subject == "Acme: a budget for questions is used up"


def test_no_room_is_the_last_warning_though_not_all_is_spent(acme: Organisation, make_person: Any) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    give(acme, "1")
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), Decimal(2))
    assert [one.percent for one in budgets_warn()] == [100]
    assert "has no room for another question: £0.00 are spent" in mail.outbox[0].body


def test_a_higher_limit_warns_afresh(acme: Organisation) -> None:
    row = give(acme, "1")
    spend(100)
    budgets_warn()
    budget_change(row, amount_gbp=Decimal("1.6"))
    assert budgets_warn() == []  # 62 % of the new one: its 50 are behind it
    spend(130)
    assert [one.percent for one in budgets_warn()] == [80]


def test_what_could_not_be_sent_is_sent_later(
    acme: Organisation, make_person: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    give(acme, "1")
    spend(80)

    def refuse(self: Any, messages: Any) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        budgets_warn()
    assert [record.message for record in caplog.records] == ["budgets.warning_not_sent"]
    assert mail.outbox == []
    budgets_warn()
    assert len(mail.outbox) == 1


def test_of_everybodys_own_budgets_owners_hear_at_the_end_only(acme: Organisation, make_person: Any) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    member = make_person(acme, "ada@acme.example")
    give(acme, "1", scope="member")
    budget_reserve(Payer(acme.pk, member.pk), uuid4(), PENNY)
    spend(80)
    assert [one.percent for one in budgets_warn()] == [80]
    assert mail.outbox == []
    spend(100)
    budgets_warn()
    assert "for ada@acme.example has no room" in mail.outbox[0].body


# -- the bar --------------------------------------------------------------------------------------


def bars(browser: Any) -> list[str]:
    page = browser.get("/documents/").content.decode()
    return [part.split("</p>")[0].split("<p>")[1] for part in page.split('class="budget-bar')[1:]]


def test_the_bar_is_for_those_who_read_usage_and_can_be_hidden(
    acme: Organisation, globex: Organisation, signed_in_as: Any
) -> None:
    give(acme, "1")
    spend(60)
    finance, member, other = signed_in_as(acme), signed_in_as(acme, Role.MEMBER), signed_in_as(globex)
    (told,) = bars(finance)
    assert told.startswith("Your organisation&#x27;s budget of £1.00 is used to more than 50 %: £0.40 are left.")
    assert bars(member) == bars(other) == []
    key = f"{BudgetPeriod.objects.get().pk}.50"
    assert finance.post("/usage/bars/hide/", {"bar": key, "back": "/documents/"})["Location"] == "/documents/"
    assert bars(finance) == []
    spend(85)
    assert "more than 80 %" in bars(finance)[0]
    assert finance.post("/usage/bars/hide/", {"back": "https://evil.example/"})["Location"] == "/"


def test_people_see_the_end_of_their_own_budget_and_no_others(
    acme: Organisation, signed_in_as: Any, make_person: Any
) -> None:
    ada = make_person(acme, "ada@acme.example")
    member = signed_in_as(acme, Role.MEMBER)
    give(acme, "1", scope="member", contact="Grace")
    budget_reserve(Payer(acme.pk, ada.pk), uuid4(), PENNY)
    spend(100)
    assert bars(member) == []
    with entered(acme.schema_name):
        me = type(ada).objects.get(email="member@acme.example")
    budget_reserve(Payer(acme.pk, me.pk), uuid4(), PENNY)
    BudgetPeriod.objects.filter(subject_id=me.pk).update(spent_gbp=Decimal("0.79"))
    assert bars(member) == []
    BudgetPeriod.objects.filter(subject_id=me.pk).update(spent_gbp=Decimal(1))
    assert bars(member)[0].startswith("Your own budget of £1.00 has no room for the usual answers. Ask Grace for more.")


def test_without_a_budget_a_page_asks_nothing_more(
    acme: Organisation, signed_in_as: Any, django_assert_max_num_queries: Any
) -> None:
    browser = signed_in_as(acme)
    browser.get("/documents/")
    with django_assert_max_num_queries(30) as seen:
        browser.get("/documents/")
    assert not [query for query in seen.captured_queries if "billing_budgetperiod" in query["sql"]]


# -- the page and REST ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.FINANCE, 200), (Role.MEMBER, 403)]
)
def test_who_manages_budgets(acme: Organisation, signed_in_as: Any, role: Role, status: int) -> None:
    browser, row = signed_in_as(acme, role), give(acme)
    assert browser.get("/usage/budgets/").status_code == status
    assert browser.get(BUDGETS).status_code == status
    changed = browser.patch(f"{BUDGETS}{row.pk}/", {"amount_gbp": "7.00"}, "application/json")
    browser.post(f"/usage/budgets/{row.pk}/", {"act": "off"})
    row.refresh_from_db()
    assert (changed.status_code, row.amount_gbp, row.is_active) == (
        (200, Decimal(7), False) if status == 200 else (403, Decimal(1), True)
    )


def test_on_the_page_a_budget_is_given_changed_and_switched_off(
    acme: Organisation, signed_in_as: Any, make_person: Any
) -> None:
    browser, ada = signed_in_as(acme), make_person(acme, "ada@acme.example")
    assert "No budget so far" in browser.get("/usage/budgets/").content.decode()
    values = {"whose": str(ada.pk), "amount_gbp": "12.50", "at_cap": "cheaper", "contact": "Grace"}
    page = browser.post("/usage/budgets/", values, follow=True).content.decode()
    assert "The budget holds from now on." in page
    assert "Nearest its cap" in page
    row = Budget.objects.get()
    assert (row.subject_id, row.subject_label, row.amount_gbp) == (ada.pk, "ada@acme.example", Decimal("12.5"))
    again = browser.post("/usage/budgets/", values)
    assert "There is a monthly budget for this already" in again.content.decode()
    wrong = browser.post("/usage/budgets/", {**values, "amount_gbp": "-1"})
    assert wrong.context["form"].errors["amount_gbp"]
    where = f"/usage/budgets/{row.pk}/"
    page = browser.post(where, {"amount_gbp": "much", "at_cap": "stop"}, follow=True).content.decode()
    assert "Amount: Enter a number." in page
    browser.post(where, {"amount_gbp": "20", "at_cap": "stop", "contact": ""})
    row.refresh_from_db()
    assert (row.amount_gbp, row.at_cap, row.contact) == (Decimal(20), "stop", "")
    assert "Switched off" in browser.post(where, {"act": "off"}, follow=True).content.decode()


def test_budgets_over_rest(acme: Organisation, globex: Organisation, signed_in_as: Any, call: Call) -> None:
    browser, theirs = signed_in_as(acme), give(globex)
    record_usage([call()])
    made = browser.post(BUDGETS, {"scope": "organisation", "amount_gbp": "1.00"}, "application/json")
    assert made.status_code == 201
    body = made.json()
    assert (body["amount_gbp"], body["at_cap"], body["is_active"]) == ("1.00", "stop", True)
    (state,) = body["states"]
    assert (state["spent_gbp"], state["room_gbp"], state["name"]) == ("0.00553000", "0.99447000", "Acme")
    assert [row["id"] for row in browser.get(BUDGETS).json()["results"]] == [body["id"]]
    assert browser.get(f"{BUDGETS}{theirs.pk}/").json()["code"] == "budget_not_found"
    refused = browser.patch(f"{BUDGETS}{theirs.pk}/", {"is_active": False}, "application/json")
    theirs.refresh_from_db()
    assert (refused.status_code, theirs.is_active) == (404, True)


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"scope": "organisation", "amount_gbp": "-1"}, 400, "invalid"),
        ({"scope": "organisation", "amount_gbp": "1.001"}, 400, "invalid"),
        ({"scope": "group", "amount_gbp": "1"}, 400, "invalid"),
        ({"scope": "organisation", "amount_gbp": "1", "member": str(uuid4())}, 422, "budget_not_possible"),
        ({"scope": "member", "amount_gbp": "1", "member": str(uuid4())}, 404, "person_not_found"),
    ],
    ids=["negative", "too-fine", "group", "member-of-all", "nobody"],
)
def test_what_can_not_be_given_is_refused(
    acme: Organisation, signed_in_as: Any, values: Any, status: int, code: str
) -> None:
    response = signed_in_as(acme).post(BUDGETS, values, "application/json")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Budget.objects.exists()


def test_giving_changing_and_exporting_are_in_the_audit_log(
    acme: Organisation, globex: Organisation, signed_in_as: Callable[..., Any]
) -> None:
    browser = signed_in_as(acme)
    values = {"whose": "organisation", "amount_gbp": "5", "at_cap": "stop", "contact": ""}
    given = browser.post("/usage/budgets/", values)
    row = Budget.objects.get()
    browser.post(f"/usage/budgets/{row.pk}/", {"act": "off"})
    exported = browser.get("/api/v1/usage/", {"format": "csv"})
    assert (given.status_code, exported.status_code) == (302, 200)
    with entered(acme.schema_name):
        found = AuditEvent.objects.order_by("id").values_list("action", "target_id", "actor_label")
        told = [one for one in found if not one[0].startswith("sign_in")]
    finance = "finance@acme.example"
    assert told == [
        ("budget.changed", str(row.pk), finance),
        ("budget.changed", str(row.pk), finance),
        ("usage.exported", "", finance),
    ]
    with entered(globex.schema_name):
        assert not AuditEvent.objects.exists()
