"""Two stub providers behind the real SDKs, and an answer as the pipeline gives it. Shared by the tests of failover."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.stub_provider import Call, StubProvider
from billing.models import UsageEvent
from knowledge.answering.pipeline import composed, settle
from knowledge.answering.query import Understood
from knowledge.answering.spending import Spending
from knowledge.selectors import library_of
from knowledge.types import (
    AnswerSettings,
    Asker,
    Finished,
    ModelUsage,
    Notice,
    Passage,
    Question,
    Receipt,
    SearchResult,
    SearchScope,
    TextDelta,
)
from tenants.models import Organisation
from vena_platform.errors import VenaError

REPLY = "Every person has 28 days of annual leave after five years [1]. A hotel in Edinburgh may cost 150 pounds [2]."
QUESTION = "How many days of annual leave are there?"
TEXTS = (
    "Every person has 28 days of annual leave after five years of service.",
    "A hotel in Edinburgh may cost 150 pounds a night, and 195 pounds during a trade fair.",
)


def passage(n: int, text: str) -> Passage:
    return Passage(n, uuid4(), uuid4(), "Handbook", text, (), None, n, 0.9, 0.8)


@dataclass
class Stubs:
    openai: StubProvider
    anthropic: StubProvider

    def __getitem__(self, name: str) -> StubProvider:
        found: StubProvider = getattr(self, name)
        return found

    def calls(self, name: str) -> list[Call]:
        return list(self[name].stub.ledger.calls)


@contextmanager
def running_stubs() -> Iterator[Stubs]:
    with StubProvider(text=REPLY) as openai, StubProvider(text=REPLY) as anthropic:
        yield Stubs(openai, anthropic)


def use(stubs: Stubs, settings: Any, primary: str = "openai") -> None:
    stubs.openai.reset()
    stubs.anthropic.reset()
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "platform-openai", stubs.openai.openai_url
    settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "platform-anthropic", stubs.anthropic.anthropic_url
    settings.VENA_CHAT_PROVIDER = primary
    settings.VENA_CONNECT_SECONDS = settings.VENA_FIRST_TOKEN_SECONDS = settings.VENA_SILENCE_SECONDS = 5.0


@dataclass
class Seen:
    """What the person saw, and what was written down about it."""

    text: str = ""
    notices: list[Notice] = field(default_factory=list)
    finished: Finished | None = None
    error: VenaError | None = None
    receipt: Receipt = field(default_factory=Receipt)
    rows: list[UsageEvent] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return [notice.code for notice in self.notices]

    @property
    def usage(self) -> ModelUsage:
        assert self.receipt.usage is not None
        return self.receipt.usage


def question_of(organisation: Organisation, answer_settings: AnswerSettings | None = None) -> Question:
    return Question(
        library_of(organisation),
        Asker(None, "ada@example.org"),
        uuid4(),
        QUESTION,
        SearchScope(()),
        settings=answer_settings or AnswerSettings(),
    )


async def answer(
    organisation: Organisation, answer_settings: AnswerSettings | None = None, *, stop_after: int = 0
) -> Seen:
    """The pipeline from the passages on. `stop_after`: the person stops after so many characters."""
    question = await asyncio.to_thread(question_of, organisation, answer_settings)
    found = SearchResult(tuple(passage(n, text) for n, text in enumerate(TEXTS, 1)), ModelUsage("", ""))
    seen = Seen()
    spending = Spending(question.library.tenant, question.asker, question.answer_id)
    try:
        async with aclosing(composed(question, Understood(question.text), found, seen.receipt, spending)) as events:
            async for event in events:
                match event:
                    case TextDelta(text=text):
                        seen.text += text
                    case Notice():
                        seen.notices.append(event)
                    case Finished():
                        seen.finished = event
                if stop_after and len(seen.text) >= stop_after:
                    break
    except VenaError as error:
        seen.error = error
    await settle(seen.receipt, spending)
    seen.rows = await asyncio.to_thread(ledger, question.answer_id)
    return seen


def ledger(subject: Any) -> list[UsageEvent]:
    return list(UsageEvent.objects.filter(subject=subject).order_by("pk"))
