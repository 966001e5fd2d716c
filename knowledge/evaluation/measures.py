"""How good a ranked list is, against what should have been found. All are 0 to 1. A repeat in a list counts once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def recall_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """The share of what should be found that is among the first `k`."""
    wanted = {key for key, grade in gold.items() if grade > 0}
    return len(wanted & set(_first(ranked, k))) / len(wanted) if wanted else 0.0


def mrr_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """One over the rank of the first hit; 0 when there is none among the first `k`."""
    ranks = (rank for rank, key in enumerate(_first(ranked, k), start=1) if gold.get(key, 0) > 0)
    return 1 / next(ranks, math.inf)


def ndcg_at(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """Hits weighted by grade (2^grade - 1) and by how high they stand, over the best order there could be."""
    ideal = _gain(sorted(gold.values(), reverse=True)[:k])
    return _gain([gold.get(key, 0) for key in _first(ranked, k)]) / ideal if ideal else 0.0


def _gain(grades: Sequence[float]) -> float:
    return sum((2 ** max(grade, 0) - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def _first(ranked: Sequence[str], k: int) -> list[str]:
    return list(dict.fromkeys(ranked))[:k]
