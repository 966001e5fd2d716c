"""How good a ranked list is, against what should have been found. All are 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def recall_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """The share of what should be found that is among the first `k`."""
    wanted = {key for key, grade in gold.items() if grade > 0}
    return len(wanted & set(ranked[:k])) / len(wanted) if wanted else 0.0


def mrr_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """One over the rank of the first hit; 0 when there is none among the first `k`."""
    ranks = (rank for rank, key in enumerate(ranked[:k], start=1) if gold.get(key, 0) > 0)
    return 1 / next(ranks, math.inf)


def ndcg_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """Hits weighted by grade and by how high they stand, over the best order there could be."""
    gain = sum(gold.get(key, 0) / math.log2(rank + 1) for rank, key in enumerate(ranked[:k], start=1))
    best = sorted((grade for grade in gold.values() if grade > 0), reverse=True)[:k]
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, start=1))
    return gain / ideal if ideal else 0.0
