from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.experiments import statistics
from chat.experiments.statistics import Estimate, difference, mean, proportion, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_has_the_published_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes / trials, trials) == pytest.approx((low, high), abs=0.0001)


def test_single_answers_a_conversation_are_independent_trials() -> None:
    clusters = [(1, 1)] * 81 + [(0, 1)] * 182
    assert proportion(clusters).low == pytest.approx(0.2553, abs=0.001)


def test_answers_that_are_alike_within_a_conversation_count_for_less() -> None:
    apart = proportion([(1, 1)] * 40 + [(0, 1)] * 40)
    alike = proportion([(4, 4)] * 10 + [(0, 4)] * 10)
    assert apart.value == alike.value == 0.5
    assert width(alike) > 1.5 * width(apart)


def test_nothing_has_no_interval_and_one_conversation_no_mean_interval() -> None:
    assert proportion([]) == mean([]) == statistics.NOTHING
    assert mean([(3.0, 3)]) == Estimate(1.0, None, None, 3)


def test_the_difference_of_two_proportions_has_the_published_interval() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table II, case (a), method 10: 56/70 and 48/80
    one, other = (Estimate(s / n, *wilson(s / n, n), n) for s, n in ((56, 70), (48, 80)))
    delta = difference(one, other)
    assert (delta.value, delta.low, delta.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=0.0001)
    assert statistics.is_clear(delta)
    assert not statistics.is_clear(difference(one, one))


CLUSTERS = st.lists(st.integers(1, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1)


@given(CLUSTERS)
def test_a_share_lies_within_its_interval_and_between_none_and_all(clusters: list[tuple[int, int]]) -> None:
    found = proportion(clusters)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1e-9 <= found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9 <= 1 + 2e-9


@given(CLUSTERS, CLUSTERS)
def test_differences_are_antisymmetric(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    there, back = difference(proportion(one), proportion(other)), difference(proportion(other), proportion(one))
    assert (there.low, there.high) == pytest.approx((-(back.high or 0), -(back.low or 0)))


@given(st.integers(0, 10**6))
def test_the_ranks_of_a_median_are_quantiles(count: int) -> None:
    low, high = statistics.median_ranks(count)
    assert 0 <= low <= 0.5 <= high <= 1


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low
