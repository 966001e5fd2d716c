from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client.http.models import ScoredPoint
from qdrant_client.hybrid.fusion import distribution_based_score_fusion

from knowledge.retrieval.fusion import FusedHit, distribution_fusion, min_max_fusion
from knowledge.types import Hit, Hits

DOCUMENT = UUID(int=900)


def ranked(*scored: tuple[int, float]) -> tuple[Hit, ...]:
    return tuple(Hit(UUID(int=point), DOCUMENT, score) for point, score in scored)


def summary(fused: list[FusedHit]) -> list[tuple[int, float, float]]:
    return [(hit.point_id.int, round(hit.score, 6), hit.similarity) for hit in fused]


@st.composite
def both_lists(draw: st.DrawFn) -> Hits:
    def one() -> tuple[Hit, ...]:
        points = draw(st.lists(st.integers(1, 30), unique=True, max_size=15))
        scores = draw(st.lists(st.floats(-50, 50), min_size=len(points), max_size=len(points)))
        return ranked(*zip(points, sorted(scores, reverse=True), strict=True))

    return Hits(dense=one(), sparse=one())


def test_nothing_found_is_nothing() -> None:
    assert min_max_fusion(Hits()) == []
    assert distribution_fusion(Hits()) == []


def test_min_max_stretches_each_list_and_adds_the_halves() -> None:
    hits = Hits(dense=ranked((1, 0.9), (2, 0.7), (3, 0.5)), sparse=ranked((3, 12.0), (4, 9.0), (2, 2.0)))

    assert summary(min_max_fusion(hits)) == [(1, 0.5, 0.9), (3, 0.5, 0.5), (4, 0.35, 0.0), (2, 0.25, 0.7)]


def test_weight_decides_which_list_leads() -> None:
    hits = Hits(dense=ranked((1, 0.9), (2, 0.1)), sparse=ranked((2, 5.0), (1, 1.0)))

    assert summary(min_max_fusion(hits, dense_weight=0.8)) == [(1, 0.8, 0.9), (2, 0.2, 0.1)]
    assert summary(min_max_fusion(hits, dense_weight=0.2)) == [(2, 0.8, 0.1), (1, 0.2, 0.9)]


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_weight_outside_its_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        min_max_fusion(Hits(), dense_weight=weight)


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        (Hits(dense=ranked((1, 0.3))), [(1, 0.5, 0.3)]),
        (Hits(sparse=ranked((1, 7.0))), [(1, 0.5, 0.0)]),
        (Hits(dense=ranked((1, 0.3)), sparse=ranked((1, 7.0))), [(1, 1.0, 0.3)]),
        (Hits(dense=ranked((2, 0.3), (1, 0.3))), [(1, 0.5, 0.3), (2, 0.5, 0.3)]),
        (Hits(dense=ranked((1, -0.2), (2, -0.4))), [(1, 0.5, -0.2), (2, 0.0, -0.4)]),
    ],
)
def test_min_max_of_single_and_equal_scores(hits: Hits, expected: list[tuple[int, float, float]]) -> None:
    assert summary(min_max_fusion(hits)) == expected


def test_ties_are_broken_by_similarity_then_id() -> None:
    hits = Hits(dense=ranked((5, 0.5)), sparse=ranked((2, 3.0), (9, 3.0)))

    assert [hit.point_id.int for hit in min_max_fusion(hits)] == [5, 2, 9]


@given(both_lists())
def test_min_max_stays_within_0_and_1_and_loses_no_point(hits: Hits) -> None:
    fused = min_max_fusion(hits)

    assert {hit.point_id for hit in fused} == {hit.point_id for hit in (*hits.dense, *hits.sparse)}
    assert all(0 <= hit.score <= 1 for hit in fused)
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)


@given(st.lists(st.integers(-1000, 1000), max_size=12), st.lists(st.integers(-1000, 1000), max_size=12))
def test_distribution_fusion_is_qdrants(dense: list[int], sparse: list[int]) -> None:
    hits = Hits(
        dense=ranked(*((i + 1, s / 8) for i, s in enumerate(sorted(dense, reverse=True)))),
        sparse=ranked(*((2 * i + 1, s / 8) for i, s in enumerate(sorted(sparse, reverse=True)))),
    )
    responses = [
        [ScoredPoint(id=str(hit.point_id), version=0, score=hit.score) for hit in found]
        for found in (hits.dense, hits.sparse)
    ]

    theirs = {UUID(str(p.id)): p.score for p in distribution_based_score_fusion(responses, limit=100)}

    assert {hit.point_id: hit.score for hit in distribution_fusion(hits)} == pytest.approx(theirs)
