"""Small services of a cheaper model around an answer: rewriting, titles, summaries, questions that may follow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from decimal import Decimal
from uuid import UUID, uuid5

from billing.budgets import has_budgets
from billing.errors import BudgetReached
from billing.prices import dearest
from knowledge.answering.small_tasks import build_summary
from knowledge.answering.spending import Spending
from knowledge.choosing import small_model
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers import breaker
from knowledge.providers.base import ChatModel
from knowledge.providers.breaker import State
from knowledge.providers.streams import estimate_usage
from knowledge.types import AnswerSettings, Asker, ModelUsage, Prompt, Turn
from tenants.context import in_tenant
from tenants.types import TenantKey

logger = logging.getLogger(__name__)

UNHURRIED = 60.0  # behind an answer
PATIENCE = 6.0  # seconds for the whole reply: nobody waits longer for a nicety


async def has_assistant(tenant: TenantKey, settings: AnswerSettings) -> bool:
    """Whether there is such a model at all."""
    return await small_model(tenant, settings) is not None


async def short_reply(
    prompt: Prompt,
    settings: AnswerSettings,
    spending: Spending,
    *,
    kind: str,
    name: str = "",
    patience: float = PATIENCE,
) -> str | None:
    """The small model's whole reply; None where there is no such model, or it fails or takes too long.

    The call is on `spending`, however it ends; settling it is the caller's.
    """
    small = await small_model(spending.tenant, settings)
    if small is None or (await breaker.seen([small.circuit]))[0].state is not State.WORKING:
        return None  # a nicety is no probe
    try:
        async with asyncio.timeout(patience):
            return await whole(small.model, prompt, spending, kind=kind, name=name)
    except (ProviderUnavailable, ProviderRefused, TimeoutError) as error:
        logger.warning("assist.failed", extra={"call": name or kind, "detail": str(getattr(error, "detail", ""))})
        return None


async def summarised(
    turns: Sequence[Turn],
    summary: str,
    tenant: TenantKey,
    asker: Asker,
    answer_id: UUID,
    conversation_id: UUID,
    settings: AnswerSettings,
) -> str | None:
    """One short text of `summary` and the turns after it; metered as part of the answer it is made behind."""
    spending = Spending(tenant, asker, answer_id, conversation_id)
    prompt = build_summary(turns, summary)
    try:
        if not await has_room(prompt, settings, spending, name="summary"):
            return None
        return await short_reply(prompt, settings, spending, kind="assist", name="summary", patience=UNHURRIED)
    finally:
        await spending.settle()


async def has_room(prompt: Prompt, settings: AnswerSettings, spending: Spending, *, name: str) -> bool:
    """Whether the budgets have room for one call of the small model behind an answer; then it is held."""
    small = await small_model(spending.tenant, settings)
    if small is None:
        return False
    model = small.model
    try:
        amount = await in_tenant(
            spending.tenant.schema_name, most_of_call, spending.tenant.id, model.provider, model.name, prompt
        )
        await spending.hold(amount, uuid5(spending.subject, f"{name}.held"))
    except BudgetReached:
        return False
    return True


def most_of_call(organisation_id: UUID, provider: str, name: str, prompt: Prompt) -> Decimal:
    """What the call may cost at most, in pounds; nothing has to be held where there are no budgets."""
    if not has_budgets(organisation_id):
        return Decimal(0)
    read = sum(len(text.encode()) for text in (prompt.system, *(turn.text for turn in prompt.turns)))
    return dearest(provider, name, read=read, written=prompt.max_output_tokens)


async def whole(model: ChatModel, prompt: Prompt, spending: Spending, *, kind: str, name: str) -> str:
    usage: ModelUsage | None = None
    pieces: list[str] = []
    outcome = "failed"
    await spending.begin(estimate_usage(model, prompt, ""), kind=kind, name=name)
    try:
        async with aclosing(model.stream(prompt)) as stream:
            async for piece in stream:
                if isinstance(piece, ModelUsage):
                    usage = piece
                else:
                    pieces.append(piece)
        outcome = "complete"
    finally:
        if outcome != "complete" or usage is None:
            usage = estimate_usage(model, prompt, "".join(pieces), told=usage)
        spending.add(usage, kind=kind, name=name, outcome=outcome)
    return "".join(pieces).strip()
