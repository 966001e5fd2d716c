"""The words of an answer, from whichever provider gives them: each goes on where the one before broke off.

docs/providers.md says in plain words when another one is asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from knowledge.answering.joins import Join, MarkHolder, words_of
from knowledge.answering.prompts import build_continuation
from knowledge.answering.spending import Spending
from knowledge.choosing import Chosen, chosen_models
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers import breaker
from knowledge.providers.base import ChatModel
from knowledge.providers.breaker import Leave
from knowledge.providers.failures import KEY_STATUS
from knowledge.providers.streams import estimate_usage
from knowledge.types import AnswerSettings, ModelUsage, Notice, Prompt, Receipt
from vena_platform import counters

logger = logging.getLogger(__name__)

ProviderFailed = ProviderUnavailable | ProviderRefused


@dataclass(slots=True)
class Writing:
    """An answer's raw text over all legs. `shown` is what has left; what a leg held back when it broke has not."""

    prompt: Prompt
    shown: list[str] = field(default_factory=list)
    failure: ProviderFailed | None = None  # the first one: the others followed from it
    failed: str = ""  # whose it was

    @property
    def has_begun(self) -> bool:
        return any(text.strip() for text in self.shown)

    def note(self, one: Chosen, error: ProviderFailed) -> None:
        facts = {"provider": one.circuit.provider, "code": error.code, "detail": error.detail}
        logger.warning("answer.leg_failed", extra=facts)
        if self.failure is None:
            self.failure, self.failed = error, one.label


async def written(
    prompt: Prompt, receipt: Receipt, spending: Spending, answer_settings: AnswerSettings
) -> AsyncGenerator[str | Notice, None]:
    """The answer's raw text, piece by piece, and what was done differently. Every call is metered, however it ends.

    Raises what the first provider failed with, when nobody is left who could go on.
    """
    writing = Writing(prompt)
    for one in await chosen_models(spending.tenant, answer_settings):
        if one.only_quotes and writing.has_begun:
            continue  # it can't go on in somebody else's sentence
        leave = Leave() if one.only_quotes else await breaker.leave_to_call(one.circuit)
        if not leave.is_given:
            writing.note(one, ProviderUnavailable(detail=f"{one.circuit.key} rests"))
            continue
        if writing.failure:
            yield notice_of(one, writing)
        try:
            async with aclosing(leg(one, leave, writing, receipt, spending)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except (ProviderUnavailable, ProviderRefused) as error:
            writing.note(one, error)
            if getattr(error, "is_content_filter", False):
                break  # nobody else is asked to say what this one would not
    raise writing.failure or ProviderUnavailable(detail="no provider is set up")


async def leg(
    one: Chosen, leave: Leave, writing: Writing, receipt: Receipt, spending: Spending
) -> AsyncGenerator[str, None]:
    """What one model adds to the answer."""
    shown = "".join(writing.shown)
    prompt = build_continuation(writing.prompt, shown.rstrip())
    passages = (passage.text for passage in writing.prompt.passages)
    join, marks = Join(shown, words_of(writing.prompt.question, shown, *passages) if shown else ()), MarkHolder()
    async with aclosing(watched(one, leave, prompt, receipt, spending)) as pieces:
        async for piece in pieces:
            if text := marks.feed(join.feed(piece)):
                writing.shown.append(text)
                yield text
    if text := marks.feed(join.flush()) + marks.flush():
        writing.shown.append(text)
        yield text


async def watched(
    one: Chosen, leave: Leave, prompt: Prompt, receipt: Receipt, spending: Spending
) -> AsyncGenerator[str, None]:
    """One call, under the eyes of its circuit breaker."""
    is_open_probe = leave.is_probe
    try:
        async with aclosing(called(one.model, prompt, receipt, spending)) as pieces:
            async for piece in pieces:
                if is_open_probe:
                    is_open_probe = False
                    await breaker.worked(one.circuit)
                yield piece
    except (ProviderUnavailable, ProviderRefused) as error:
        rest = rest_after(error)
        if rest is not None:
            await breaker.failed(one.circuit, rest=rest, is_probe=is_open_probe)
            is_open_probe = False
        raise
    finally:
        if is_open_probe:
            await breaker.gave_up(one.circuit)


async def called(model: ChatModel, prompt: Prompt, receipt: Receipt, spending: Spending) -> AsyncGenerator[str, None]:
    """One call of one model. Of one call the last cumulative count is its usage; the receipt has the sum of all."""
    usage: ModelUsage | None = None
    raw: list[str] = []
    outcome = "stopped"
    await spending.begin(estimate_usage(model, prompt, ""), kind="chat")
    began = time.monotonic()
    try:
        async with aclosing(model.stream(prompt)) as stream:
            async for piece in stream:
                if isinstance(piece, ModelUsage):
                    usage = piece
                    continue
                if not raw:
                    counters.observe("first_token_seconds", time.monotonic() - began, provider=model.provider)
                raw.append(piece)
                yield piece
        outcome = "complete"
    except Exception as error:
        outcome = "failed"
        if usage is None and not raw and getattr(error, "is_free", False):
            usage = ModelUsage(model.provider, model.name)
        raise
    finally:
        spent = spent_on(model, prompt, "".join(raw), usage, outcome)
        receipt.usage = sum_of(receipt.usage, spent)
        spending.add(spent, kind="chat", outcome=outcome)
        counters.count("provider_calls", provider=model.provider, outcome=outcome)


def spent_on(model: ChatModel, prompt: Prompt, text: str, told: ModelUsage | None, outcome: str) -> ModelUsage:
    """What the provider told at the end. Cut off before that, it never told: our own estimate, marked as such.

    A call that was turned away before it began has a usage without tokens, and that is exact.
    """
    if told is not None and (outcome == "complete" or not (text or told.input_tokens)):
        return told
    return estimate_usage(model, prompt, text, told=told)


def sum_of(before: ModelUsage | None, usage: ModelUsage) -> ModelUsage:
    """The tokens of both, under the model that went on."""
    if before is None:
        return usage
    return ModelUsage(
        provider=usage.provider,
        model=usage.model,
        input_tokens=before.input_tokens + usage.input_tokens,
        cached_input_tokens=before.cached_input_tokens + usage.cached_input_tokens,
        output_tokens=before.output_tokens + usage.output_tokens,
        estimated=before.estimated or usage.estimated,
    )


def rest_after(error: ProviderFailed) -> float | None:
    """Seconds for which the provider is not to be asked at once; 0: the failure counts; None: it is not the provider's.

    A refused key rests: it will be refused again. A request that is at fault itself says nothing about the provider.
    """
    if isinstance(error, ProviderUnavailable):
        return error.retry_after or 0.0
    return breaker.rest_of_key() if error.http_status in KEY_STATUS else None


def notice_of(one: Chosen, writing: Writing) -> Notice:
    if one.only_quotes:
        return Notice("quoted", f"{writing.failed} is not answering right now, so your documents are quoted instead.")
    if writing.has_begun:
        return Notice(
            "failover", f"{writing.failed} stopped in the middle of the answer; {one.label} goes on from there."
        )
    return Notice("failover", f"{writing.failed} is not answering right now; {one.label} answers instead.")
