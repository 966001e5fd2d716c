"""An answer that is stopped at any moment leaves nothing held, and no note of calls that are in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from billing.budgets import forget_budgets
from billing.models import Budget, BudgetHold, OpenAnswer, UsageEvent
from knowledge.answering.spending import Spending
from knowledge.types import Asker, ModelUsage
from tenants.context import in_public
from tenants.models import Organisation

USAGE = ModelUsage("openai", "gpt-4o", input_tokens=1000)


def rows() -> tuple[int, int, int]:
    return BudgetHold.objects.count(), OpenAnswer.objects.count(), UsageEvent.objects.count()


async def cut_off(work: Coroutine[Any, Any, None]) -> None:
    """Cancelled as soon as it waits for the database."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stop_while_room_is_held_or_a_note_is_written(
    live_acme: Organisation, live_globex: Organisation
) -> None:
    for organisation in (live_acme, live_globex):
        await in_public(Budget.objects.create, organisation=organisation, amount_gbp=Decimal(1))
    forget_budgets()
    theirs = Spending(live_globex.key, Asker(None, ""), uuid4())
    await theirs.hold(Decimal("0.1"))
    await theirs.begin(USAGE, kind="chat")
    for _ in range(5):
        spending = Spending(live_acme.key, Asker(None, ""), uuid4())
        await cut_off(spending.hold(Decimal("0.1")))
        await spending.settle()
        assert await in_public(rows) == (1, 1, 0)
        await cut_off(spending.begin(USAGE, kind="chat"))
        await spending.settle()
        assert await in_public(rows) == (1, 1, 0)
    theirs.add(USAGE, kind="chat")
    assert await theirs.settle() == Decimal("0.001975")
    assert await in_public(rows) == (0, 0, 1)
