"""One worker's hold on one document: what every stage is given."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from knowledge.ingestion import leases
from knowledge.ingestion.turns import Patience
from knowledge.models import Chunk, Document, DocumentVersion
from knowledge.types import Library


class TurnOver(Exception):
    """Another organisation waits; what is done so far is stored, and the rest goes back in line."""


@dataclass(slots=True, eq=False)
class Job:
    """A document, the version that is being taken in, and the lease that says it is ours."""

    library: Library
    document: Document
    version: DocumentVersion
    lease: UUID
    patience: Patience
    is_resumed: bool = False  # an earlier attempt got as far as rows, and perhaps points
    stages: dict[str, float] = field(default_factory=dict)  # stage → seconds
    stage: str = ""
    rows: Sequence[Chunk] | None = None  # the version's chunks, while they are at hand: they need not be read again
    embedded: int = 0
    reused: int = 0

    @property
    def schema_name(self) -> str:
        return self.library.tenant.schema_name

    def figures(self) -> dict[str, object]:
        return {"stages": self.stages, "embedded": self.embedded, "reused": self.reused}

    def update(self, **values: object) -> None:
        leases.update(self.document.pk, self.lease, **values)

    def check(self) -> None:
        """Raise when nobody wants the work any more."""
        leases.check(self.document.pk, self.lease)

    def spent(self, stage: str, seconds: float) -> None:
        self.stages[stage] = round(self.stages.get(stage, 0.0) + seconds, 4)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        self.stage = stage
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent(stage, time.perf_counter() - started)
