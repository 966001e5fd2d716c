"""Two ranked lists become one, by score. Pure.

Rank fusion (RRF) is not here on purpose: with one list much stronger than the other it measured worse than either
kind of score fusion, and at times worse than the stronger list alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from uuid import UUID

from knowledge.types import Hits

OTHER_WORDING = 0.5  # what another wording's list counts beside the question's own


@dataclass(frozen=True, slots=True)
class FusedHit:
    """`similarity` is the dense list's raw cosine; 0 when only the keyword list found the point."""

    point_id: UUID
    document_id: UUID
    score: float
    similarity: float


def min_max_fusion(hits: Hits, *, dense_weight: float = 0.5) -> list[FusedHit]:
    """Each list's scores stretched to 0..1, a missing point counting 0, then the weighted mean of both."""
    if not 0 <= dense_weight <= 1:
        raise ValueError("dense_weight is a share between 0 and 1")
    return _fused(hits, _min_max, dense_weight, 1 - dense_weight)


def distribution_fusion(hits: Hits) -> list[FusedHit]:
    """DBSF as Qdrant defines it: mean ± 3 standard deviations become 0..1 in each list, then the sum. Not capped."""
    return _fused(hits, _distribution, 1.0, 1.0)


def together(lists: Sequence[Sequence[FusedHit]], *, weight: float = OTHER_WORDING) -> list[FusedHit]:
    """Lists of one question in several wordings, each fused already, become one by score: the weighted mean.

    The first is the question's own and counts 1, each other `weight`. `similarity` stays the own wording's, where it
    has one.
    """
    if len(lists) < 2:
        return list(lists[0]) if lists else []
    whole = 1 + weight * (len(lists) - 1)
    merged: dict[UUID, FusedHit] = {}
    for position, ranked in enumerate(lists):
        for hit in ranked:
            known = merged.get(hit.point_id)
            score = hit.score * (weight if position else 1) / whole + (known.score if known else 0.0)
            similarity = (known.similarity if known else 0.0) or hit.similarity
            merged[hit.point_id] = FusedHit(hit.point_id, hit.document_id, score, similarity)
    return sorted(merged.values(), key=_best_first)


def _fused(
    hits: Hits, normalised: Callable[[Sequence[float]], list[float]], dense_weight: float, sparse_weight: float
) -> list[FusedHit]:
    scores: dict[UUID, float] = {}
    documents: dict[UUID, UUID] = {}
    for ranked, weight in ((hits.dense, dense_weight), (hits.sparse, sparse_weight)):
        for hit, score in zip(ranked, normalised([hit.score for hit in ranked]), strict=True):
            scores[hit.point_id] = scores.get(hit.point_id, 0.0) + weight * score
            documents[hit.point_id] = hit.document_id
    similarity = {hit.point_id: hit.score for hit in hits.dense}
    fused = [FusedHit(point, documents[point], score, similarity.get(point, 0.0)) for point, score in scores.items()]
    return sorted(fused, key=_best_first)


def _best_first(hit: FusedHit) -> tuple[float, float, int]:
    return -hit.score, -hit.similarity, hit.point_id.int


def _min_max(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if low == high:  # one hit, or all alike: each is as good as the best
        return [1.0] * len(scores)
    return [(score - low) / (high - low) for score in scores]


def _distribution(scores: Sequence[float]) -> list[float]:
    spread = variance(scores) ** 0.5 if len(scores) > 1 else 0.0
    if spread == 0:
        return [0.5] * len(scores)
    low = fmean(scores) - 3 * spread
    return [(score - low) / (6 * spread) for score in scores]
