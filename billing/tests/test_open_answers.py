"""What a process had spent that died: in the ledger, once, each organisation's in its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db.models import Sum
from django.utils import timezone

from billing.budgets import FORGOTTEN_AFTER, Payer, budget_reserve, forget_budgets
from billing.models import Budget, BudgetHold, BudgetPeriod, OpenAnswer, UsageEvent
from billing.open_answers import answer_note, calls_of, lost_settle, lost_sweep, usage_settle
from billing.tasks import sweep_holds
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
Opened = Callable[[Organisation], tuple[UUID, UUID]]
HELD = Decimal("0.05")


@pytest.fixture
def opened(acme: Organisation, globex: Organisation, call: Call) -> Opened:
    """An answer of an organisation, as a process leaves it that is killed while a model writes: (note, answer)."""
    for one in (acme, globex):
        Budget.objects.create(organisation=one, amount_gbp=Decimal(1))
    forget_budgets()

    def make(organisation: Organisation) -> tuple[UUID, UUID]:
        note, answer = uuid4(), uuid4()
        budget_reserve(Payer(organisation.pk), answer, HELD)
        facts = {"tenant": organisation.key, "subject": answer, "group_ids": (uuid4(),)}
        ended = call(kind="rewrite", model="gpt-4o-mini", **facts)
        going = call(outcome="stopped", is_estimated=True, cached_input_tokens=0, output_tokens=0, **facts)
        answer_note(note, answer, answer, [ended])
        answer_note(note, answer, answer, [ended, going])
        return note, answer

    return make


def books(organisation: Organisation) -> tuple[int, Decimal, Decimal]:
    """Rows in the ledger, and what is spent and held; spent is what the ledger says."""
    period = BudgetPeriod.objects.get(budget__organisation=organisation)
    rows = UsageEvent.objects.filter(organisation_id=organisation.pk)
    assert period.spent_gbp == (rows.aggregate(sum=Sum("cost_gbp"))["sum"] or 0)
    return rows.count(), period.spent_gbp, period.reserved_gbp


def test_a_note_gives_back_the_calls_that_were_written(db: None, call: Call) -> None:
    note, answer = uuid4(), uuid4()
    calls = [call(subject=answer, group_ids=(uuid4(), uuid4()), member_id=uuid4()), call(member_label="Ä")]
    answer_note(note, answer, None, calls)
    assert calls_of(OpenAnswer.objects.get(pk=note)) == calls


def test_what_a_dead_process_had_spent_is_written_once(
    opened: Opened, acme: Organisation, globex: Organisation
) -> None:
    (_, ours), (_, theirs) = opened(acme), opened(globex)
    cost = lost_settle("org_acme", ours, shown_tokens=120)
    assert lost_settle("org_acme", ours, shown_tokens=120) == 0
    assert lost_settle("org_acme", theirs, shown_tokens=1) == 0  # another organisation's answer
    assert books(acme) == (2, cost, Decimal(0))
    ended, going = UsageEvent.objects.order_by("id")
    assert (ended.model, ended.is_estimated, ended.outcome) == ("gpt-4o-mini", False, "complete")
    assert (going.is_estimated, going.outcome, going.input_tokens, going.output_tokens) == (True, "stopped", 1000, 120)
    assert books(globex) == (0, Decimal(0), HELD)


def test_what_nobody_looked_after_is_swept(opened: Opened, acme: Organisation, globex: Organisation) -> None:
    (dead, _), _ = opened(acme), opened(globex)
    assert lost_sweep() == 0
    OpenAnswer.objects.filter(pk=dead).update(opened_at=timezone.now() - FORGOTTEN_AFTER - timedelta(seconds=1))
    sweep_holds()
    assert books(acme)[::2] == (2, Decimal(0))
    assert books(globex) == (0, Decimal(0), HELD)
    assert BudgetHold.objects.count() == OpenAnswer.objects.count() == 1


def test_one_that_ends_by_itself_leaves_nothing_to_repair(opened: Opened, acme: Organisation) -> None:
    note, answer = opened(acme)
    calls = calls_of(OpenAnswer.objects.get(pk=note))
    calls[1] = replace(calls[1], output_tokens=90, is_estimated=False)
    cost = usage_settle(calls, answer, note)
    assert books(acme) == (2, cost, Decimal(0))
    assert lost_settle("org_acme", answer, 0) == lost_sweep() == 0


def test_one_that_was_taken_for_dead_counts_once_with_its_true_figures(opened: Opened, acme: Organisation) -> None:
    note, answer = opened(acme)
    calls = calls_of(OpenAnswer.objects.get(pk=note))
    lost_settle("org_acme", answer, shown_tokens=10)
    cost = usage_settle([calls[0], replace(calls[1], output_tokens=90, is_estimated=False)], answer, note)
    assert books(acme) == (6, cost, Decimal(0))  # two as they seemed, the same taken back, two as they were
    usage_settle([calls[0], replace(calls[1], output_tokens=90, is_estimated=False)], answer, note)
    assert books(acme) == (6, cost, Decimal(0))
