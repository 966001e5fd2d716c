"""Budgets: never passed under concurrency, and always what the ledger says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing.budget_periods import budgets_recount
from billing.budgets import (
    FORGOTTEN_AFTER,
    Payer,
    budget_release,
    budget_reserve,
    forget_budgets,
    holds_sweep,
)
from billing.errors import BudgetReached
from billing.metering import record_usage
from billing.models import Budget, BudgetHold, BudgetPeriod, UsageEvent
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
POUND = Decimal(1)
ADA, BOB = uuid4(), uuid4()


@pytest.fixture
def budget(acme: Organisation) -> Callable[..., Budget]:
    def make(amount: str = "1", **facts: Any) -> Budget:
        row = Budget.objects.create(**{"organisation": acme, "amount_gbp": Decimal(amount), **facts})
        forget_budgets()
        return row

    forget_budgets()
    return make


def period(row: Budget, subject: UUID | None = None) -> tuple[Decimal, Decimal]:
    found = BudgetPeriod.objects.get(budget=row, **({"subject_id": subject} if subject else {}))
    return found.spent_gbp, found.reserved_gbp


def test_without_a_budget_nothing_is_asked_or_held(acme: Organisation, django_assert_num_queries: Any) -> None:
    forget_budgets()
    budget_reserve(Payer(acme.pk, ADA), uuid4(), POUND)
    with django_assert_num_queries(0):  # and that is remembered
        budget_reserve(Payer(acme.pk, ADA), uuid4(), POUND)
    assert not BudgetHold.objects.exists()


def test_what_is_held_is_free_again_and_what_was_spent_is_not(
    acme: Organisation, budget: Callable[..., Budget], call: Call
) -> None:
    row, answer = budget("1"), uuid4()
    budget_reserve(Payer(acme.pk, ADA), answer, Decimal("0.60"))
    with pytest.raises(BudgetReached) as refused:
        budget_reserve(Payer(acme.pk, BOB), uuid4(), Decimal("0.41"))
    assert "£1.00 for your organisation" in refused.value.text
    assert refused.value.at_cap == "stop"
    cost = record_usage([call(subject=answer, member_id=ADA)])
    assert period(row) == (cost, Decimal("0.60"))
    budget_release(answer)
    budget_release(answer)
    assert period(row) == (cost, Decimal(0))
    budget_reserve(Payer(acme.pk, BOB), uuid4(), POUND - cost)  # to the last hundred-millionth


def test_reserving_twice_holds_once(acme: Organisation, budget: Callable[..., Budget]) -> None:
    row, answer = budget("1"), uuid4()
    budget_reserve(Payer(acme.pk), answer, Decimal("0.60"))
    budget_reserve(Payer(acme.pk), answer, Decimal("0.60"))
    assert period(row) == (Decimal(0), Decimal("0.60"))


def test_all_that_apply_must_have_room_or_none_is_held(acme: Organisation, budget: Callable[..., Budget]) -> None:
    whole = budget("10")
    each = budget("1", scope="member", contact="Grace in finance")
    budget_reserve(Payer(acme.pk, ADA), uuid4(), Decimal("0.9"))
    with pytest.raises(BudgetReached) as refused:
        budget_reserve(Payer(acme.pk, ADA), uuid4(), Decimal("0.2"))
    assert "for you is used up. Ask Grace in finance" in refused.value.text
    assert period(whole)[1] == Decimal("0.9")
    budget_reserve(Payer(acme.pk, BOB), uuid4(), Decimal("0.2"))  # each person has a pound of their own
    assert period(each, BOB)[1] == Decimal("0.2")


def test_a_group_has_a_budget(acme: Organisation, budget: Callable[..., Budget], call: Call) -> None:
    sales = uuid4()
    earlier = record_usage([call(member_id=BOB, group_ids=(uuid4(), sales)), call(member_id=ADA)])
    row = budget("1", scope="group", subject_id=sales, subject_label="Sales")
    budget_reserve(Payer(acme.pk, ADA, (uuid4(),)), uuid4(), Decimal(2))  # another group: not concerned
    with pytest.raises(BudgetReached, match="Sales"):
        budget_reserve(Payer(acme.pk, BOB, (sales,)), uuid4(), Decimal(2))
    budget_reserve(Payer(acme.pk, BOB, (sales,)), uuid4(), Decimal("0.1"))
    later = record_usage([call(member_id=ADA), call(member_id=BOB, group_ids=(sales,))])
    assert period(row, sales) == (earlier / 2 + later / 2, Decimal("0.1"))
    assert budgets_recount() == []


def test_a_budget_given_in_the_middle_of_the_month_knows_what_was_spent(
    acme: Organisation, globex: Organisation, budget: Callable[..., Budget], call: Call
) -> None:
    forget_budgets()
    cost = record_usage([call(), call()])
    record_usage([call(tenant=globex.key)])
    row = budget("1")
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))
    assert period(row) == (cost, Decimal("0.1"))


def test_the_other_organisations_budget_is_not_touched(
    acme: Organisation, globex: Organisation, budget: Callable[..., Budget], call: Call
) -> None:
    ours, theirs = budget("1"), budget("1", organisation=globex)
    budget_reserve(Payer(globex.pk), uuid4(), POUND)
    record_usage([call()])
    assert period(theirs) == (Decimal(0), POUND)
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.5"))
    assert period(ours)[1] == Decimal("0.5")


def test_a_higher_limit_holds_at_once_and_a_lower_one_too(acme: Organisation, budget: Callable[..., Budget]) -> None:
    row = budget("1")
    budget_reserve(Payer(acme.pk), uuid4(), POUND)
    Budget.objects.filter(pk=row.pk).update(amount_gbp=Decimal(2))
    forget_budgets()
    budget_reserve(Payer(acme.pk), uuid4(), POUND)
    Budget.objects.filter(pk=row.pk).update(amount_gbp=Decimal(1))
    forget_budgets()
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))


def test_a_budget_given_once_holds_within_its_days_only(acme: Organisation, budget: Callable[..., Budget]) -> None:
    today = timezone.now().date()
    row = budget("1", period="once", starts_on=today, ends_on=today)
    with pytest.raises(BudgetReached):
        budget_reserve(Payer(acme.pk), uuid4(), Decimal(2))
    Budget.objects.filter(pk=row.pk).update(starts_on=today + timedelta(1), ends_on=today + timedelta(9))
    forget_budgets()
    budget_reserve(Payer(acme.pk), uuid4(), Decimal(2))


def test_what_a_dead_process_held_is_swept(acme: Organisation, budget: Callable[..., Budget]) -> None:
    row, dead, alive = budget("1"), uuid4(), uuid4()
    budget_reserve(Payer(acme.pk), dead, Decimal("0.4"))
    budget_reserve(Payer(acme.pk), alive, Decimal("0.3"))
    BudgetHold.objects.filter(key=dead).update(created_at=timezone.now() - FORGOTTEN_AFTER - timedelta(seconds=1))
    assert holds_sweep() == 1
    assert period(row)[1] == Decimal("0.3")


def test_a_call_is_in_the_ledger_also_when_its_budget_is_gone(
    acme: Organisation, budget: Callable[..., Budget], call: Call
) -> None:
    budget("1")
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))
    BudgetPeriod.objects.all().delete()
    record_usage([call()])
    assert BudgetPeriod.objects.get().spent_gbp == Decimal("0.00553")
    Budget.objects.all().delete()  # with its organisation; this process remembers it for a moment
    record_usage([call(), call()])
    assert UsageEvent.objects.count() == 3


def test_a_recount_puts_right_what_went_wrong(acme: Organisation, budget: Callable[..., Budget], call: Call) -> None:
    row = budget("1")
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))
    cost = record_usage([call()])
    assert budgets_recount() == []
    BudgetPeriod.objects.filter(budget=row).update(spent_gbp=Decimal("0.7"))
    ((mended, had),) = budgets_recount()
    assert (mended.spent_gbp, had) == (cost, Decimal("0.7"))


def test_reserving_and_releasing_cost_few_statements(
    acme: Organisation, budget: Callable[..., Budget], call: Call, django_assert_max_num_queries: Any
) -> None:
    budget("1")
    budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))
    with django_assert_max_num_queries(1):
        budget_reserve(Payer(acme.pk), uuid4(), Decimal("0.1"))
    with django_assert_max_num_queries(1):
        budget_release(uuid4())


# -- any order of things ---------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 2), st.integers(1, 40)),
        st.tuples(st.just("end"), st.integers(0, 30), st.integers(0, 50_000)),
        st.tuples(st.just("again"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("limit"), st.integers(1, 150), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 30), st.just(0)),
    ),
    max_size=30,
)


@pytest.mark.django_db
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_the_periods_are_the_ledger_and_the_holds(acme: Organisation, call: Call, steps: Any) -> None:
    Budget.objects.all().delete()
    whole = Budget.objects.create(organisation=acme, amount_gbp=POUND)
    Budget.objects.create(organisation=acme, amount_gbp=Decimal("0.8"), scope="member")
    forget_budgets()
    people, running, written = (ADA, BOB, None), [], []
    for what, number, size in steps:
        match what:
            case "ask":
                key, person = uuid4(), people[number]
                try:
                    budget_reserve(Payer(acme.pk, person), key, Decimal(size) / 100)
                    running.append((key, person))
                except BudgetReached:
                    pass
            case "end" if running:
                key, person = running.pop(number % len(running))
                written.append(call(key=uuid4(), subject=key, member_id=person, output_tokens=size))
                record_usage([written[-1]])
                budget_release(key)
            case "again" if written:
                record_usage([written[number % len(written)]])
                budget_release(written[number % len(written)].subject)
            case "limit":
                Budget.objects.filter(pk=whole.pk).update(amount_gbp=Decimal(number) / 100)
                forget_budgets()
            case "die" if running:
                running.pop(number % len(running))  # its hold stays until the sweep
    adds_up(acme)


def adds_up(organisation: Organisation) -> None:
    for row in BudgetPeriod.objects.filter(budget__organisation=organisation).select_related("budget"):
        events = UsageEvent.objects.filter(organisation_id=organisation.pk)
        events = events if row.budget.scope == "organisation" else events.filter(member_id=row.subject_id)
        assert row.spent_gbp == (events.aggregate(sum=Sum("cost_gbp"))["sum"] or 0)
        assert row.reserved_gbp == (row.holds.aggregate(sum=Sum("amount_gbp"))["sum"] or 0)


# -- at the same moment ----------------------------------------------------------------------------

ASKER = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID, uuid4
import django
django.setup()
from django.conf import settings
from django.db import connection, transaction
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = sys.argv[2]
from billing.budgets import Payer, budget_release, budget_reserve
from billing.errors import BudgetReached
from billing.metering import record_usage
from billing.types import UsageRecord
from tenants.types import TenantKey

organisation, member = UUID(sys.argv[1]), uuid4()

def ask(_):
    key = uuid4()
    try:
        budget_reserve(Payer(organisation, member), key, Decimal("0.01"))
    except BudgetReached:
        return 0
    record_usage([UsageRecord(key=uuid4(), tenant=TenantKey(organisation, "org_acme"), kind="chat", outcome="complete",
        provider="openai", model="gpt-4o", input_tokens=100, cached_input_tokens=0, output_tokens=900, subject=key,
        member_id=member)])
    budget_release(key)
    return 1

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(10) as threads:
    print(json.dumps(sum(threads.map(ask, range(100)))))
"""


