"""The life of an answer inside `knowledge`: understand, search, weigh, prompt, stream, check, meter. No ORM inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings

from knowledge.answering import evidence
from knowledge.answering.allowance import Allowance
from knowledge.answering.cache import Memory
from knowledge.answering.cache_keys import prefix_key
from knowledge.answering.courtesy import courteous_reply
from knowledge.answering.legs import written
from knowledge.answering.links import plain_links, targets_of
from knowledge.answering.prompts import NOT_FOUND_TEXT, build_prompt, is_not_found, version_of
from knowledge.answering.query import Understood, searched, understood
from knowledge.answering.shown import Shown
from knowledge.answering.spending import Spending
from knowledge.answering.support import SupportChecker
from knowledge.retrieval.passages import extent_of
from knowledge.retrieval.search import QueryVectors
from knowledge.types import (
    AnswerEvent,
    Finished,
    ModelUsage,
    Notice,
    Question,
    Receipt,
    SearchResult,
    SourcesFound,
    Support,
    TextDelta,
)
from tenants.context import in_tenant


async def answer_question(question: Question, receipt: Receipt) -> AsyncGenerator[AnswerEvent, None]:
    """Stream the events of one answer. Whatever ends it, every provider call is in the ledger and on the receipt."""
    if reply := courteous_reply(question.text):
        yield TextDelta(reply)
        yield Finished(text=reply, cited=(), usage=ModelUsage("", ""))
        return
    spending = Spending(question.library.tenant, question.asker, question.answer_id, question.conversation_id)
    allowance = Allowance(question, spending)
    memory = Memory(question, receipt, spending, allowance)
    try:
        made = memory.events(lambda known: allowed(question, receipt, spending, memory, allowance, known))
        async with aclosing(made) as events:
            async for event in events:
                yield event
    finally:
        await asyncio.shield(asyncio.ensure_future(settle(receipt, spending)))
    memory.keep()


async def settle(receipt: Receipt, spending: Spending) -> None:
    receipt.cost_gbp = await spending.settle()


async def allowed(
    question: Question,
    receipt: Receipt,
    spending: Spending,
    memory: Memory,
    allowance: Allowance,
    known: QueryVectors | None,
) -> AsyncGenerator[AnswerEvent, None]:
    """The answer that the budgets have room for. Raises BudgetReached."""
    await allowance.take()
    for note in allowance.notes:
        yield note
    question = replace(question, settings=allowance.settings)
    async with aclosing(answered(question, receipt, spending, memory, known)) as events:
        async for event in events:
            yield event


async def answered(
    question: Question, receipt: Receipt, spending: Spending, memory: Memory, known: QueryVectors | None = None
) -> AsyncGenerator[AnswerEvent, None]:
    asked = await understood(question, spending)
    async with aclosing(memory.rewritten(asked.rewritten)) as kept:
        async for event in kept:
            yield event
    if memory.earlier:
        return
    for note in asked.notes:
        yield note
    found = await searched(question, asked, spending, known)
    spending.documents = frozenset(passage.document_id for passage in found.passages)
    for note in found.notes:
        yield note
    yield SourcesFound(found.passages)
    events = composed(question, asked, found, receipt, spending) if is_enough(question, asked, found) else None
    async with aclosing(events or refused(question, asked, found)) as told:
        async for event in told:
            yield event


def is_enough(question: Question, asked: Understood, found: SearchResult) -> bool:
    near = settings.VENA_MIN_SIMILARITY
    return evidence.is_enough(asked.text, found.passages, question.library.space.version, near)


async def refused(question: Question, asked: Understood, found: SearchResult) -> AsyncGenerator[AnswerEvent, None]:
    """No model is called: it would have nothing to answer from."""
    extent = await in_tenant(question.library.tenant.schema_name, extent_of, question.scope)
    text = plain_links(evidence.refusal(question.text, extent, found.passages))
    yield TextDelta(text)
    yield Finished(
        text=text,
        cited=(),
        usage=ModelUsage("", ""),
        refused=True,
        is_gap=extent.documents > 0,
        asked_as=asked.rewritten,
    )


async def composed(
    question: Question, asked: Understood, found: SearchResult, receipt: Receipt, spending: Spending
) -> AsyncGenerator[AnswerEvent, None]:
    version = version_of(question.settings.prompt_version)
    prompt = build_prompt(
        question.text,
        found.passages,
        question.history,
        organisation_name=question.library.organisation_name,
        instructions=question.settings.instructions,
        summary=question.summary,
        asked_as=asked.rewritten,
        version=version.name,
    )
    prompt = replace(prompt, prefix_key=prefix_key(question.library.tenant, prompt.system))
    shown = Shown(len(found.passages), targets_of(found.passages))
    checker = SupportChecker(found.passages)
    supports: list[Support] = []
    async with aclosing(written(prompt, receipt, spending, question.settings)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Notice):
                yield piece
            elif text := shown.feed(piece):
                yield TextDelta(text)
                supports += checker.feed(text)
    if text := shown.flush():
        yield TextDelta(text)
        supports += checker.feed(text)
    supports += checker.flush()
    is_refused = is_not_found(shown.text, shown.cited)
    if shown.text.strip() == NOT_FOUND_TEXT:
        yield TextDelta(shown.add(await searched_in(question, found)))
    yield Finished(
        text=shown.text,
        cited=() if is_refused else shown.cited,
        usage=receipt.usage or ModelUsage("", ""),
        refused=is_refused,
        supports=() if is_refused else tuple(supports),
        uncited=checker.uncited,
        is_gap=is_refused,
        asked_as=asked.rewritten,
        prompt_version=version.name,
    )


async def searched_in(question: Question, found: SearchResult) -> str:
    """What is said behind a model's own refusal: the same as behind ours."""
    extent = await in_tenant(question.library.tenant.schema_name, extent_of, question.scope)
    return plain_links(evidence.refusal("", extent, found.passages)).removeprefix(NOT_FOUND_TEXT)
