"""The end of an answer: what became of it, stored once, with the passages it was given and what they bear out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.actions import gap_keep
from chat.citing import citation_row, quotes_of
from chat.models import Citation, Message, Source
from knowledge.types import Finished, ModelUsage, Passage, Support
from tenants.postgresql.rows import Statement, given, names_of, read, update

SOURCES = (
    f'sources AS (INSERT INTO "{Source._meta.db_table}" ({names_of(Source)}) '
    f"SELECT {names_of(Source)} FROM {{given}} WHERE EXISTS (SELECT 1 FROM ended) RETURNING id, n)"
)
# What is given as a citation's source is its number in the answer; its key is known only here.
CITATIONS = (
    f'citations AS (INSERT INTO "{Citation._meta.db_table}" ("source_id", {names_of(Citation, "source_id")}) '
    f"SELECT sources.id, {names_of(Citation, 'source_id')} FROM {{given}} JOIN sources ON sources.n = given.source_id "
    'ORDER BY sources.n, given."start")'
)


@dataclass(slots=True)
class Outcome:
    """What became of an answer; gathered while it runs."""

    status: str = Message.Status.STREAMING
    text: str = ""
    passages: Sequence[Passage] = ()
    cited: Sequence[int] = ()
    usage: ModelUsage | None = None
    cost_gbp: Decimal = Decimal(0)
    is_cached: bool = False
    error_code: str = ""
    error_detail: str = ""
    first_text_ms: int | None = None
    notices: list[dict[str, str]] = field(default_factory=list)
    supports: Sequence[Support] = ()
    asked_as: str = ""
    prompt_version: str = ""
    is_gap: bool = False
    arm_id: UUID | None = None

    def take(self, end: Finished) -> None:
        self.cited, self.supports, self.is_cached = end.cited, end.supports, end.cached
        self.asked_as, self.prompt_version, self.is_gap = end.asked_as, end.prompt_version, end.is_gap
        self.status = Message.Status.REFUSED if end.refused else Message.Status.COMPLETE


def answer_store(answer_id: UUID, outcome: Outcome) -> None:
    """The end of an answer, once: a row that has ended is not written again. One statement, and so all or nothing."""
    with transaction.atomic() if outcome.is_gap else nullcontext():
        if ended(answer_id, outcome) and outcome.is_gap:
            gap_keep(answer_id)


def ended(answer_id: UUID, outcome: Outcome) -> bool:
    """Whether it had not ended before."""
    change = ending(answer_id, outcome)
    parts, values = [f"ended AS ({change.sql} RETURNING id)"], [*change.parameters]
    if outcome.passages:
        sources = given([source_row(answer_id, passage, outcome.cited) for passage in outcome.passages])
        parts.append(SOURCES.format(given=sources.sql))
        values += sources.parameters
        quotes = [
            citation_row(passage.n, quote)
            for passage in outcome.passages
            for quote in quotes_of(passage, outcome.supports)
        ]
        if quotes:
            citations = given(quotes)
            parts.append(CITATIONS.format(given=citations.sql))
            values += citations.parameters
    ((count,),) = read(f"WITH {', '.join(parts)} SELECT count(*) FROM ended", values)
    return bool(count)


def ending(answer_id: UUID, outcome: Outcome) -> Statement:
    usage = outcome.usage or ModelUsage("", "")
    return update(
        Message,
        {"pk": answer_id, "status": Message.Status.STREAMING},
        status=outcome.status,
        text=outcome.text.replace("\x00", ""),
        provider=usage.provider,
        model=usage.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_gbp=outcome.cost_gbp,
        is_cached=outcome.is_cached,
        error_code=outcome.error_code,
        error_detail=outcome.error_detail[:300],
        first_text_ms=outcome.first_text_ms,
        notices=outcome.notices,
        asked_as=outcome.asked_as,
        prompt_version=outcome.prompt_version,
        arm_id=outcome.arm_id,
        finished_at=timezone.now(),
    )


def source_row(answer_id: UUID, passage: Passage, cited: Sequence[int]) -> Source:
    return Source(
        message_id=answer_id,
        n=passage.n,
        document_id=passage.document_id,
        title=passage.title,
        version=passage.version_number,
        page=passage.page,
        position=passage.position,
        last_position=passage.last_position,
        snippet=passage.text,
        is_cited=passage.n in cited,
    )