def test_room_that_comes_free_while_a_question_waits_is_held_in_every_budget(live_acme: Organisation) -> None:
    """Its statement began when one budget was full; the row that it waited for has room."""
    for scope in ("organisation", "member"):
        Budget.objects.create(organisation=live_acme, amount_gbp=POUND, scope=scope)
    forget_budgets()
    budget_reserve(Payer(live_acme.pk, ADA), uuid4(), Decimal("0.1"))

    def ask() -> None:
        try:
            budget_reserve(Payer(live_acme.pk, ADA), uuid4(), Decimal("0.5"))
        finally:
            connection.close()

    BudgetPeriod.objects.filter(budget__scope="member").update(reserved_gbp=POUND)
    with ThreadPoolExecutor(1) as others:
        with transaction.atomic():
            BudgetPeriod.objects.filter(budget__scope="member").update(reserved_gbp=Decimal("0.1"))
            asked = others.submit(ask)
            time.sleep(0.3)  # it waits for the row
        asked.result(10)
    assert set(BudgetPeriod.objects.values_list("reserved_gbp", flat=True)) == {Decimal("0.6")}
    adds_up(live_acme)


def test_two_hundred_askers_in_several_processes_never_pass_the_cap(live_acme: Organisation) -> None:
    """Two processes ask a hundred questions each, ten at a time; there is room for some of them."""
    Budget.objects.create(organisation=live_acme, amount_gbp=Decimal("0.50"))
    Budget.objects.create(organisation=live_acme, amount_gbp=Decimal("0.20"), scope="member")
    forget_budgets()
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-c", ASKER, str(live_acme.pk), name]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vena_platform.settings.test"}
    processes = [
        subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=settings.BASE_DIR
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as readers:
        assert list(readers.map(lambda each: each.stdout and each.stdout.readline(), processes)) == ["ready\n"] * 2
        granted = [json.loads(each.communicate("go\n", timeout=60)[0]) for each in processes]
    spent = UsageEvent.objects.aggregate(sum=Sum("cost_gbp"))["sum"]
    whole = BudgetPeriod.objects.get(budget__scope="organisation")
    assert 0 < sum(granted) < 200
    assert whole.spent_gbp == spent
    assert whole.reserved_gbp == 0
    assert spent <= Decimal("0.50")
    assert BudgetPeriod.objects.filter(budget__scope="member", spent_gbp__gt=Decimal("0.20")).count() == 0
    assert not BudgetHold.objects.exists()
    adds_up(live_acme)
