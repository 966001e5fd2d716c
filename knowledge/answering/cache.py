"""Answers that were given before: looked up before anything is searched, kept after an answer that went well.

A hit calls no provider. Answers that were refused, stopped or failed, or made with something missing (any notice), are
not kept. Two people who ask the same new question at the same moment both pay: who waited for the other's answer would
see nothing until its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from knowledge.answering import cache_store as store
from knowledge.answering.allowance import Allowance
from knowledge.answering.cache_keys import answer_key, is_keepable, pointer_key, similar_key
from knowledge.answering.cache_values import Kept, Unreadable, packed, unpacked
from knowledge.answering.likeness import agree, least_similarity, nearest
from knowledge.answering.savings import record_saving
from knowledge.answering.spending import Spending
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.registry import sparse_encoder
from knowledge.retrieval.search import QueryVectors, query_vectors
from knowledge.types import AnswerEvent, Finished, Notice, Question, Receipt, SourcesFound, TextDelta
from tenants.context import in_tenant

logger = logging.getLogger(__name__)

Making = Callable[[QueryVectors | None], AsyncGenerator[AnswerEvent, None]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A kept answer that answers the question, and how it was found."""

    kept: Kept
    key: str
    kind: str  # CacheSaving.Kind


class Memory:
    """The cache's part in one answer: `events` passes them through, `keep` follows when it has ended and is paid."""

    def __init__(self, question: Question, receipt: Receipt, spending: Spending, allowance: Allowance) -> None:
        self.question, self.receipt, self.spending = question, receipt, spending
        self.allowance = allowance
        self.is_on = is_keepable(question)
        self.key = answer_key(question) if self.is_on else ""
        self.earlier: Earlier | None = None
        self.vectors: QueryVectors | None = None
        self.sources: SourcesFound | None = None
        self.end: Finished | None = None
        self.is_degraded = False

    async def events(self, make: Making) -> AsyncGenerator[AnswerEvent, None]:
        """The events of the earlier answer, if there is one; else those of the answer that is made now."""
        if self.question.is_strict:
            await self.allowance.take()
        if self.is_on and not self.question.wants_another:
            self.earlier = await self.find()
        made = replayed(self.earlier, self.receipt) if self.earlier else make(self.vectors)
        async with aclosing(made) as events:
            async for event in events:
                self.take(event)
                yield event

    def take(self, event: AnswerEvent) -> None:
        match event:
            case SourcesFound():
                self.sources = event
            case Notice():
                self.is_degraded = True
            case Finished():
                self.end = event

    async def find(self) -> Earlier | None:
        if kept := readable(await store.read(self.key)):
            return Earlier(kept, self.key, "exact")
        if self.question.settings.is_semantically_cached and await self.allowance.has_room():
            return await self.find_similar()
        return None

    async def rewritten(self, asked_as: str) -> AsyncGenerator[AnswerEvent, None]:
        """For a follow-up that was made to stand alone: the kept answer to exactly that question, if there is one."""
        alone = for_stand_alone(self.question, asked_as)
        if not asked_as or self.question.wants_another or not is_keepable(alone):
            return
        key = answer_key(alone)
        if kept := readable(await store.read(key)):
            self.earlier = Earlier(kept, key, "exact")
            async for event in replayed(self.earlier, self.receipt):
                yield replace(event, asked_as=asked_as) if isinstance(event, Finished) else event

    async def find_similar(self) -> Earlier | None:
        """A question in other words. Its vector is handed on when there is none; it is metered either way."""
        self.vectors = await self.vectors_now()
        if self.vectors is None:
            return None
        space = self.question.library.space
        records = await store.remembered(similar_key(self.question), len(self.vectors.dense))
        rows = nearest(self.vectors.dense, records["vector"], least_similarity(space.version))
        base = self.key.rpartition(":")[0]
        keys = [f"{base}:{records['digest'][row].decode('ascii', 'replace')}" for row in rows]
        for key, value in zip(keys, await store.read_all(keys), strict=False):
            kept = readable(value)
            if kept and agree(self.question.text, kept.question, stems_of):
                self.spending.add(self.vectors.usage, kind="embedding")
                return Earlier(kept, key, "semantic")
        return None

    async def vectors_now(self) -> QueryVectors | None:
        try:
            return await query_vectors(self.question.library, self.question.text)
        except (ProviderUnavailable, ProviderRefused) as error:
            logger.warning("answer_cache.embedding_failed", extra={"code": error.code})
            return None

    # -- the end -----------------------------------------------------------------------------------

    def keep(self) -> None:
        """What is left to do, when nobody waits any more. The answer has ended well and its cost is on the receipt."""
        if self.end is None:
            return
        if self.earlier:
            in_background(self.note_hit(self.earlier))
        elif self.is_on and not self.is_degraded and not self.end.refused and self.sources:
            in_background(self.store(self.end, self.sources))

    async def note_hit(self, hit: Earlier) -> None:
        tenant, usage = self.question.library.tenant, hit.kept.usage
        await store.point(pointer_key(tenant.schema_name, self.question.answer_id), hit.key)
        saved = max(hit.kept.cost_gbp - self.receipt.cost_gbp, Decimal(0))  # less what finding it has cost
        tokens = usage.input_tokens + usage.output_tokens
        await in_tenant(tenant.schema_name, record_saving, kind=hit.kind, tokens=tokens, saved_gbp=saved)

    async def store(self, end: Finished, sources: SourcesFound) -> None:
        question, tenant = self.question, self.question.library.tenant
        kept = Kept(
            question=question.text,
            text=end.text,
            passages=sources.passages,
            cited=end.cited,
            supports=end.supports,
            usage=end.usage,
            cost_gbp=self.receipt.cost_gbp,
            prompt_version=end.prompt_version,
            made_at=timezone.now(),
        )
        value, key = packed(kept), self.key
        if len(value) > settings.VENA_ANSWER_CACHE_BYTES:
            return
        await store.write(key, value, pointer=pointer_key(tenant.schema_name, question.answer_id))
        if question.settings.is_semantically_cached:
            await self.remember(key)

    async def remember(self, key: str) -> None:
        """Without another embedding: only where the question was looked up by its vector."""
        if self.vectors:
            await store.remember(similar_key(self.question), key, self.vectors.dense)


