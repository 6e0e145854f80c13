"""A chart of lines as plain geometry, which a template writes down as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from jinc.report.pages.ticks import Axis

WIDTH, HEIGHT = 440, 250
"""Units of the drawing; text is 12 of them high, which a phone shows nearly at that size."""

TOP, RIGHT, BOTTOM = 10, 14, 40

LETTER = 6.8
"""Width of a letter, about."""

MOST = 360
"""Points of a line; of more, the lowest and the highest of each stretch are kept."""

Style = Literal["line", "faint", "dashed", "points"]


@dataclass(frozen=True)
class Line:
    """Values over others.

    Args:
        name: for the legend; empty for a line that needs none.
        x: rising, `[n]`.
        y: `[n]`; what is not finite leaves a gap.
        colour: its number, 0 to 6; 6 is grey.
        style: how it is drawn.
        low, high: a band around it, `[n]` each; none if empty.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    style: Style = "line"
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Tick:
    """A number on an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A line in units of the drawing.

    Args:
        name, colour, style: as of the line.
        paths: pieces without a gap, each `x,y x,y …`.
        points: single ones that are marked, (x, y).
        band: the outline of its band; may be empty.
        beyond: where the line is above the chart, x.
    """

    name: str
    colour: int
    style: Style
    paths: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    band: str
    beyond: tuple[float, ...]


@dataclass(frozen=True)
class LineChart:
    """What a template needs to draw a chart.

    Args:
        title: what it shows.
        words: the same in a sentence, for those who do not see it.
        x_label, y_label: of the axes.
        x_ticks, y_ticks: their numbers.
        left: where the plot begins.
        lines: in order, the later on top.
        width, height: of the drawing.
    """

    title: str
    words: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left: float
    lines: tuple[Drawn, ...]
    width: float = WIDTH
    height: float = HEIGHT
    top: float = TOP
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM
    named: tuple[Drawn, ...] = field(default=())


def line_chart(title: str, words: str, lines: Sequence[Line], x: Axis, y: Axis) -> LineChart:
    """Draw lines between two axes.

    Args:
        title: what it shows.
        words: the same in a sentence, for those who do not see it.
        lines: the later on top.
        x: the horizontal axis.
        y: the vertical axis; what is above it is marked at the edge.
    """
    left = 12 + LETTER * max(map(len, y.words()), default=1) + 16
    plot = _Plot(x, y, left)
    drawn = tuple(plot.line(line) for line in lines)
    return LineChart(
        title,
        words,
        x.label,
        y.label,
        tuple(Tick(plot.across(t), word) for t, word in zip(x.ticks, x.words(), strict=True)),
        tuple(Tick(plot.down(t), word) for t, word in zip(y.ticks, y.words(), strict=True)),
        left,
        drawn,
        named=tuple(line for line in drawn if line.name),
    )


@dataclass(frozen=True)
class _Plot:
    """Where values stand in the drawing."""

    x: Axis
    y: Axis
    left: float

    def across(self, value: float) -> float:
        return round(self.left + self.x.share(value) * (WIDTH - RIGHT - self.left), 1)

    def down(self, value: float) -> float:
        share = min(max(self.y.share(value), 0.0), 1.0)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)

    def line(self, line: Line) -> Drawn:
        if line.style == "dashed":  # a reference is not to be seen where it is not
            line = replace(line, y=[y if y <= self.y.high else math.nan for y in line.y])
        seen = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
        single = line.style == "points" or (len(seen) == 1 and line.style != "dashed")
        marked = [(self.across(x), self.down(y)) for x, y in seen] if single else []
        beyond = sorted({self.across(x) for x, y in seen if y > self.y.high})
        pieces = [] if single else _pieces(line.x, line.y)
        paths = tuple(self._path(thinned(piece)) for piece in pieces)
        band = self._band(line) if line.low else ""
        few = tuple(beyond) if len(beyond) <= 24 else ()
        return Drawn(line.name, line.colour, line.style, paths, tuple(marked), band, few)

    def _band(self, line: Line) -> str:
        there = [*zip(line.x, line.low, strict=True)]
        back = [*zip(line.x, line.high, strict=True)][::-1]
        return self._path([*there, *back])

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.across(x):g},{self.down(y):g}" for x, y in points)


def thinned(
    points: Sequence[tuple[float, float]], most: int = MOST
) -> Sequence[tuple[float, float]]:
    """Keep the lowest and the highest of each stretch, in order, so that no spike gets lost.

    Args:
        points: (x, y), in order.
        most: how many are kept, about.

    >>> thinned([(0, 1), (1, 9), (2, 2), (3, 3), (4, 0), (5, 3)], most=4)
    [(0, 1), (1, 9), (3, 3), (4, 0)]
    """
    if len(points) <= most:
        return points
    edges = [round(k * len(points) / (most // 2)) for k in range(most // 2 + 1)]
    kept: list[tuple[float, float]] = []
    for first, last in pairwise(edges):
        stretch = range(first, last)
        low = min(stretch, key=lambda k: points[k][1])
        high = max(stretch, key=lambda k: points[k][1])
        kept += [points[k] for k in sorted({low, high})]
    return kept


def _pieces(x: Sequence[float], y: Sequence[float]) -> list[list[tuple[float, float]]]:
    """Cut a line where it has gaps."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in zip(x, y, strict=True):
        if math.isfinite(point[1]):
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]
