"""Intervals for what an experiment counts. Pure.

Answers of one conversation are alike, so they are not as many independent trials as there are answers. The design
effect, from the variance of a ratio of cluster sums (Cochran, Sampling Techniques, 3rd ed., section 6), says how many
they are worth; proportions then get Wilson's interval, which holds for small counts and for none at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; all None where there is nothing to estimate from. `count` is of trials."""

    value: float | None
    low: float | None
    high: float | None
    count: int = 0


NOTHING = Estimate(None, None, None)


def proportion(clusters: Sequence[tuple[int, int]]) -> Estimate:
    """`clusters` are (successes, trials) of each conversation."""
    trials = sum(each[1] for each in clusters)
    if not trials:
        return NOTHING
    share = sum(each[0] for each in clusters) / trials
    effective = trials / design_effect(clusters, share, trials)
    low, high = wilson(share, effective)
    return Estimate(share, low, high, trials)


def design_effect(clusters: Sequence[tuple[int, int]], share: float, trials: int) -> float:
    """How many times the variance of independent trials; at least 1, and 1 where it cannot be told."""
    independent = share * (1 - share) / trials
    if independent == 0 or len(clusters) < 2:
        return 1.0
    return max(1.0, ratio_variance(clusters, share, trials) / independent)


def ratio_variance(clusters: Sequence[tuple[float, int]], ratio: float, trials: int) -> float:
    number = len(clusters)
    spread = sum((total - ratio * size) ** 2 for total, size in clusters)
    return number / (number - 1) * spread / trials**2


def wilson(share: float, trials: float) -> tuple[float, float]:
    centre = share + Z * Z / (2 * trials)
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    scale = 1 + Z * Z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def mean(clusters: Sequence[tuple[float, int]]) -> Estimate:
    """`clusters` are (sum, trials) of each conversation. Fewer than two have a value but no interval."""
    trials = sum(each[1] for each in clusters)
    if not trials:
        return NOTHING
    value = sum(each[0] for each in clusters) / trials
    if len(clusters) < 2:
        return Estimate(value, None, None, trials)
    half = Z * math.sqrt(ratio_variance(clusters, value, trials))
    return Estimate(value, max(0.0, value - half), value + half, trials)


def median_ranks(count: int) -> tuple[float, float]:
    """The quantiles between which the true median lies, from the binomial distribution of what lies below it."""
    half = Z / (2 * math.sqrt(count)) if count else 0.5
    return max(0.0, 0.5 - half), min(1.0, 0.5 + half)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """`one` less `other`, by Newcombe's square-and-add of the two intervals; for proportions and for means."""
    bounds = (one.value, one.low, one.high, other.value, other.low, other.high)
    if any(bound is None for bound in bounds):
        return NOTHING
    value, low, high, base, base_low, base_high = (float(bound or 0.0) for bound in bounds)
    down = math.hypot(value - low, base_high - base)
    up = math.hypot(high - value, base - base_low)
    return Estimate(value - base, value - base - down, value - base + up, one.count + other.count)


def is_clear(delta: Estimate) -> bool:
    """The interval of a difference does not hold zero."""
    return delta.low is not None and delta.high is not None and (delta.low > 0 or delta.high < 0)
