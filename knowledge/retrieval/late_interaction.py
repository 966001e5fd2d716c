"""Reranking without a second model: each word of the question looks for its best match in the passage. Pure.

The score of a passage is the mean, over the question's tokens, of the highest cosine with any token of the passage
(MaxSim). Both sides' vectors come from the embedding model's own pass, so a question costs a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowledge.providers.token_vectors import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHT = 0.45  # of MaxSim beside the fused score; measured on the dev halves, see docs/retrieval.md
ENOUGH = 0.5  # of the passages must have token vectors for an order by them to mean something


def late_scores(
    question: NDArray[np.float32], blobs: Sequence[bytes | memoryview | None], fused: Sequence[float]
) -> list[float] | None:
    """A score from 0 to 1 for each passage, in their order; None when too few have token vectors.

    `question` has shape (tokens, width) and rows of unit length; `fused` are the scores the passages came with.
    """
    matches = max_similarity(question, blobs)
    known = ~np.isnan(matches)
    if not len(matches) or not len(question) or known.mean() < ENOUGH:
        return None
    matches = np.where(known, matches, matches[known].mean())  # passages that were stored without: neither up nor down
    mixed = (1 - WEIGHT) * _stretched(np.asarray(fused, dtype=np.float64)) + WEIGHT * _stretched(matches)
    return [float(score) for score in mixed]


def max_similarity(question: NDArray[np.float32], blobs: Sequence[bytes | memoryview | None]) -> NDArray[np.float64]:
    """MaxSim of each passage; NaN for one without token vectors."""
    vectors, counts = unpack(blobs)
    found = np.full(len(blobs), np.nan)
    present = counts > 0
    if present.any() and len(question):
        starts = np.cumsum(counts[present]) - counts[present]
        best = np.maximum.reduceat(question @ vectors.T, starts, axis=1)
        found[present] = best.mean(axis=0)
    return found


def _stretched(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = scores.min(), scores.max()
    return np.ones_like(scores) if low == high else (scores - low) / (high - low)
