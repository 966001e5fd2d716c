"""Questions to the small model around a search, composed of LangChain Runnables.

Imported when it is first needed, and warmed up behind a start: LangChain takes a second or two of CPU to import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from knowledge.answering import small_tasks
from knowledge.retrieval.retriever import LibraryRetriever  # first: it keeps LangChain from tracing
from knowledge.types import Prompt, Role, Turn

from langchain_core.messages import HumanMessage  # isort: skip
from langchain_core.prompt_values import PromptValue  # isort: skip
from langchain_core.prompts import ChatPromptTemplate  # isort: skip
from langchain_core.runnables import Runnable, RunnableLambda  # isort: skip

__all__ = ["LibraryRetriever", "lines_from"]

Reply = Callable[[Prompt], Awaitable[str | None]]


def lines_from(task: str, reply: Reply) -> Runnable[dict[str, str], list[str]]:
    """What the small model writes for a task, a line each; [] when it writes nothing.

    Takes `conversation` and `question`, which are inert already.
    """

    async def asked(value: PromptValue) -> str:
        return await reply(prompt_of(value)) or ""

    return template(task) | RunnableLambda(asked) | RunnableLambda(small_tasks.reply_lines)


@cache
def template(task: str) -> Runnable[Any, PromptValue]:
    return ChatPromptTemplate.from_messages([("system", task), ("human", small_tasks.REWRITE_QUESTION)])


def prompt_of(value: PromptValue) -> Prompt:
    """LangChain's messages as our own prompt: no type of its leaves this module."""
    messages = value.to_messages()
    system = "\n".join(str(one.content) for one in messages if not isinstance(one, HumanMessage))
    turns = tuple(Turn(Role.USER, str(one.content)) for one in messages if isinstance(one, HumanMessage))
    return Prompt(
        system=system,
        turns=turns,
        question=turns[-1].text,
        passages=(),
        max_output_tokens=small_tasks.REWRITE_TOKENS,
    )
