"""Several small documents in one turn: read one by one, then stored, embedded and published together.

What a document costs alone is mostly statements, messages and calls; together they share them. Each keeps its own
end: a file that cannot be read fails by itself, one that was cancelled drops out, and when something unexpected meets
the group, its documents go on one by one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from knowledge.errors import FileMissing, IndexUnavailable, IngestionError, ProviderUnavailable
from knowledge.ingestion import checkpoints, group_rows, leases
from knowledge.ingestion.group_rows import Cut
from knowledge.ingestion.group_vectors import get_on, index_together
from knowledge.ingestion.indexing import LibraryMoved, forget_replaced, row
from knowledge.ingestion.jobs import Job
from knowledge.ingestion.leases import LeaseLost
from knowledge.ingestion.pipeline import (
    Outcome,
    chunk,
    forget_if_unwanted,
    ingest,
    job_of,
    kept,
    limits_for,
    put_back,
    put_back_or_fail,
    settle_failed,
)
from knowledge.ingestion.sandbox import SmallFile, parse_each
from knowledge.ingestion.turns import Patience
from knowledge.models import Document
from knowledge.types import Library, ParsedDocument

logger = logging.getLogger(__name__)

TELL_SECONDS = 5.0  # between two words to the watchdog while files are read


@dataclass(slots=True)
class Group:
    """Documents under one lease. `jobs` are those still on the common way, `alone` those that go on by themselves."""

    jobs: list[Job]
    alone: list[Job] = field(default_factory=list)

    def keep(self, jobs: Sequence[Job]) -> list[Job]:
        """Go on with these; returns the others."""
        others = [job for job in self.jobs if job not in jobs]
        self.jobs = list(jobs)
        return others


def ingest_together(library: Library, documents: Sequence[Document]) -> None:
    """Take in documents that `leases.take_turn` gave us, inside the organisation's schema.

    Safe to repeat and to kill: each ends ready, failed, or free for another worker. Raises nothing that we expect.
    """
    if len(documents) == 1:
        ingest(library, documents[0])
        return
    patience = Patience(library.tenant.schema_name)
    group = Group([job_of(library, document, patience) for document in documents])
    lease, ids = group.jobs[0].lease, [document.pk for document in documents]
    with leases.renewed(library.tenant.schema_name, ids, lease):
        run_group(group)
        for job in group.alone:
            go_alone(job)


def run_group(group: Group) -> None:
    """The common way; whoever leaves it has got an end, or stands in `alone`."""
    try:
        run_stages(group)
    except LibraryMoved:
        for job in group.jobs:
            put_back(job, Outcome.YIELDED)
    except (ProviderUnavailable, IndexUnavailable) as error:
        for job in group.jobs:
            put_back_or_fail(job, error)
    except Exception as error:  # noqa: BLE001 - also a refusal: one text may be to blame for it
        logger.warning("documents.ungrouped", extra={"documents": len(group.jobs), "detail": repr(error)})
        group.alone += group.keep([])


def run_stages(group: Group) -> None:
    cuts = list(cut_each(group))
    if not cuts:
        return
    history = group_rows.with_history(group.jobs)
    with timed(group.jobs, "chunking"):
        lost = group.keep(group_rows.store(cuts, history))
    forget_unwanted(lost)
    with timed(group.jobs, "embedding"):
        finished, dropped = index_together(group.jobs, history)
    forget_unwanted(dropped)
    for job in group.keep(finished):
        if job not in dropped:
            put_back(job, Outcome.YIELDED)
    forget_unwanted(group.keep(group_rows.publish(group.jobs)))
    for job in group.jobs:
        if job in history:
            forget_replaced(job)
        checkpoints.parsed_path(job.version).unlink(missing_ok=True)
    logger.info("documents.ingested", extra={"documents": [str(job.document.pk) for job in group.jobs]})


def go_alone(job: Job) -> None:
    """Unless somebody else waits for too long already."""
    if job.patience.is_over():
        put_back(job, Outcome.YIELDED)
    else:
        ingest(job.library, job.document)


def forget_unwanted(jobs: Sequence[Job]) -> None:
    for job in jobs:
        forget_if_unwanted(job)


# -- reading and cutting --------------------------------------------------------------------------


def cut_each(group: Group) -> Iterator[Cut]:
    """Read and cut one after the other; what can't be read gets its end here."""
    jobs, group.jobs = group.jobs, []
    told = time.monotonic()
    with closing(read_each(jobs)) as found:
        for job, parsed in found:
            if cut := ended_or(job, group, partial(cut_up, job, parsed)):
                group.jobs.append(job)
                yield cut
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                get_on(jobs)
            if job.patience.is_over():
                break
    for late in jobs[jobs.index(job) + 1 :]:
        put_back(late, Outcome.YIELDED)


def read_each(jobs: Sequence[Job]) -> Generator[tuple[Job, ParsedDocument | Exception], None, None]:
    """What an attempt before us read need not be read again."""
    outputs = {job: checkpoints.parsed_path(job.version) for job in jobs}
    found: dict[Job, ParsedDocument | Exception | None] = {job: kept(outputs[job]) for job in jobs}
    paths = {job: Path(job.version.file.path) for job in jobs if not found[job]}
    found |= {job: FileMissing(detail=str(path)) for job, path in paths.items() if not path.exists()}
    unread = [job for job in jobs if not found[job]]
    files = [SmallFile(paths[job], job.version.file_name, outputs[job], job.check) for job in unread]
    with closing(parse_each(files, limits=limits_for(jobs[0]))) as parsed:
        for job in jobs:
            with job.timed("reading"):
                result = found[job] or next(parsed)
            yield job, result


def cut_up(job: Job, parsed: ParsedDocument | Exception) -> Cut:
    if isinstance(parsed, Exception):
        raise parsed
    with job.timed("chunking"):
        rows = [row(job.document, job.version, draft) for draft in chunk(job, parsed)]
    return Cut(job, rows, parsed.page_count)


def ended_or(job: Job, group: Group, work: Callable[[], Cut]) -> Cut | None:
    try:
        return work()
    except LeaseLost:
        forget_if_unwanted(job)
    except IngestionError as error:
        settle_failed(job, error)
    except Exception as error:  # noqa: BLE001 - alone it gets the end that it deserves
        logger.warning("document.ungrouped", extra={"document": str(job.document.pk), "detail": repr(error)})
        group.alone.append(job)
    return None


class timed:  # noqa: N801 - reads as `Job.timed` does
    """Every document of the group waits for the whole step, and says so."""

    def __init__(self, jobs: Sequence[Job], stage: str) -> None:
        self._jobs, self._stage = list(jobs), stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        for job in self._jobs:
            job.stage = self._stage

    def __exit__(self, *error: object) -> None:
        for job in self._jobs:
            job.spent(self._stage, time.perf_counter() - self._started)
