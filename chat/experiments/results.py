"""What an experiment found: each arm's numbers with their intervals, and what is clearly apart from the first arm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, Sum

from chat.experiments import statistics
from chat.experiments.models import Arm, Experiment
from chat.experiments.statistics import Estimate
from chat.models import Feedback, Message

ENDED = (Message.Status.COMPLETE, Message.Status.REFUSED, Message.Status.STOPPED, Message.Status.FAILED)
LATENCY = """
SELECT count(*), percentile_cont(ARRAY[0.5, 0.95]::float8[]) WITHIN GROUP (ORDER BY first_text_ms)
FROM chat_message WHERE arm_id = %s AND first_text_ms IS NOT NULL AND NOT is_cached AND status <> 'streaming'
"""
INTERVAL = """
SELECT percentile_cont(ARRAY[%s, %s]::float8[]) WITHIN GROUP (ORDER BY first_text_ms)
FROM chat_message WHERE arm_id = %s AND first_text_ms IS NOT NULL AND NOT is_cached AND status <> 'streaming'
"""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Shares are 0 to 1, costs pounds an answer, latencies milliseconds to the first text."""

    arm: Arm
    conversations: int
    answers: int
    liked: Estimate  # of the rated answers
    rated: int
    refused: Estimate
    failed: Estimate
    cached: Estimate
    cost: Estimate
    spent_gbp: Decimal
    latency: Estimate  # the median
    latency_p95: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm less the first one. `clear` names what differs by more than chance explains, 95 %."""

    liked: Estimate
    refused: Estimate
    cost: Estimate

    @property
    def clear(self) -> list[str]:
        names = {"rating": self.liked, "refusals": self.refused, "cost": self.cost}
        return [name for name, delta in names.items() if statistics.is_clear(delta)]


def results_of(experiment: Experiment) -> list[tuple[ArmResult, Comparison | None]]:
    """In the order of the arms' names; the first is what the others are compared with."""
    arms = list(experiment.arms.all())
    rows = conversation_rows([arm.pk for arm in arms])
    results = [result_of(arm, rows[arm.pk]) for arm in arms]
    return [(one, compared(one, results[0]) if one is not results[0] else None) for one in results]


def conversation_rows(arms: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Sums for each conversation: the unit that was assigned, and that answers of one arm are alike in."""
    rows = (
        Message.objects.filter(arm_id__in=arms, status__in=ENDED)
        .order_by()
        .values("arm_id", "conversation_id")
        .annotate(
            ended=Count("pk"),
            refused=Count("pk", filter=Q(status=Message.Status.REFUSED)),
            failed=Count("pk", filter=Q(status=Message.Status.FAILED)),
            cached=Count("pk", filter=Q(is_cached=True)),
            good=Count("pk", filter=Q(feedback__rating=Feedback.Rating.GOOD)),
            rated=Count("pk", filter=Q(feedback__isnull=False)),
            cost=Sum("cost_gbp"),
        )
    )
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        found[cast(UUID, row["arm_id"])].append(dict(row))
    return found


def result_of(arm: Arm, rows: Sequence[Row]) -> ArmResult:
    def share(name: str, of: str = "ended") -> Estimate:
        return statistics.proportion([(row[name], row[of]) for row in rows if row[of]])

    latency, p95 = latency_of(arm.pk)
    return ArmResult(
        arm=arm,
        conversations=len(rows),
        answers=sum(row["ended"] for row in rows),
        liked=share("good", "rated"),
        rated=sum(row["rated"] for row in rows),
        refused=share("refused"),
        failed=share("failed"),
        cached=share("cached"),
        cost=statistics.mean([(float(row["cost"] or 0), row["ended"]) for row in rows]),  # an estimate, not money
        spent_gbp=sum((row["cost"] or Decimal(0) for row in rows), Decimal(0)),
        latency=latency,
        latency_p95=p95,
    )


def latency_of(arm: UUID) -> tuple[Estimate, float | None]:
    """The median to the first text with its interval, and the 95th percentile; cached answers are left out."""
    with connection.cursor() as cursor:
        cursor.execute(LATENCY, [arm])
        row: Any = cursor.fetchone()
        count, found = row
        if not count:
            return statistics.NOTHING, None
        cursor.execute(INTERVAL, [*statistics.median_ranks(count), arm])
        ranks: Any = cursor.fetchone()
    low, high = ranks[0]
    median, p95 = found
    return Estimate(median, low, high, count), p95


def compared(one: ArmResult, first: ArmResult) -> Comparison:
    return Comparison(
        liked=statistics.difference(one.liked, first.liked),
        refused=statistics.difference(one.refused, first.refused),
        cost=statistics.difference(one.cost, first.cost),
    )