async def replayed(earlier: Earlier, receipt: Receipt) -> AsyncGenerator[AnswerEvent, None]:
    kept = earlier.kept
    receipt.usage = kept.usage
    if earlier.kind == "semantic":
        yield Notice(
            "similar_question",
            f"Answered from a similar question that was asked before: \u201c{' '.join(kept.question.split())}\u201d",
        )
    yield SourcesFound(kept.passages)
    yield TextDelta(kept.text)
    yield Finished(
        text=kept.text,
        cited=kept.cited,
        usage=kept.usage,
        cached=True,
        supports=kept.supports,
        prompt_version=kept.prompt_version,
    )


def for_stand_alone(question: Question, asked_as: str) -> Question:
    """A follow-up as the question it was rewritten into. An answer from the cache may serve it; an answer that was
    written with the conversation in view must not be kept for others, so it is never stored under this form."""
    return replace(question, text=asked_as, history=(), summary="")


def readable(value: bytes | None) -> Kept | None:
    if value is None:
        return None
    try:
        return unpacked(value)
    except Unreadable as reason:
        logger.warning("answer_cache.unreadable", extra={"reason": str(reason)})
        return None


def stems_of(word: str) -> tuple[int, ...]:
    return sparse_encoder().encode_query(word).indices


# -- afterwards -----------------------------------------------------------------------------------

_running: set[asyncio.Task[None]] = set()


def in_background(work: Coroutine[Any, Any, None]) -> None:
    """Nobody waits for it; what fails in it is logged and costs no answer."""
    task = asyncio.get_running_loop().create_task(_logged(work), name="answer_cache")
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # the boundary: nobody awaits this task
        logger.exception("answer_cache.failed")


async def all_kept() -> None:
    """Wait for what runs in the background on this loop: at the end of a process, and in tests."""
    loop = asyncio.get_running_loop()
    if running := [task for task in _running if task.get_loop() is loop]:
        await asyncio.wait(running, timeout=5)
