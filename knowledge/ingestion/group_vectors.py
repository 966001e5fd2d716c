"""Chunks of several documents become points: one flow of texts, one call of the model for as many as it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import transaction

from knowledge.ingestion import leases
from knowledge.ingestion.indexing import passengers_at_hand, payer_of
from knowledge.ingestion.jobs import Job
from knowledge.ingestion.vectors import Passenger, bring_in, window_of
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index


def index_together(jobs: Sequence[Job], history: Collection[Job]) -> tuple[list[Job], list[Job]]:
    """Give every chunk its point. Returns the jobs that are through, and those that are not ours any more; the rest
    has to make room for another organisation."""
    if not jobs:
        return [], []
    run_in_loop(vector_index().prepare(jobs[0].library.space))
    waiting, lost = passengers_of(jobs, history), set[UUID]()
    size = window_of(jobs[0].library)
    while waiting:
        bring_in_window(jobs, waiting[:size])
        waiting = waiting[size:]
        if waiting:
            lost |= get_on(jobs)
            waiting = [one for one in waiting if one.document_id not in lost]
            if jobs[0].patience.is_over():
                break
    unfinished = {one.document_id for one in waiting} | lost
    return [job for job in jobs if job.document.pk not in unfinished], [job for job in jobs if job.document.pk in lost]


def passengers_of(jobs: Sequence[Job], history: Collection[Job]) -> list[Passenger]:
    """Every chunk without a point. A first version has none, so only the others are asked for."""
    passengers: list[Passenger] = []
    for job in jobs:
        mine = passengers_at_hand(job.document, job.rows or ())
        new = absent(job, mine) if job in history else mine
        job.reused += len(mine) - len(new)
        passengers += new
    return passengers


def absent(job: Job, passengers: Sequence[Passenger]) -> list[Passenger]:
    there = run_in_loop(vector_index().existing(job.library.space, [one.point_id for one in passengers]))
    return [one for one in passengers if one.point_id not in there]


def bring_in_window(jobs: Sequence[Job], window: Sequence[Passenger]) -> None:
    """One call of the model is one row of the ledger: it names the document if all the texts are of one."""
    documents = {one.document_id for one in window}
    payer = payer_of(jobs[0], documents.pop() if len(documents) == 1 else None)
    asked = bring_in(jobs[0].library, window, payer)
    counted = Counter(one.document_id for one in first_of_each(window) if one.content_hash in asked)
    all_of_it = Counter(one.document_id for one in window)
    for job in jobs:
        job.embedded += counted[job.document.pk]
        job.reused += all_of_it[job.document.pk] - counted[job.document.pk]


def first_of_each(window: Sequence[Passenger]) -> list[Passenger]:
    """A text that several chunks share was asked for once, by the first of them."""
    return list({one.content_hash: one for one in reversed(window)}.values())


def get_on(jobs: Sequence[Job]) -> set[UUID]:
    """Tell the watchdog that the group gets on. Returns the documents that were cancelled, deleted or replaced."""
    ids = [job.document.pk for job in jobs]
    with transaction.atomic():
        return set(ids) - leases.update_all(ids, jobs[0].lease)
