"""The chart's geometry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.evaluation.chart import BOTTOM, HEIGHT, LEFT, MOST, TOP, WIDTH, Series, chart_of

SHARE = st.floats(0, 1)


def test_no_run_no_chart() -> None:
    assert chart_of([Series("a", "A", ())], []) is None


def test_one_run_stands_in_the_middle() -> None:
    chart = chart_of([Series("a", "A", (0.5,))], ["1 May"])
    assert chart is not None
    (point,) = chart.lines[0].points
    assert abs(point.x - (LEFT + WIDTH - 16) / 2) < 1
    assert point.y == TOP + (HEIGHT - TOP - BOTTOM) / 2
    assert (point.label, chart.lines[0].latest) == ("A: 50%, 1 May", "50%")
    assert [tick.label for tick in chart.dates] == ["1 May"]


def test_better_is_higher_and_later_is_further_right() -> None:
    chart = chart_of([Series("a", "A", (0.2, 0.4, 0.9))], ["1", "2", "3"])
    assert chart is not None
    points = chart.lines[0].points
    assert [point.x for point in points] == sorted(point.x for point in points)
    assert [point.y for point in points] == sorted((point.y for point in points), reverse=True)


def test_good_values_have_a_finer_scale_that_says_so() -> None:
    good = chart_of([Series("a", "A", (0.8, 0.82))], ["1", "2"])
    poor = chart_of([Series("a", "A", (0.3, 0.82))], ["1", "2"])
    assert good is not None
    assert poor is not None
    assert [tick.label for tick in good.levels] == ["50%", "60%", "70%", "80%", "90%", "100%"]
    assert [tick.label for tick in poor.levels] == ["0%", "25%", "50%", "75%", "100%"]


@given(st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=MOST + 5))
def test_everything_lies_inside_the_drawing(values: list[tuple[float, float]]) -> None:
    first, second = zip(*values, strict=True)
    chart = chart_of([Series("a", "A", first), Series("b", "B", second)], [str(n) for n in range(len(values))])
    assert chart is not None
    for line in chart.lines:
        assert len(line.points) == min(len(values), MOST)
        assert all(LEFT <= point.x <= chart.right and TOP <= point.y <= chart.bottom for point in line.points)
