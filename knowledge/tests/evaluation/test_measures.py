from __future__ import annotations

import hashlib
import importlib.util
import math
import os
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from knowledge.evaluation.measures import mrr_at, ndcg_at, recall_at

NAMES = st.sampled_from("abcdefghijklmno")
RANKED = st.lists(NAMES, unique=True, max_size=15)
GOLD = st.dictionaries(NAMES, st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=1)


def test_by_hand() -> None:
    gold = {"a": 1.0, "b": 3.0, "c": 0.0}
    ranked = ["x", "b", "c", "a"]
    assert recall_at(ranked, gold, 3) == 0.5
    assert mrr_at(ranked, gold, 3) == 0.5
    assert mrr_at(ranked, gold, 1) == 0
    expected = (7 / math.log2(3) + 1 / math.log2(5)) / (7 + 1 / math.log2(3))
    assert math.isclose(ndcg_at(ranked, gold, 10), expected)


@given(RANKED, GOLD, st.integers(1, 12))
def test_bounds(ranked: list[str], gold: dict[str, float], k: int) -> None:
    for measure in (recall_at, mrr_at, ndcg_at):
        assert 0 <= measure(ranked, gold, k) <= 1 + 1e-9
        assert measure(ranked, {}, k) == 0


@given(GOLD, st.integers(1, 12))
def test_the_best_order_is_perfect(gold: dict[str, float], k: int) -> None:
    best = sorted(gold, key=lambda key: -gold[key])
    assert math.isclose(ndcg_at(best, gold, k), 1.0 if any(gold.values()) else 0.0)


@given(RANKED, GOLD, st.integers(1, 12))
def test_more_is_never_less(ranked: list[str], gold: dict[str, float], k: int) -> None:
    assert recall_at(ranked, gold, k + 1) >= recall_at(ranked, gold, k)
    assert mrr_at(ranked, gold, k + 1) >= mrr_at(ranked, gold, k)


@given(RANKED, GOLD, st.integers(1, 12))
def test_a_repeat_counts_once(ranked: list[str], gold: dict[str, float], k: int) -> None:
    doubled = [name for name in ranked for _ in range(2)]
    for measure in (recall_at, mrr_at, ndcg_at):
        assert measure(doubled, gold, k) == measure(ranked, gold, k)


def outside() -> ModuleType:
    """A scorer that was written by others."""
    shared = Path(os.environ.get("VENA_SHARED") or Path(settings.BASE_DIR).parent / "shared")
    path = shared / "tools" / "eval_retrieval.py"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    spec = importlib.util.spec_from_file_location("outside_scorer", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_agrees_with_another_scorer() -> None:
    scorer = outside()
    for seed in range(200):
        digits = hashlib.sha256(str(seed).encode()).digest()
        ranked = list(dict.fromkeys(str(digit % 20) for digit in digits))
        gold = {str(digit % 25): float(digit % 4) for digit in digits[:6]} | {"5": 1.0}
        told = scorer.metrics({"q": gold}, {"q": ranked}, ["q"])
        assert math.isclose(told["r5"], recall_at(ranked, gold, 5))
        assert math.isclose(told["r10"], recall_at(ranked, gold, 10))
        assert math.isclose(told["mrr10"], mrr_at(ranked, gold, 10))
        assert math.isclose(told["ndcg10"], ndcg_at(ranked, gold, 10))
