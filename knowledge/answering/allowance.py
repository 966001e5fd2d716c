"""What one answer may cost: room in the budgets, held before its first call of a provider.

At the cap a cheaper model answers, where the admins chose that and there is room for it. What costs nothing stays open:
answers that were given before, and those that only quote.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.conf import settings

from billing.errors import BudgetReached
from billing.models import Budget
from billing.prices import dearest
from knowledge.answering.small_tasks import OTHERS, REWRITE_TOKENS
from knowledge.answering.spending import Spending
from knowledge.choosing import cheaper_settings, chosen_models, small_model
from knowledge.providers.base import ChatModel
from knowledge.providers.registry import embedder, reranker
from knowledge.providers.streams import BYTES_PER_TOKEN
from knowledge.types import AnswerSettings, Notice, Prompt, Question
from tenants.context import in_tenant

# Our own count of tokens is a guess. A tokenizer needs twice as many only for text in a script it hardly knows.
SAFETY = 2
RULES = 1500  # tokens of our own rules, the organisation's, and a summary of what was said before
WORDINGS = 1 + OTHERS
MOST_WRITTEN = Prompt("", (), "", ()).max_output_tokens


class Allowance:
    """`settings` are the question's own, until `take` has found that there is room for a cheaper answer only."""

    def __init__(self, question: Question, spending: Spending) -> None:
        self.question, self.spending = question, spending
        self.settings: AnswerSettings = question.settings
        self.notes: tuple[Notice, ...] = ()
        self.is_taken = not question.has_budgets
        self.refusal: BudgetReached | None = None

    async def has_room(self) -> bool:
        try:
            await self.take()
        except BudgetReached:
            return False
        return True

    async def take(self) -> None:
        """Once for the whole answer. Raises BudgetReached."""
        if self.refusal:
            raise self.refusal
        if self.is_taken:
            return
        try:
            await self.hold(self.settings)
        except BudgetReached as full:
            await self.take_cheaper(full)
        self.is_taken = True

    async def take_cheaper(self, full: BudgetReached) -> None:
        tenant, cheaper = self.question.library.tenant, None
        if full.at_cap == Budget.AtCap.CHEAPER:
            cheaper = await cheaper_settings(tenant, self.settings)
        if cheaper is None:
            self.refusal = full
            raise full
        try:
            await self.hold(cheaper)
        except BudgetReached as refusal:
            self.refusal = refusal
            raise
        self.settings = cheaper
        self.notes = (Notice("cheaper_model", full.told_of_cheaper),)

    async def hold(self, answer_settings: AnswerSettings) -> None:
        tenant = self.question.library.tenant
        answering = [one.model for one in await chosen_models(tenant, answer_settings)]
        small = await small_model(tenant, answer_settings)
        amount = await in_tenant(
            tenant.schema_name, worst_case, self.question, answering, [small.model] if small else []
        )
        await self.spending.hold(amount)


def worst_case(question: Question, answering: Sequence[ChatModel], helping: Sequence[ChatModel]) -> Decimal:
    """In pounds: every provider that may be asked reads everything and writes as much as it may."""
    asked = len(question.text.encode()) // BYTES_PER_TOKEN + RULES + settings.VENA_HISTORY_TOKENS
    read = (asked + settings.VENA_PASSAGE_TOKENS) * SAFETY
    total = searching(question, asked * SAFETY)
    for nth, one in enumerate(answering):  # each reads what those before it wrote
        total += dearest(one.provider, one.name, read=read + nth * MOST_WRITTEN, written=MOST_WRITTEN)
    for one in helping:
        total += dearest(one.provider, one.name, read=asked * SAFETY, written=REWRITE_TOKENS)
    return total


def searching(question: Question, read: int) -> Decimal:
    """Each wording of the question embedded, and one search reranked: its unit is a search, not a token."""
    model, ranker = embedder(question.library.embedding_provider), reranker()
    total = dearest(model.provider, model.name, read=read * WORDINGS, written=0)
    return total + dearest(ranker.provider, ranker.name, read=1, written=0) if ranker else total
