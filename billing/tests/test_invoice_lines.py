"""The sums of an invoice: to the penny what was agreed, to the last digit what the ledger says."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.lines import Kind, Line, Stretch, Terms, Used, lines_of, rounded
from billing.plans.periods import A_DAY, month_end

MONTH = date(2026, 4, 1)
WHOLE = (MONTH, month_end(MONTH))


def terms(price: str = "30", **values: object) -> Terms:
    usual = {"included": Decimal(0), "markup": Decimal(0), "is_usage_charged": True, "is_free": False}
    return Terms(plan="Team", price=Decimal(price), **{**usual, **values})  # type: ignore[arg-type]


def used(cost: str, model: str = "gpt-4o") -> Used:
    return Used("openai", model, 3, Decimal(cost))


def amounts(lines: list[Line], kind: Kind) -> list[str]:
    return [str(line.amount) for line in lines if line.kind == kind]


def test_a_whole_month_is_the_price() -> None:
    assert amounts(lines_of([Stretch(*WHOLE, terms("29.99"))], [[]]), Kind.PLAN) == ["29.99"]


def test_days_are_charged_as_days() -> None:
    stretches = [
        Stretch(MONTH, date(2026, 4, 10), terms("30")),
        Stretch(date(2026, 4, 11), month_end(MONTH), terms("90")),
    ]
    lines = lines_of(stretches, [[], []])
    assert amounts(lines, Kind.PLAN) == ["10.00", "60.00"]
    assert lines[0].text == "Team plan, 10 of 30 days"


def test_usage_is_charged_with_its_markup_and_less_what_is_included() -> None:
    stretch = Stretch(*WHOLE, terms(included=Decimal(10), markup=Decimal(20)))
    lines = lines_of([stretch], [[used("20.00500000"), used("5.00000000", "claude")]])
    assert amounts(lines, Kind.USAGE) == ["24.01", "6.00"]
    assert amounts(lines, Kind.INCLUDED) == ["-12.00"]
    assert sum(line.cost for line in lines) == Decimal("25.00500000")


def test_more_is_never_taken_off_than_was_charged() -> None:
    lines = lines_of([Stretch(*WHOLE, terms(included=Decimal(100)))], [[used("20.00500000")]])
    assert amounts(lines, Kind.USAGE) == ["20.01"]
    assert amounts(lines, Kind.INCLUDED) == ["-20.01"]


def test_what_is_not_charged_is_still_shown() -> None:
    stretches = [
        Stretch(MONTH, date(2026, 4, 5), None),
        Stretch(date(2026, 4, 6), date(2026, 4, 10), terms(is_free=True)),
        Stretch(date(2026, 4, 11), month_end(MONTH), terms("0", is_usage_charged=False)),
    ]
    lines = lines_of(stretches, [[used("1")], [used("2")], [used("4")]])
    assert [(line.text, str(line.amount)) for line in lines] == [
        ("Team, trial", "0.00"),
        ("openai gpt-4o (without a plan, not charged)", "0.00"),
        ("openai gpt-4o (trial, not charged)", "0.00"),
        ("openai gpt-4o (in the price)", "0.00"),
    ]
    assert sum(line.cost for line in lines) == 7


def test_what_the_organisation_paid_itself_is_shown_and_not_charged() -> None:
    own = Used("openai", "gpt-4o", 9, Decimal("7.5"), is_own_key=True)
    lines = lines_of([Stretch(*WHOLE, terms(markup=Decimal(20)))], [[own, used("1")]])
    assert amounts(lines, Kind.USAGE) == ["0.00", "1.20"]
    assert lines[1].text == "openai gpt-4o (your own key, not charged)"


costs = st.decimals(min_value=-5, max_value=5000, places=8)
some_terms = st.none() | st.builds(
    Terms,
    plan=st.just("P"),
    price=st.decimals(min_value=0, max_value=5000, places=2),
    included=st.decimals(min_value=0, max_value=500, places=2),
    markup=st.decimals(min_value=0, max_value=300, places=2),
    is_usage_charged=st.booleans(),
    is_free=st.booleans(),
)


@st.composite
def months(draw: st.DrawFn) -> tuple[list[Stretch], list[list[Used]]]:
    """A month cut into stretches, each with some usage."""
    month = draw(st.sampled_from([date(2026, 2, 1), date(2028, 2, 1), date(2026, 4, 1), date(2026, 7, 1)]))
    cuts = sorted(draw(st.sets(st.integers(2, month_end(month).day), max_size=5)))
    starts = [month, *(month.replace(day=day) for day in cuts)]
    ends = [start - A_DAY for start in starts[1:]] + [month_end(month)]
    stretches = [Stretch(since, until, draw(some_terms)) for since, until in zip(starts, ends, strict=True)]
    calls = st.lists(st.tuples(costs, st.booleans()), max_size=4)
    rows = [[Used("p", f"m{n}", 1, cost, own) for n, (cost, own) in enumerate(draw(calls))] for _ in starts]
    return stretches, rows


@given(months())
def test_lines_add_up(made: tuple[list[Stretch], list[list[Used]]]) -> None:
    stretches, rows = made
    lines = lines_of(stretches, rows)
    assert sum(line.cost for line in lines) == sum(row.cost for some in rows for row in some)
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) for line in lines)
    exact = sum((one.share * Fraction(one.terms.price) for one in stretches if one.terms and not one.terms.is_free), 0)
    assert sum((line.amount for line in lines if line.kind == Kind.PLAN), Decimal(0)) == rounded(Fraction(exact))
    for one, some in zip(stretches, rows, strict=True):
        here = [line for line in lines if line.since == one.since and line.kind != Kind.PLAN]
        total = sum((line.amount for line in here), Decimal(0))
        if one.terms is None or one.terms.is_free or not one.terms.is_usage_charged:
            assert total == 0
            continue
        factor = 1 + Fraction(one.terms.markup) / 100
        cost = Fraction(sum((row.cost for row in some if not row.is_own_key), Decimal(0)))
        charged = cost - min(cost, Fraction(one.terms.included) * one.share) if cost > 0 else cost
        assert abs(Fraction(total) - charged * factor) <= Fraction(1, 100)


@given(st.fractions(min_value=-1000, max_value=1000))
def test_halves_are_rounded_away_from_zero(exact: Fraction) -> None:
    pence = rounded(exact)
    assert abs(Fraction(pence) - exact) <= Fraction(1, 200)
    assert rounded(-exact) == -pence
    assert rounded(Fraction(1, 200)) == Decimal("0.01")


def test_stretches_know_their_part_of_the_month() -> None:
    assert Stretch(MONTH, MONTH + timedelta(days=14), None).share == Fraction(1, 2)
