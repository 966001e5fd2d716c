"""Whatever happens, in any order: the ledger, the roll-ups, reports and budgets are one, and no cap is passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run

from billing.budgets import Payer, budget_reserve, forget_budgets, holds_sweep
from billing.corrections import NEGATED, Tokens, event_replace, event_take_back, is_corrected
from billing.errors import BudgetReached
from billing.invoicing.lines import month_lines
from billing.models import (
    Budget,
    BudgetHold,
    BudgetPeriod,
    DailyCollection,
    DailyUsage,
    ModelPrice,
    OpenAnswer,
    Plan,
    PlanPeriod,
    RolledDay,
    UsageEvent,
)
from billing.open_answers import answer_note, lost_settle, usage_settle
from billing.plans.periods import period_begin
from billing.prices import forget_quotes, quote
from billing.reports import usage_reports
from billing.rollups import day_roll, differences_of
from billing.types import UsageRecord
from tenants.models import Organisation

MODEL = "made-up-model"
LIMITS = {"organisation": Decimal("0.9"), "member": Decimal("0.5"), "group": Decimal("0.4")}
PRICE, MARKUP, PENNY = Decimal("29.99"), Decimal("1.2"), Decimal("0.01")
PEOPLE, GROUPS = (uuid4(), uuid4(), None), (uuid4(), uuid4())
FIRST_PRICE = date(2020, 1, 1)


@dataclass
class Answer:
    """A question that was let in: who pays, what is held, and its note."""

    organisation: Organisation
    payer: Payer
    held: Decimal
    key: UUID = field(default_factory=uuid4)
    note: UUID | None = None
    calls: tuple[UsageRecord, ...] = ()

    def call(self, *, cents: int, is_open: bool = False) -> UsageRecord:
        """One that costs as much as was held, or less."""
        price = quote("openai", MODEL)
        most = int(self.held * cents / 100 * 1_000_000 / price.output_gbp)
        return UsageRecord(
            key=uuid4() if is_open or not self.calls else self.calls[-1].key,
            tenant=self.organisation.key,
            kind="chat",
            outcome="stopped" if is_open else "complete",
            provider="openai",
            model=MODEL,
            input_tokens=0,
            cached_input_tokens=0,
            output_tokens=0 if is_open else most,
            is_estimated=is_open,
            member_id=self.payer.member_id,
            group_ids=self.payer.group_ids,
            subject=self.key,
        )

    @property
    def shown(self) -> int:
        return int(self.held / 2 * 1_000_000 / quote("openai", MODEL).output_gbp)


class Money(RuleBasedStateMachine):
    running: Bundle[Answer] = Bundle("running")
    ended: Bundle[Answer] = Bundle("ended")
    dead: Bundle[Answer] = Bundle("dead")

    @initialize()
    def begin(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL vena.may_empty_ledger = 'yes'")
            cursor.execute("TRUNCATE public.billing_usageevent, public.billing_dailyusage, public.billing_rolledday")
        for model in (OpenAnswer, BudgetHold, BudgetPeriod, Budget):
            model.objects.all().delete()
        ModelPrice.objects.filter(model=MODEL).delete()
        self.prices = 0
        self.price_changes(dollars=10)
        self.organisations = list(Organisation.objects.filter(slug__in=["acme", "globex"]).order_by("slug"))
        for organisation in self.organisations:
            for scope, limit in LIMITS.items():
                Budget.objects.create(organisation=organisation, scope=scope, amount_gbp=limit)
        forget_budgets()
        PlanPeriod.objects.all().delete()
        Plan.objects.filter(slug="machine").delete()
        plan = Plan.objects.create(slug="machine", name="Machine", monthly_price_gbp=PRICE, usage_markup_percent=20)
        for organisation in self.organisations:
            period_begin(organisation.pk, plan, timezone.now().date().replace(day=1))

    @rule(dollars=st.integers(5, 20))
    def price_changes(self, dollars: int) -> None:
        self.prices += 1
        columns = dict.fromkeys(("input_usd", "cached_input_usd", "output_usd"), Decimal(dollars))
        day = FIRST_PRICE + timedelta(days=self.prices)
        ModelPrice.objects.create(provider="openai", model=MODEL, valid_from=day, source="test", **columns)
        forget_quotes()

    @rule(
        target=running,
        whose=st.integers(0, 1),
        person=st.sampled_from(PEOPLE),
        groups=st.sets(st.sampled_from(GROUPS)),
        cents=st.integers(1, 40),
    )
    def ask(self, whose: int, person: UUID | None, groups: set[UUID], cents: int) -> Any:
        organisation = self.organisations[whose]
        answer = Answer(organisation, Payer(organisation.pk, person, tuple(groups)), Decimal(cents) / 100)
        try:
            budget_reserve(answer.payer, answer.key, answer.held)
        except BudgetReached:
            return multiple()
        return answer

    @rule(answer=running)
    def a_call_begins(self, answer: Answer) -> None:
        answer.note = answer.note or uuid4()
        answer.calls = (answer.call(cents=0, is_open=True),)
        answer_note(answer.note, answer.key, answer.key, answer.calls)

    @rule(target=ended, answer=consumes(running), cents=st.integers(0, 100))
    def ends(self, answer: Answer, cents: int) -> Answer:
        answer.calls = (answer.call(cents=cents),)
        usage_settle(answer.calls, answer.key, answer.note)
        return answer

    @rule(answer=ended)
    def ends_again(self, answer: Answer) -> None:
        usage_settle(answer.calls, answer.key, answer.note)

    @rule(target=dead, answer=consumes(running))
    def is_killed(self, answer: Answer) -> Answer:
        return answer

    @rule(answer=dead)
    def is_repaired(self, answer: Answer) -> None:
        lost_settle(answer.organisation.schema_name, answer.key, answer.shown)

    @rule(target=ended, answer=consumes(dead))
    def was_alive(self, answer: Answer) -> Answer:
        """It writes its own calls, at most as dear as what was held, repaired before or not."""
        lost_settle(answer.organisation.schema_name, answer.key, answer.shown)
        answer.calls = (answer.call(cents=50),)
        usage_settle(answer.calls, answer.key, answer.note)
        return answer

    @rule(number=st.integers(0, 50), share=st.integers(0, 100) | st.none())
    def is_corrected(self, number: int, share: int | None) -> None:
        """Refunded, or found to have been less."""
        rows = list(UsageEvent.objects.filter(is_counter=False).select_related("price", "rate").order_by("pk"))
        rows = [row for row in rows if not is_corrected(row)]
        if not rows:
            return
        row = rows[number % len(rows)]
        if share is None:
            event_take_back(row, reason="test")
        else:
            event_replace(row, Tokens(0, row.output_tokens * share // 100), reason="test")

    @rule()
    def is_swept(self) -> None:
        holds_sweep()

    @rule()
    def is_closed(self) -> None:
        """The day as a roll-up says the same as from the ledger."""
        today = timezone.now().date()
        live = [usage_reports(one.pk, today, today) for one in self.organisations]
        day_roll(today)
        assert differences_of(today) == []
        assert [usage_reports(one.pk, today, today) for one in self.organisations] == live
        for one in self.organisations:
            rows = DailyUsage.objects.filter(organisation_id=one.pk)
            assert (rows.aggregate(sum=Sum("cost_gbp"))["sum"] or 0) == ledger(one.pk)
        for rolled in (RolledDay, DailyUsage, DailyCollection):
            rolled.objects.all().delete()

    @invariant()
    def everything_adds_up(self) -> None:
        today = timezone.now().date()
        for one in getattr(self, "organisations", []):
            for report in usage_reports(one.pk, today, today).values():
                assert report.total.cost_gbp == sum((line.figures.cost_gbp for line in report.lines), Decimal(0))
                assert report.total.cost_gbp == ledger(one.pk)
                assert isinstance(report.total.cost_gbp, Decimal)
            self.the_invoice_too(one)

    def the_invoice_too(self, one: Organisation) -> None:
        lines = month_lines(one.pk, timezone.now().date().replace(day=1))
        assert sum((line.cost for line in lines), Decimal(0)) == ledger(one.pk)
        assert all(line.amount == line.amount.quantize(PENNY) for line in lines)
        charged = sum((line.amount for line in lines if line.kind != "plan"), Decimal(0))
        assert abs(charged - max(ledger(one.pk) * MARKUP, Decimal(0))) <= PENNY or ledger(one.pk) < 0
        assert [line.amount for line in lines if line.kind == "plan"] == [PRICE]

    @invariant()
    def no_cap_is_passed(self) -> None:
        held = dict(BudgetHold.objects.values_list("period").annotate(Sum("amount_gbp")))
        for period in BudgetPeriod.objects.select_related("budget"):
            assert 0 <= period.spent_gbp + period.reserved_gbp <= period.limit_gbp
            assert period.reserved_gbp == held.get(period.pk, 0)
            assert isinstance(period.spent_gbp, Decimal)
            scope = {"organisation": "organisation_id", "member": "member_id", "group": "group_ids__contains"}
            subject = [period.subject_id] if period.budget.scope == "group" else period.subject_id
            facts = {"organisation_id": period.budget.organisation_id, scope[period.budget.scope]: subject}
            assert period.spent_gbp == (UsageEvent.objects.filter(**facts).aggregate(s=Sum("cost_gbp"))["s"] or 0)

    def teardown(self) -> None:
        if hasattr(self, "organisations"):
            self.is_closed()
            for row in UsageEvent.objects.filter(is_counter=True):
                assert all(getattr(row, name) <= 0 for name in NEGATED)


def ledger(organisation_id: UUID) -> Decimal:
    return UsageEvent.objects.filter(organisation_id=organisation_id).aggregate(s=Sum("cost_gbp"))["s"] or Decimal(0)


@pytest.mark.django_db
def test_money_in_any_order() -> None:
    run(
        Money,
        settings=settings(
            max_examples=12, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
