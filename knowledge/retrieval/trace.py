"""What each stage of a search did: its candidates with their scores, and its milliseconds.

Nobody pays for it who does not ask: a `Recorder` that is switched off keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

SNIPPET = 280  # characters of a candidate's text


@dataclass(frozen=True, slots=True)
class Seen:
    """One candidate as it left a stage. `scores` holds what is known by then: dense, keyword, fused, rerank.

    `note` says what became of it: "gone" (the index still had it, the database does not, or it may not be read),
    "folded into 2" (the number is a rank in this stage), "with 1 of its neighbours", "left out".
    """

    point_id: UUID
    document_id: UUID
    scores: dict[str, float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """`milliseconds` is None for a stage that ran inside the one before it (keywords come in the same round trip)."""

    name: str  # embed, dense, keywords, fuse, read, rerank, fold, merge, trim
    milliseconds: float | None
    candidates: tuple[Seen, ...] = ()
    detail: str = ""  # how it was done: "min-max", "cohere rerank-v3.5", "late interaction"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person is told of a chunk that a stage saw."""

    document_id: UUID
    title: str
    version: int
    page: int | None
    last_page: int | None
    place: str
    heading: str
    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole of one search. `shown` has every chunk that could still be read, by its point."""

    question: str
    milliseconds: float
    stages: tuple[Stage, ...]
    shown: dict[UUID, Shown] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON:

        {"question", "milliseconds", "stages": [{"name", "milliseconds" | null, "detail", "candidates": [{"rank",
        "chunk", "document", "title", "version", "page", "last_page", "place", "heading", "position", "text", "scores":
        {"dense"?, "keyword"?, "fused"?, "rerank"?}, "note"}]}]}. Of a chunk that is gone only ids and scores are known.
        """
        return {
            "question": self.question,
            "milliseconds": round(self.milliseconds, 2),
            "stages": [self._stage(stage) for stage in self.stages],
        }

    def _stage(self, stage: Stage) -> dict[str, Any]:
        return {
            "name": stage.name,
            "milliseconds": None if stage.milliseconds is None else round(stage.milliseconds, 2),
            "detail": stage.detail,
            "candidates": [self._candidate(rank, seen) for rank, seen in enumerate(stage.candidates, start=1)],
        }

    def _candidate(self, rank: int, seen: Seen) -> dict[str, Any]:
        shown = self.shown.get(seen.point_id)
        return {
            "rank": rank,
            "chunk": str(seen.point_id),
            "document": str(seen.document_id),
            "title": shown.title if shown else None,
            "version": shown.version if shown else None,
            "page": shown.page if shown else None,
            "last_page": shown.last_page if shown else None,
            "place": shown.place if shown else "",
            "heading": shown.heading if shown else "",
            "position": shown.position if shown else None,
            "text": shown.text[:SNIPPET] if shown else "",
            "scores": {name: round(score, 4) for name, score in seen.scores.items()},
            "note": seen.note,
        }


class Recorder:
    """Collects stages while a search runs. Switched off, it only costs the clock's readings."""

    def __init__(self, *, is_on: bool = False) -> None:
        self.is_on = is_on
        self._started = time.perf_counter()
        self._stages: list[Stage] = []
        self._shown: dict[UUID, Shown] = {}

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[_Open]:
        """Times the block; what the block tells the open stage is what it is remembered by."""
        opened = _Open(detail=detail)
        started = time.perf_counter()
        yield opened
        if self.is_on:
            spent = (time.perf_counter() - started) * 1000
            self._stages.append(Stage(name, spent, tuple(opened.candidates), opened.detail))

    def note(self, name: str, candidates: Iterable[Seen], detail: str = "") -> None:
        """A stage that ran inside the one before it."""
        if self.is_on:
            self._stages.append(Stage(name, None, tuple(candidates), detail))

    def show(self, chunks: Iterable[tuple[UUID, Shown]]) -> None:
        if self.is_on:
            self._shown.update(chunks)

    def trace(self, question: str) -> Trace:
        spent = (time.perf_counter() - self._started) * 1000
        return Trace(question, spent, tuple(self._stages), dict(self._shown))


@dataclass(slots=True)
class _Open:
    candidates: Iterable[Seen] = ()  # a generator is read only when somebody asked
    detail: str = ""
