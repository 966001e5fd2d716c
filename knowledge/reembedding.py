"""Another embedding model, built beside the one that answers. Chat works all the time; switching is one step.

Chunks stay as they are (they fit every model we offer); only their vectors are made anew, in a vector space of the new
model's own. Whatever comes in while that goes on is caught up before and after the switch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import Length
from django.utils import timezone

from billing.prices import quote
from knowledge.errors import ReembeddingChanged, ReembeddingOpen
from knowledge.evaluation.runs import execute_run, start_run
from knowledge.ingestion.indexing import library_changed
from knowledge.ingestion.vectors import Payer, bring_in, window_of
from knowledge.models import EvaluationRun, GoldenQuestion, Reembedding, TextVectors
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, embedding_choices, vector_index
from knowledge.reconciling import passengers_of, readable_chunks, slices
from knowledge.spaces import library_with
from knowledge.types import Library
from tenants.context import entered
from tenants.models import Organisation
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

State = Reembedding.State
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class ReembeddingEstimate:
    """What it takes: chunks that a model must be asked for, tokens, pounds (None: no price is known)."""

    provider: str
    version: str
    chunks: int
    tokens: int
    cost_gbp: Decimal | None


def estimate(library: Library, provider: str) -> ReembeddingEstimate:
    if provider not in embedding_choices():
        raise ReembeddingChanged("This embedding model is not set up here. Choose another one.")
    model = embedder(provider)
    kept = TextVectors.objects.filter(embedding_version=model.version, content_hash=OuterRef("content_hash"))
    rows = readable_chunks().filter(~Exists(kept))
    characters = rows.aggregate(total=Sum(Length("embedding_text")))["total"] or 0
    tokens = characters // CHARACTERS_PER_TOKEN
    price = quote(model.provider, model.name)
    cost = price.cost(input_tokens=tokens, cached_input_tokens=0, output_tokens=0) if price.price_id else None
    return ReembeddingEstimate(provider, model.version, rows.count(), tokens, cost)


def start(library: Library, provider: str, *, started_by_label: str) -> Reembedding:
    """The row of a new build; the caller sends the task."""
    wanted = estimate(library, provider)
    if wanted.version == library.space.version:
        raise ReembeddingChanged("This model is the one that answers already.")
    if Reembedding.objects.filter(state__in=Reembedding.OPEN).exists():
        raise ReembeddingOpen
    return Reembedding.objects.create(
        source_provider=library.embedding_provider,
        source_version=library.space.version,
        target_provider=provider,
        target_version=wanted.version,
        total=readable_chunks().count(),
        token_estimate=wanted.tokens,
        cost_estimate_gbp=wanted.cost_gbp or Decimal(0),
        started_by_label=started_by_label,
    )


# -- building -------------------------------------------------------------------------------------


class NotWanted(Exception):
    """Cancelled, or taken over by another worker."""


def build(library: Library, reembedding_id: UUID) -> None:
    """Fill the new space and measure both. Safe to repeat and to kill: what is there is not made again."""
    row = taken(reembedding_id)
    if row is None:
        return
    target = library_with(library, row.target_provider)
    try:
        fill_space(target, row)
        measure(library, target, row)
        if not told(row, state=State.BUILT, finished_at=timezone.now(), lease_expires_at=None):
            raise NotWanted
    except NotWanted:
        drop_if_unwanted(target, row.pk)
    except VenaError as error:
        logger.warning("reembedding.failed", extra={"code": error.code, "detail": error.detail})
        told(
            row,
            state=State.FAILED,
            failure_code=error.code,
            failure_message=error.text,
            failure_detail=error.detail,
            lease_expires_at=None,
        )


def lifetime() -> timedelta:
    return timedelta(seconds=settings.VENA_INGESTION_LEASE_SECONDS)


def taken(reembedding_id: UUID) -> Reembedding | None:
    now = timezone.now()
    free = Reembedding.objects.filter(pk=reembedding_id, state=State.BUILDING).filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    )
    if not free.update(lease_expires_at=now + lifetime()):
        return None
    return Reembedding.objects.get(pk=reembedding_id)


def stopped_build() -> UUID | None:
    """A build that nobody works on."""
    rows = Reembedding.objects.filter(state=State.BUILDING)
    lost = rows.filter(Q(lease_expires_at__lt=timezone.now()) | Q(lease_expires_at=None))
    pk: UUID | None = lost.values_list("pk", flat=True).first()
    return pk


def told(row: Reembedding, **values: object) -> bool:
    return bool(Reembedding.objects.filter(pk=row.pk, state=State.BUILDING).update(**values))


def fill_space(target: Library, row: Reembedding) -> None:
    index = vector_index()
    run_in_loop(index.prepare(target.space))
    payer = Payer(row.pk, row.pk, None, row.started_by_label)
    while missing := missing_in(target):
        total = readable_chunks().values("point_id").distinct().count()
        done = total - len(missing)
        for some in slices(sorted(missing), window_of(target)):
            told_or_stop(row, done=done, total=total)
            bring_in(target, passengers_of(readable_chunks().filter(point_id__in=some)), payer)
            done += len(some)
        told_or_stop(row, done=done, total=total)


def told_or_stop(row: Reembedding, **values: object) -> None:
    if not told(row, lease_expires_at=timezone.now() + lifetime(), **values):
        raise NotWanted


def missing_in(target: Library) -> set[UUID]:
    there = run_in_loop(vector_index().point_ids(target.space))
    return set(readable_chunks().values_list("point_id", flat=True)) - there


def measure(library: Library, target: Library, row: Reembedding) -> None:
    """The organisation's golden questions, asked of both models."""
    if not GoldenQuestion.objects.exists():
        return
    runs: dict[str, EvaluationRun] = {}
    for name, one in (("before", library), ("after", target)):
        run = start_run(library=one, label=one.space.version, started_by_label=row.started_by_label)
        execute_run(one, run.pk)
        runs[name] = run
    told(row, **runs)


