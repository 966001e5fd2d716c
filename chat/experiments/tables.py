"""An experiment's numbers as a person reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat.experiments.results import ArmResult, Comparison
from chat.experiments.statistics import Estimate

UNKNOWN = "–"
RESULT_HEADERS = (
    "Arm",
    "Conversations",
    "Answers",
    "Liked, of rated",
    "Refused",
    "Failed",
    "Cached",
    "Cost an answer",
    "First text, median",
)
DIFFERENCE_HEADERS = ("Arm, less the first", "Liked", "Refused", "Cost an answer", "More than chance")


def results_table(results: list[tuple[ArmResult, Comparison | None]]) -> dict[str, Any]:
    return {"headers": RESULT_HEADERS, "rows": [result_row(result) for result, _ in results]}


def differences_table(results: list[tuple[ArmResult, Comparison | None]]) -> dict[str, Any]:
    rows = [difference_row(result, against) for result, against in results if against]
    return {"headers": DIFFERENCE_HEADERS, "rows": rows}


def result_row(result: ArmResult) -> list[str]:
    return [
        result.arm.name,
        f"{result.conversations:,}",
        f"{result.answers:,}",
        f"{said(result.liked, percent)} of {result.rated:,}",
        said(result.refused, percent),
        said(result.failed, percent),
        said(result.cached, percent),
        said(result.cost, pence),
        latency(result),
    ]


def difference_row(result: ArmResult, against: Comparison) -> list[str]:
    return [
        result.arm.name,
        said(against.liked, points),
        said(against.refused, points),
        said(against.cost, signed_pence),
        ", ".join(against.clear) or "nothing yet",
    ]


def latency(result: ArmResult) -> str:
    if result.latency_p95 is None:
        return UNKNOWN
    return f"{said(result.latency, milliseconds)}; 95% within {milliseconds(result.latency_p95)}"


def said(estimate: Estimate, unit: Callable[[float], str]) -> str:
    """`62% (51 to 72%)`: the value with its 95 % interval."""
    if estimate.value is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return unit(estimate.value)
    low, high = unit(estimate.low), unit(estimate.high)
    return f"{unit(estimate.value)} ({low.rstrip('% pointsm')} to {high})"


def percent(share: float) -> str:
    return f"{share:.0%}" if share in (0, 1) or share >= 0.1 else f"{share:.1%}"


def points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def pence(pounds: float) -> str:
    return f"{100 * pounds:.3f}p"


def signed_pence(pounds: float) -> str:
    return f"{100 * pounds:+.3f}p"


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms"
