"""What a search tells its recorder. Generators all: nothing runs unless somebody asked for the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from knowledge.retrieval.composing import Candidate, FoundChunk, Group
from knowledge.retrieval.fusion import FusedHit
from knowledge.retrieval.trace import Recorder, Seen, Shown
from knowledge.types import Hit, Hits


class Witness:
    """Remembers each point's scores from stage to stage, so that every stage shows all that is known by then."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._scores: dict[UUID, dict[str, float]] = {}

    def dense(self, hits: Hits) -> Iterator[Seen]:
        return self._hits("dense", hits.dense)

    def keywords(self, hits: Hits) -> Iterator[Seen]:
        return self._hits("keyword", hits.sparse)

    def fused(self, hits: Sequence[FusedHit]) -> Iterator[Seen]:
        for hit in hits:
            yield self._seen(hit.point_id, hit.document_id, fused=hit.score)

    def read(self, wanted: Sequence[FusedHit], rows: Mapping[UUID, FoundChunk]) -> Iterator[Seen]:
        self.recorder.show((point, shown(chunk)) for point, chunk in rows.items())
        for hit in wanted:
            yield self._seen(hit.point_id, hit.document_id, "" if hit.point_id in rows else "gone")

    def reranked(self, ranked: Sequence[Candidate], is_reranked: bool) -> Iterator[Seen]:
        for each in ranked:
            scores = {"rerank": each.score} if is_reranked else {}
            yield self._seen(each.chunk.point_id, each.chunk.document_id, **scores)

    def folded(self, kept: Sequence[Candidate]) -> Iterator[Seen]:
        for each in kept:
            yield self._seen(each.chunk.point_id, each.chunk.document_id)
        for rank, each in enumerate(kept, start=1):
            for chunk in each.folded:
                yield self._seen(chunk.point_id, chunk.document_id, f"folded into {rank}")

    def merged(self, groups: Sequence[Group]) -> Iterator[Seen]:
        for group in groups:
            best = group.best.chunk
            others = len(group.members) - 1
            yield self._seen(best.point_id, best.document_id, f"with {others} of its neighbours" if others else "")

    def trimmed(self, groups: Sequence[Group], kept: Sequence[Group]) -> Iterator[Seen]:
        for group in (*kept, *(group for group in groups if group not in kept)):
            best = group.best.chunk
            yield self._seen(best.point_id, best.document_id, "" if group in kept else "left out")

    def _hits(self, name: str, hits: Sequence[Hit]) -> Iterator[Seen]:
        for hit in hits:
            yield self._seen(hit.point_id, hit.document_id, **{name: hit.score})

    def _seen(self, point: UUID, document: UUID, note: str = "", **scores: float) -> Seen:
        known = self._scores.setdefault(point, {})
        known.update(scores)
        return Seen(point, document, dict(known), note)


def shown(chunk: FoundChunk) -> Shown:
    return Shown(
        document_id=chunk.document_id,
        title=chunk.title,
        version=chunk.version_number,
        page=chunk.page,
        last_page=chunk.last_page,
        place=chunk.place,
        heading=" › ".join(chunk.heading_path),
        position=chunk.position,
        text=chunk.text,
    )
