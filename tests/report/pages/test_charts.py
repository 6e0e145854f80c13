"""Charts hold the figures they were given: taken out of the geometry again."""

import math

import numpy as np
import pytest

from jinc.report.pages.dot_chart import Dots, dot_chart
from jinc.report.pages.line_chart import Line, line_chart, thinned
from jinc.report.pages.ticks import axis, tight


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("low", "high"), [(0.3, 9.2), (0.0402, 0.0409), (1e-5, 3e4), (7, 7), (320, 381)]
)
def test_axes_hold_their_values_and_have_numbers(low, high, log) -> None:
    found = axis("x", [low, high], log=log)
    assert found.low <= low <= high <= found.high
    assert 2 <= len(found.ticks) <= 9
    assert [*found.ticks] == sorted(found.ticks)
    assert found.low <= found.ticks[0] < found.ticks[-1] <= found.high
    # numbers are written so that they can be told from one another
    assert len({*found.words()}) == len(found.ticks)
    assert [float(w.replace(",", "").replace("−", "-")) for w in found.words()] == pytest.approx(
        found.ticks, rel=1e-3
    )


def test_negative_values_and_zero() -> None:
    found = axis("dB", [-3.2, 1.1])
    assert 0 in found.ticks
    assert axis("dB", [30, 50], zero=True).low == 0


def value_at(ticks, at: float, log: bool = False) -> float:
    """Read a chart as a person does: by the numbers on its axis."""
    places = [tick.at for tick in ticks]
    values = [float(tick.text.replace(",", "").replace("−", "-")) for tick in ticks]
    values = np.log(values) if log else values
    slope = (values[-1] - values[0]) / (places[-1] - places[0])
    found = values[0] + slope * (at - places[0])
    return float(np.exp(found)) if log else float(found)


@pytest.mark.parametrize("log", [False, True])
def test_lines_are_read_off_as_they_were_given(log) -> None:
    x, y = [0, 10, 20, 50], [0.02, 1.0, 0.3, 7.0]
    chart = line_chart("t", "w", [Line("a", x, y)], tight("x", 0, 50), axis("y", y, log=log))
    points = [tuple(map(float, point.split(","))) for point in chart.lines[0].paths[0].split()]
    assert [value_at(chart.x_ticks, at) for at, _ in points] == pytest.approx(x, abs=0.2)
    seen = [value_at(chart.y_ticks, at, log) for _, at in points]
    assert seen == pytest.approx(y, **({"rel": 0.03} if log else {"abs": 0.03}))


def test_gaps_are_not_bridged_and_what_is_beyond_is_marked() -> None:
    y = [1.0, math.nan, 2.0, 9.0]
    chart = line_chart("t", "w", [Line("a", [0, 1, 2, 3], y)], tight("x", 0, 3), tight("y", 0, 4))
    (line,) = chart.lines
    assert [len(path.split()) for path in line.paths] == [1, 2]
    assert line.beyond == (chart.right,)
    assert float(line.paths[1].split()[1].split(",")[1]) == chart.top


def test_references_are_not_drawn_where_they_are_not() -> None:
    floor = Line("", [0, 1, 2], [1.0, 140.0, 1.0], 0, "dashed")
    chart = line_chart("t", "w", [floor], tight("x", 0, 2), tight("y", 0, 4))
    assert chart.lines[0].beyond == ()
    assert len(chart.lines[0].paths) == 2


def test_thinning_keeps_every_spike() -> None:
    y = np.random.default_rng(0).normal(size=5000)
    y[1234], y[4321] = 99, -99
    kept = thinned([*enumerate(y.tolist())], most=200)
    assert len(kept) <= 200
    assert {(1234, 99.0), (4321, -99.0)} <= {*kept}
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)


def test_dots_means_and_intervals_are_read_off() -> None:
    rows = [
        Dots("A", "base", [10.0, 12.0], 11.0, 2.0),
        Dots("D", "better", [8.0, 9.0], 8.5, 1.0),
        Dots("one", "open", [9.5], 9.5, None),
    ]
    chart = dot_chart("t", "w", "FID", rows, lower_is_better=True, reference=11.0)
    assert value_at(chart.ticks, chart.reference) == pytest.approx(11, abs=0.05)
    assert chart.better == "left"
    for row, drawn in zip(rows, chart.rows, strict=True):
        assert [value_at(chart.ticks, dot.at) for dot in drawn.dots] == pytest.approx(
            row.values, abs=0.05
        )
        assert value_at(chart.ticks, drawn.mean.at) == pytest.approx(row.mean, abs=0.05)
        if row.reach is None:
            assert drawn.interval is None
            continue
        ends = [value_at(chart.ticks, at) for at in drawn.interval]
        assert ends == pytest.approx([row.mean - row.reach, row.mean + row.reach], abs=0.05)
        assert drawn.cut == (False, False)


def test_intervals_of_few_seeds_do_not_press_the_dots_together() -> None:
    rows = [Dots("A", "base", [10.0, 12.0], 11.0, 1000.0), Dots("D", "open", [9, 11], 10, 1.0)]
    chart = dot_chart("t", "w", "FID", rows, lower_is_better=False)
    first, second = chart.rows
    assert first.cut == (True, True)
    assert second.cut == (False, False)
    assert first.dots[1].at - first.dots[0].at > 50
    assert chart.left <= first.interval[0] < first.interval[1] <= chart.right