# -- switching ------------------------------------------------------------------------------------


def switch(library: Library, reembedding_id: UUID) -> None:
    """Let the other model answer: built → switched, switched → built. What came in meanwhile is caught up."""
    row = held_for_switch(reembedding_id)
    try:
        switch_held(library, row)
    except BaseException:
        Reembedding.objects.filter(pk=row.pk).update(lease_expires_at=None)  # the next try must not wait for it to fall
        raise


def switch_held(library: Library, row: Reembedding) -> None:
    forwards = row.state == State.BUILT
    other = library_with(library, row.target_provider if forwards else row.source_provider)
    catch_up(other, row)
    with entered("public"):
        Organisation.objects.filter(pk=library.tenant.id).update(
            embedding_provider=other.embedding_provider, embedding_version=other.space.version
        )
    run_in_loop(vector_index().activate(other.space))
    library_changed()
    catch_up(other, row)
    Reembedding.objects.filter(pk=row.pk).update(
        state=State.SWITCHED if forwards else State.BUILT, lease_expires_at=None
    )


def held_for_switch(reembedding_id: UUID) -> Reembedding:
    """Two clicks at once switch once. A switch whose worker died can be asked for again when its lease has fallen."""
    now = timezone.now()
    free = Reembedding.objects.filter(pk=reembedding_id, state__in=(State.BUILT, State.SWITCHED)).filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    )
    if not free.update(lease_expires_at=now + lifetime()):
        raise ReembeddingChanged
    return Reembedding.objects.get(pk=reembedding_id)


def catch_up(target: Library, row: Reembedding) -> None:
    payer = Payer(row.pk, row.pk, None, row.started_by_label)
    for some in slices(sorted(missing_in(target)), window_of(target)):
        bring_in(target, passengers_of(readable_chunks().filter(point_id__in=some)), payer)


def close(library: Library, reembedding_id: UUID) -> None:
    """Remove the model that does not answer: then there is nothing to switch to any more. Also cancels a build."""
    row = Reembedding.objects.get(pk=reembedding_id)
    state = State.CANCELLED if row.state == State.BUILDING else State.CLOSED
    if not Reembedding.objects.filter(pk=row.pk, state__in=Reembedding.KEPT).update(
        state=state, finished_at=timezone.now()
    ):
        raise ReembeddingChanged
    answering = library.space.version
    idle = row.source_provider if answering == row.target_version else row.target_provider
    drop_space(library_with(library, idle))


def drop_if_unwanted(target: Library, reembedding_id: UUID) -> None:
    if not Reembedding.objects.filter(pk=reembedding_id, state__in=Reembedding.OPEN).exists():
        drop_space(target)


def drop_space(idle: Library) -> None:
    run_in_loop(vector_index().forget_space(idle.space))
    TextVectors.objects.filter(embedding_version=idle.space.version).delete()
