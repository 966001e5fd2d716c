"""From the question as it was typed to passages: made to stand alone, worded in other ways, searched for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from knowledge.answering import small_tasks
from knowledge.answering.assist import has_assistant, short_reply
from knowledge.answering.followups import is_follow_up, joined
from knowledge.answering.inert import inert
from knowledge.answering.spending import Spending
from knowledge.retrieval.search import QueryVectors
from knowledge.retrieval.usage import calls_of
from knowledge.types import ModelUsage, Notice, Prompt, Question, SearchResult

PATIENCE = 4.0  # seconds: the person waits for this before anything is searched
NOT_REWRITTEN = Notice(
    "follow_up_not_rewritten",
    "This follow-up could not be put into full words; it was searched for together with the question before it.",
)


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it is searched for. `rewritten` is "" where it stands as it was typed."""

    text: str
    rewritten: str = ""
    others: tuple[str, ...] = ()
    notes: tuple[Notice, ...] = ()


async def understood(question: Question, spending: Spending) -> Understood:
    """One call of the small model at most, and none for a question that stands alone.

    Without such a model, or when it fails, a follow-up is searched for together with the question before it.
    """
    follows = is_follow_up(question.text, question.history)
    has_model = await has_assistant(question.library.tenant, question.settings)
    if not (has_model and (follows or question.settings.is_multi_query)):
        return by_joining(question) if follows else Understood(question.text)
    lines = await asked_lines(question, spending, follows=follows)
    if not follows:
        return Understood(question.text, others=others_of(lines, question.text))
    if not lines or small_tasks.is_no_question(lines[0], question.text):
        return by_joining(question, NOT_REWRITTEN)
    others = others_of(lines[1:], lines[0]) if question.settings.is_multi_query else ()
    return Understood(lines[0], "" if lines[0] == question.text else lines[0], others)


def by_joining(question: Question, *notes: Notice) -> Understood:
    text = joined(question.text, question.history)
    return Understood(text, text, notes=notes)


def others_of(lines: Sequence[str], own: str) -> tuple[str, ...]:
    different = dict.fromkeys(line for line in lines if line.casefold() != own.casefold())
    return tuple(different)[: small_tasks.OTHERS]


async def asked_lines(question: Question, spending: Spending, *, follows: bool) -> list[str]:
    task = small_tasks.rewriting(follows=follows, others=small_tasks.OTHERS if question.settings.is_multi_query else 0)

    async def reply(prompt: Prompt) -> str | None:
        return await short_reply(prompt, question.settings, spending, kind="rewrite", patience=PATIENCE)

    chain = (await langchain()).lines_from(task, reply)
    lines: list[str] = await chain.ainvoke(
        {
            "conversation": small_tasks.conversation(question.history, question.summary) if follows else "",
            "question": inert(question.text.strip()),
        }
    )
    return lines


async def searched(
    question: Question, asked: Understood, spending: Spending, known: QueryVectors | None = None
) -> SearchResult:
    """`known` are the vectors of the question as it was typed. Its calls are on `spending`, however it ends.

    Raises IndexUnavailable.
    """
    results: list[SearchResult] = []
    calls: list[tuple[str, ModelUsage]] = []
    try:
        await retrieved(question, asked, known, calls, results.append)
    finally:
        for kind, usage in calls_of(results[0]) if results else calls:
            spending.add(usage, kind=kind, outcome="stopped" if usage.estimated else "complete")
    return results[0]


async def retrieved(
    question: Question,
    asked: Understood,
    known: QueryVectors | None,
    calls: list[tuple[str, ModelUsage]],
    told: Callable[[SearchResult], None],
) -> None:
    retriever = (await langchain()).LibraryRetriever(
        library=question.library,
        scope=question.scope,
        limit=question.settings.passages,
        is_reranked=question.settings.is_reranked,
        known=known,
        calls=calls,
        told=told,
    )
    await retriever.ainvoke(asked.text, others=asked.others)


async def langchain() -> ModuleType:
    """The modules that import LangChain; off the event loop the first time."""
    name = "knowledge.answering.chain"
    if loaded := sys.modules.get(name):
        # Another thread may still be at it; then its lock makes this one wait, there.
        if not getattr(getattr(loaded, "__spec__", None), "_initializing", False):
            return loaded
    return await asyncio.to_thread(import_module, name)
