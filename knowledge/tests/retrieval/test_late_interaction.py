from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.providers.token_vectors import FORMAT, WIDTH, centred, pack, similarities
from knowledge.retrieval.late_interaction import late_scores, max_similarity


def states(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


def test_a_token_takes_48_bytes() -> None:
    assert len(pack(states(1, 90))) == 1 + 90 * 48


@given(st.integers(0, 1000), st.integers(0, 40))
def test_a_packed_token_still_points_the_same_way(seed: int, count: int) -> None:
    question = centred(states(seed, count))
    cosines, counts = similarities(question, [pack(states(seed, count))])
    assert counts.tolist() == [count]
    assert cosines.shape == (count, count)
    assert ((np.diagonal(cosines) > 0.6) & (np.diagonal(cosines) <= 1)).all()
    signs = np.where(question > 0, 1, -1) / WIDTH**0.5
    assert np.allclose(cosines, question @ signs.T, atol=1e-5)


def test_length_of_a_state_does_not_matter() -> None:
    assert pack(states(1, 5)) == pack(states(1, 5) * 7)


@given(st.binary(max_size=200))
def test_whatever_is_stored_never_breaks_a_search(blob: bytes) -> None:
    cosines, counts = similarities(centred(states(4, 3)), [None, blob, pack(states(3, 2))])
    assert counts[0] == 0
    assert counts[2] == 2
    assert cosines.shape == (3, counts.sum())
    assert counts[1] == (len(blob) // 48 if blob[:1] == FORMAT and len(blob) % 48 == 1 else 0)


def test_max_similarity_is_the_mean_of_the_best_matches() -> None:
    question = centred(states(1, 3))
    blobs = [pack(states(1, 3)), pack(states(2, 50)), None, pack(states(3, 1))]
    expected = []
    for blob in blobs:
        cosines, counts = similarities(question, [blob])
        expected.append(cosines.max(axis=1).mean() if counts[0] else np.nan)
    found = max_similarity(question, blobs)
    assert np.allclose(found, expected, equal_nan=True)
    assert np.nanargmax(found) == 0


def test_a_better_match_rises_and_scores_stay_within_one() -> None:
    question = centred(states(1, 3))
    scores = late_scores(question, [pack(states(2, 9)), pack(states(1, 3)), pack(states(4, 9))], [0.6, 0.5, 0.4])
    assert scores is not None
    assert scores[1] == max(scores)
    assert all(0 <= score <= 1 for score in scores)


def test_one_without_token_vectors_keeps_its_place_between() -> None:
    question = centred(states(1, 3))
    scores = late_scores(question, [pack(states(1, 3)), None, pack(states(4, 9))], [0.5, 0.5, 0.5])
    assert scores is not None
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("blobs", [[], [None, None], [None, None, pack(states(1, 1))]])
def test_too_few_with_token_vectors_are_not_ranked(blobs: list[bytes | None]) -> None:
    assert late_scores(centred(states(1, 3)), blobs, [0.5] * len(blobs)) is None


def test_a_question_without_tokens_is_not_ranked() -> None:
    assert late_scores(centred(states(1, 0)), [pack(states(1, 1))], [0.5]) is None
