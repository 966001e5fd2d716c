"""The life of an answer inside `knowledge`: retrieve, prompt, stream, check citations, meter. No ORM in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from uuid import UUID, uuid5

from billing.metering import record_usage
from billing.types import UsageRecord
from knowledge.answering.citations import CitationFilter
from knowledge.answering.prompts import NOT_FOUND_TEXT, build_prompt
from knowledge.providers.base import ChatModel
from knowledge.providers.registry import chat_model
from knowledge.providers.streams import estimate_usage
from knowledge.retrieval.search import retrieve
from knowledge.retrieval.usage import calls_of
from knowledge.types import (
    AnswerEvent,
    Finished,
    ModelUsage,
    Prompt,
    Question,
    Receipt,
    SearchResult,
    SourcesFound,
    TextDelta,
)
from tenants.context import in_tenant


async def answer_question(question: Question, receipt: Receipt) -> AsyncGenerator[AnswerEvent, None]:
    """Stream the events of one answer. Whatever ends it, every provider call is in the ledger and on the receipt."""
    spent: list[UsageRecord] = []
    try:
        found = await retrieve(question.library, question.text, question.scope)
        spent += [usage_record(question, usage, kind=kind, outcome="complete") for kind, usage in calls_of(found)]
        for note in found.notes:
            yield note
        yield SourcesFound(found.passages)
        if not found.passages:
            yield TextDelta(NOT_FOUND_TEXT)
            yield Finished(text=NOT_FOUND_TEXT, cited=(), usage=ModelUsage("", ""), refused=True)
            return
        async with aclosing(compose(question, found, receipt, spent)) as events:
            async for event in events:
                yield event
    finally:
        await asyncio.shield(meter(question, spent, receipt))


async def compose(
    question: Question, found: SearchResult, receipt: Receipt, spent: list[UsageRecord]
) -> AsyncGenerator[AnswerEvent, None]:
    prompt = build_prompt(
        question.text, found.passages, question.history, organisation_name=question.library.organisation_name
    )
    model = chat_model()
    citations = CitationFilter(available=len(found.passages))
    shown: list[str] = []
    raw: list[str] = []
    outcome = "stopped"
    try:
        async with aclosing(pieces(model, prompt, receipt, raw)) as stream:
            async for piece in stream:
                if text := citations.feed(piece):
                    shown.append(text)
                    yield TextDelta(text)
        if text := citations.flush():
            shown.append(text)
            yield TextDelta(text)
        outcome = "complete"
    except Exception:
        outcome = "failed"
        raise
    finally:
        if outcome != "complete" or receipt.usage is None:
            # A provider that was cut off never told its final count: our own estimate stands in, marked as such.
            receipt.usage = estimate_usage(model, prompt, "".join(raw), told=receipt.usage)
        spent.append(usage_record(question, receipt.usage, kind="chat", outcome=outcome))
    answer = "".join(shown)
    refused = not citations.cited and answer.strip() == NOT_FOUND_TEXT
    yield Finished(text=answer, cited=tuple(citations.cited), usage=receipt.usage, refused=refused)


async def pieces(model: ChatModel, prompt: Prompt, receipt: Receipt, raw: list[str]) -> AsyncGenerator[str, None]:
    """The model's text; its usage goes to the receipt, where the last cumulative count wins."""
    async with aclosing(model.stream(prompt)) as stream:
        async for piece in stream:
            if isinstance(piece, ModelUsage):
                receipt.usage = piece
            else:
                raw.append(piece)
                yield piece


async def meter(question: Question, spent: list[UsageRecord], receipt: Receipt) -> None:
    if spent:
        receipt.cost_gbp = await in_tenant(question.library.tenant.schema_name, record_usage, spent)
    else:
        receipt.cost_gbp = Decimal(0)


def usage_record(question: Question, usage: ModelUsage, *, kind: str, outcome: str) -> UsageRecord:
    return UsageRecord(
        key=call_key(question.answer_id, kind),
        tenant=question.library.tenant,
        kind=kind,
        outcome=outcome,
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        is_estimated=usage.estimated,
        member_id=question.asker.id,
        member_label=question.asker.label,
        subject=question.answer_id,
    )


def call_key(answer_id: UUID, kind: str) -> UUID:
    """The same call of the same answer has the same key, so it is counted once."""
    return uuid5(answer_id, kind)
