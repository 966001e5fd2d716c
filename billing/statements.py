"""Statements for finance: who is charged what, what was saved, and what one question or person costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from billing import labels
from billing.models import ExchangeRate, ModelPrice
from billing.money import each, share
from billing.names import GROUP, names_of
from billing.prices import MILLION
from billing.reports import FIGURES, Figures, Period, check_period, figures_of, lines_of, period_conditions
from billing.rollups import MEMBERS
from billing.sheets import Sheet

QUANTUM = Decimal("0.00000001")
BY_GROUP = f"""
WITH lines AS ({lines_of(MEMBERS)})
SELECT grouping(group_id), cost_centre, group_id, count(DISTINCT member_id), {FIGURES}
FROM lines GROUP BY GROUPING SETS ((cost_centre, group_id), ())
"""
BY_MONTH = f"""
WITH lines AS ({lines_of(MEMBERS)})
SELECT date_trunc('month', day)::date, count(DISTINCT member_id), {FIGURES} FROM lines GROUP BY 1 ORDER BY 1
"""
ANSWERS = f"""
WITH lines AS ({lines_of(MEMBERS)})
SELECT day, provider, model, sum(input_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(output_tokens),
  sum(cost_gbp), sum(calls)
FROM lines WHERE kind = 'chat' AND outcome <> 'failed' AND unpriced_calls = 0 AND provider <> 'local'
GROUP BY day, provider, model
"""


# -- chargeback -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Charge:
    """What one group of a cost centre is charged."""

    cost_centre: str
    group_id: UUID | None
    group: str
    people: int  # that called something; somebody who changed groups is counted in each
    figures: Figures
    share: Decimal  # of the whole cost, in percent


@dataclass(frozen=True, slots=True)
class Chargeback:
    since: date
    until: date
    charges: tuple[Charge, ...]  # by cost centre, then by group; without one, last
    total: Figures
    people: int


def chargeback(organisation_id: UUID, since: date, until: date) -> Chargeback:
    check_period(since, until)
    rows = period_conditions(organisation_id, since, until).rows(BY_GROUP)
    total = next((figures_of(sums) for is_total, _, _, _, *sums in rows if is_total), Figures())
    people = next((count for is_total, _, _, count, *_ in rows if is_total), 0)
    lines = [row for row in rows if not row[0]]
    names = names_of(organisation_id, GROUP, {group for _, _, group, *_ in lines if group})
    charges = [
        Charge(centre, group, labels.with_id("group", group, names)[1], count, figures, share_of(figures, total))
        for _, centre, group, count, *sums in lines
        for figures in (figures_of(sums),)
    ]
    charges.sort(key=lambda one: (not one.cost_centre, one.cost_centre, one.group_id is None, one.group))
    return Chargeback(since, until, tuple(charges), total, people)


def share_of(figures: Figures, total: Figures) -> Decimal:
    return share(figures.cost_gbp, total.cost_gbp)


def chargeback_sheet(made: Chargeback) -> Sheet:
    """People and shares have no total: somebody may be in two lines."""
    return Sheet(
        title="Chargeback by cost centre and group",
        name="Chargeback",
        columns=(
            *("Cost centre", "Group", "Group id"),
            *("People", "Answers", "Calls", "Input tokens", "Output tokens", "Cost in GBP"),
        ),
        keys=3,
        rows=tuple(
            (
                one.cost_centre or labels.WITHOUT["cost_centre"],
                one.group,
                str(one.group_id or ""),
                one.people,
                *facts_of(one.figures),
            )
            for one in made.charges
        ),
        total=(None, *facts_of(made.total)),
        since=made.since,
        until=made.until,
        stem="chargeback",
        printed=("Cost centre", "Group", "People", "Answers", "Calls", "Cost in GBP"),
        notes=(f"People who used something: {made.people:,}. Who changed groups is counted in each.",),
    )


def facts_of(figures: Figures) -> tuple[int | Decimal, ...]:
    return figures.answers, figures.calls, figures.input_tokens, figures.output_tokens, figures.cost_gbp


# -- savings --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Routed:
    """Answers of another model than the default one, and what the default would have cost for the same tokens."""

    provider: str
    model: str
    answers: int
    cost_gbp: Decimal
    default_gbp: Decimal

    @property
    def saved_gbp(self) -> Decimal:
        """Negative where the other model was the dearer one."""
        return self.default_gbp - self.cost_gbp


@dataclass(frozen=True, slots=True)
class Savings:
    since: date
    until: date
    hits: int  # answers from Vena's own cache
    answers_gbp: Decimal
    provider_gbp: Decimal  # by providers' caches
    cached_tokens: int
    default: tuple[str, str]
    is_priced: bool  # whether the default's price is known: without it nothing can be compared
    routed: tuple[Routed, ...]
    cost_gbp: Decimal

    @property
    def routed_gbp(self) -> Decimal:
        return sum((one.saved_gbp for one in self.routed), Decimal(0))

    @property
    def total_gbp(self) -> Decimal:
        return self.answers_gbp + self.provider_gbp + self.routed_gbp


def savings(
    organisation_id: UUID,
    since: date,
    until: date,
    *,
    total: Figures,
    from_cache: tuple[int, Decimal],
    default: tuple[str, str],
) -> Savings:
    """`total` is the period's; `from_cache` are the hits of the answer cache and their worth."""
    period = period_conditions(organisation_id, since, until)
    prices = DatedPrices.of(*default)
    routed = tuple(routed_lines(period, default, prices)) if prices.rows else ()
    return Savings(
        since=since,
        until=until,
        hits=from_cache[0],
        answers_gbp=from_cache[1],
        provider_gbp=total.cache_saved_gbp,
        cached_tokens=total.cached_input_tokens,
        default=default,
        is_priced=bool(prices.rows),
        routed=routed,
        cost_gbp=total.cost_gbp,
    )


def routed_lines(period: Period, default: tuple[str, str], prices: DatedPrices) -> Iterable[Routed]:
    found: dict[tuple[str, str], Routed] = {}
    for day, provider, model, *tokens, cost, calls in period.rows(ANSWERS):
        would = prices.cost(day, *map(int, tokens))
        if is_same_model((provider, model), default) or would is None:
            continue
        had = found.get((provider, model), Routed(provider, model, 0, Decimal(0), Decimal(0)))
        found[provider, model] = Routed(
            provider, model, had.answers + int(calls), had.cost_gbp + cost, had.default_gbp + would
        )
    return sorted(found.values(), key=lambda one: (-one.saved_gbp, one.model))


def is_same_model(one: tuple[str, str], default: tuple[str, str]) -> bool:
    """Providers answer with dated names of the model that was asked for."""
    return one[0] == default[0] and (one[1] == default[1] or one[1].startswith(f"{default[1]}-20"))


@dataclass(frozen=True, slots=True)
class DatedPrices:
    """A model's prices and the exchange rates, newest first."""

    rows: Sequence[ModelPrice]
    rates: Sequence[ExchangeRate]

    @classmethod
    def of(cls, provider: str, model: str) -> DatedPrices:
        rows = ModelPrice.objects.filter(provider=provider, model=model).order_by("-valid_from")
        return cls(list(rows), list(ExchangeRate.objects.order_by("-valid_from")))

    def cost(self, day: date, read: int, cached: int, kept: int, written: int) -> Decimal | None:
        """What these tokens would have cost on that day, in pounds; None before the first price."""
        price = next((row for row in self.rows if row.valid_from <= day), None)
        rate = next((row for row in self.rates if row.valid_from <= day), None)
        if price is None or rate is None:
            return None
        keeping = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
        usd = (read - cached - kept) * price.input_usd + cached * price.cached_input_usd
        usd += kept * keeping + written * price.output_usd
        return (usd * rate.gbp_per_usd / MILLION).quantize(QUANTUM, ROUND_HALF_UP)


def savings_sheet(made: Savings) -> Sheet:
    rows = [
        ("Answers that were remembered", made.hits, made.answers_gbp),
        ("Providers' own caches", None, made.provider_gbp.quantize(QUANTUM, ROUND_HALF_UP)),
        *((f"{one.provider} {one.model} instead of the default", one.answers, one.saved_gbp) for one in made.routed),
    ]
    return Sheet(
        title="What was saved",
        name="Savings",
        columns=("By", "Answers", "Saved in GBP"),
        keys=1,
        rows=tuple(rows),
        total=(None, sum((row[2] for row in rows), Decimal(0))),
        since=made.since,
        until=made.until,
        stem="savings",
        notes=(f"The default model is {' '.join(made.default)}.",),
    )


# -- unit economics -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Month:
    """What one month cost, for a question and for a person."""

    starts_on: date
    figures: Figures
    people: int
    hits: int = 0  # answers from the cache, which cost nothing and are answers all the same

    @property
    def questions(self) -> int:
        return self.figures.answers + self.hits

    @property
    def cost_of_question(self) -> Decimal | None:
        return each(self.figures.cost_gbp, self.questions)

    @property
    def cost_of_person(self) -> Decimal | None:
        return each(self.figures.cost_gbp, self.people)


def months(organisation_id: UUID, since: date, until: date) -> list[Month]:
    """Each month of the period with something in it; its hits are for the caller to add."""
    check_period(since, until)
    rows = period_conditions(organisation_id, since, until).rows(BY_MONTH)
    return [Month(start, figures_of(sums), people) for start, people, *sums in rows]


def months_sheet(made: Sequence[Month], since: date, until: date) -> Sheet:
    return Sheet(
        title="What a question and a person cost",
        name="Unit costs",
        columns=(
            *("Month", "Questions answered", "of these from the cache", "Active people", "Cost in GBP"),
            *("Cost of a question in GBP", "Cost of an active person in GBP"),
        ),
        keys=1,
        rows=tuple(
            (
                one.starts_on,
                one.questions,
                one.hits,
                one.people,
                one.figures.cost_gbp,
                rounded(one.cost_of_question),
                rounded(one.cost_of_person),
            )
            for one in made
        ),
        total=(
            sum(one.questions for one in made),
            sum(one.hits for one in made),
            None,
            sum((one.figures.cost_gbp for one in made), Decimal(0)),
            None,
            None,
        ),
        since=since,
        until=until,
        stem="unit-costs",
    )


def rounded(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(QUANTUM, ROUND_HALF_UP)
