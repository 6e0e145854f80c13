"""Charts on pages: the figures they were given, in the colours of the page, the same every time."""

import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from jinc.report.charts import POINTS, Chart, charts_beside
from jinc.report.equivariance import equivariance_chart
from jinc.report.pages.score_charts import ScoreChart

EVIL = "<script>alert('$x$')</script>\"&"


def numbers_on(svg: str) -> list[tuple[float, float, str]]:
    """Every text of a drawing, with its place."""
    found = re.findall(r'<text[^>]* x="([^"]*)" y="([^"]*)"[^>]*>([^<]*)</text>', svg)
    return [(float(x), float(y), text) for x, y, text in found]


def value_at(ticks: list[tuple[float, str]], at: float, log: bool = False) -> float:
    """Read a value off an axis by its numbers."""
    places = [place for place, _ in ticks]
    values = [float(text.replace(",", "").replace("−", "-")) for _, text in ticks]
    values = np.log(values) if log else values
    slope = (values[-1] - values[0]) / (places[-1] - places[0])
    found = values[0] + slope * (at - places[0])
    return float(np.exp(found)) if log else float(found)


@pytest.mark.parametrize("log", [False, True])
def test_lines_agree_with_the_numbers_on_the_axes(log) -> None:
    x, y = [0, 10, 20, 50], [0.02, 1.0, 0.3, 7.0]

    def draw(axes) -> None:
        axes.plot(x, y)
        axes.set(yscale="log" if log else "linear")

    svg = Chart("t", "w", draw).svg
    texts = numbers_on(svg)
    bottom = max(at for _, at, _ in texts)
    x_ticks = [(at, text) for at, row, text in texts if row == bottom]
    # numbers of the vertical axis stand a little below their lines
    rules = [float(at) for at in re.findall(r'<path d="M\S+ (\S+?)L\S+ \S+ " class="rule"', svg)]
    y_ticks = [*zip(rules, [text for _, row, text in texts if row != bottom], strict=True)]
    (path,) = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="stroke: var\(--c0\)', svg)
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]]
    assert [value_at(x_ticks, at) for at, _ in points] == pytest.approx(x, abs=0.2)
    seen = [value_at(y_ticks, at, log) for _, at in points]
    assert seen == pytest.approx(y, **({"rel": 0.03} if log else {"abs": 0.03}))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0.3, 9.2), (0.0402, 0.0409), (1e-5, 3e4), (320, 381)])
def test_numbers_on_an_axis_differ(low, high, log) -> None:
    def draw(axes) -> None:
        axes.plot([0, 1], [low, high])
        axes.set(yscale="log" if log else "linear", xticks=[])

    words = [text for _, _, text in numbers_on(Chart("t", "w", draw).svg)]
    assert 2 <= len(words) <= 12
    assert len({*words}) == len(words)


def test_equal_data_give_equal_bytes_and_other_charts_other_ids() -> None:
    def draw(axes) -> None:
        axes.plot([1, 2], [3, 4], "o")

    one, again, other = (Chart(title, "w", draw).svg for title in ("a", "a", "b"))
    assert one == again
    ids = [{*re.findall('id="([^"]*)"', svg)} for svg in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_an_svg_has_text_colours_of_the_page_and_no_markup_from_data() -> None:
    def draw(axes) -> None:
        axes.plot([1, 2], [3, 4], label=EVIL)
        axes.lines[0].set_gid(f"title:{EVIL}")
        axes.imshow(np.eye(3), extent=(1, 2, 3, 4))
        axes.set(xlabel=EVIL, title=EVIL)

    chart = Chart(EVIL, EVIL, draw)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    root = ElementTree.fromstring(f"<svg {names}>{chart.svg}</svg>")
    tags = {element.tag.partition("}")[2] for element in root.iter()}
    assert tags == {"svg", "g", "title", "path", "text", "defs", "clipPath", "rect", "image"}
    assert "".join(root.itertext()).count(EVIL) == 3
    assert "data:image/webp" in chart.svg
    assert not re.search("#[0-9a-f]{6}|font-family|<style", chart.svg)
    assert [(key.name, key.colour, key.style) for key in chart.legend] == [(EVIL, "c0", "line")]
    HTMLParser().feed(chart.svg)


def test_names_with_underscores_or_without_glyphs_are_in_the_legend() -> None:
    lines = {name: [([0, 1], [1, 2])] for name in ("_hidden", "漢字")}
    (chart,) = charts_beside(lines, "_hidden", "lines of", {})
    assert [key.name for key in chart.legend] == ["_hidden", "漢字"]


def test_a_long_line_keeps_every_spike() -> None:
    y = np.random.default_rng(0).normal(size=5000)
    y[1234], y[4321] = 99, -99
    axes = []

    def draw(drawn) -> None:
        drawn.plot(np.arange(5000), y)
        axes.append(drawn)

    assert len(Chart("t", "w", draw).svg) < 8000
    x, kept = axes[0].lines[0].get_data()
    assert len(x) <= POINTS
    assert {(1234, 99.0), (4321, -99.0)} <= {*zip(x.tolist(), kept.tolist(), strict=True)}
    assert [*x] == sorted(x)


def test_figures_above_the_frame_are_marked_and_gaps_stay() -> None:
    chart = equivariance_chart(
        "t", {"a": ([0, 1, 2, 3], [9.0, None, 2.0, 120.0], [140.0] * 4)}, "x"
    )
    axes = Figure().subplots()
    chart.draw(axes)
    curve, floor, mark = axes.lines
    assert math.isnan(curve.get_ydata()[1])
    assert [*floor.get_ydata()] == [140.0] * 4
    assert (mark.get_marker(), [*mark.get_xdata()]) == ("^", [3])
    assert axes.get_ylim()[1] < 80
    assert "a 2.0 to 120.0 dB" in chart.alt


def score(values: list[float], mean: float, reach: float | None) -> dict:
    return {"values": values, "mean": mean, "reach_95": reach}


def test_a_row_has_seeds_their_mean_and_interval() -> None:
    rows = [
        ("A", "C0", score([10.0, 12.0], 11.0, 2.0)),
        ("D", "C2", score([8.0, 9.0], 8.5, 1.0)),
        ("one", "C1", score([9.5], 9.5, None)),
    ]
    axes = Figure().subplots()
    ScoreChart("FID", rows, lower_is_better=True, reference=11.0)(axes)
    reference, *lines = axes.lines
    assert {*reference.get_xdata()} == {11.0}
    assert [[*line.get_xdata()] for line in lines] == [
        *([11.0], [9.0, 13.0], [10.0, 12.0]),
        *([8.5], [7.5, 9.5], [8.0, 9.0]),
        *([9.5], [9.5]),
    ]
    assert [line.get_ydata()[0] for line in lines] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert axes.get_title(loc="left") == "← better"


def test_wide_intervals_of_few_seeds_do_not_compress_the_dots() -> None:
    rows = [("A", "C0", score([10.0, 12.0], 11.0, 1e3)), ("D", "C1", score([9, 11], 10, 1.0))]
    axes = Figure().subplots()
    ScoreChart("FID", rows, lower_is_better=False, reference=None)(axes)
    low, high = axes.get_xlim()
    assert high - low < 12
    markers = [line.get_marker() for line in axes.lines]
    assert markers.count("<") == markers.count(">") == 1
