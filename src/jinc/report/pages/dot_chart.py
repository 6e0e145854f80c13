"""A chart of dots and intervals, a row for each thing compared, as plain geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jinc.report.pages.line_chart import LETTER, RIGHT, WIDTH, Tick
from jinc.report.pages.numbers import number
from jinc.report.pages.ticks import Axis, axis

ROW, TOP, BOTTOM = 26, 26, 40
"""Units that a row, what is above all rows, and what is below take."""

LONGEST = 18
"""Letters of a name that are shown."""

ROOM = 1.0
"""How far beyond the dots the axis reaches for intervals, in spans of the dots."""

Tone = Literal["better", "worse", "open", "base"]


@dataclass(frozen=True)
class Dots:
    """A row.

    Args:
        name: of what was measured.
        tone: what it is known to be beside the baseline.
        values: one a seed.
        mean: of them.
        reach: half of the interval that holds the mean; None of a single one.
    """

    name: str
    tone: Tone
    values: Sequence[float]
    mean: float
    reach: float | None


@dataclass(frozen=True)
class DrawnRow:
    """A row in units of the drawing.

    Args:
        name, full: what is written beside it, and all of it.
        tone: as of the row.
        y: its middle.
        dots: where they are, and what they say when pointed at.
        mean: where that is.
        interval: its ends; None of a single seed.
        cut: whether the chart ends before the interval does, on the left and on the right.
    """

    name: str
    full: str
    tone: Tone
    y: float
    dots: tuple[Tick, ...]
    mean: Tick
    interval: tuple[float, float] | None
    cut: tuple[bool, bool]


@dataclass(frozen=True)
class DotChart:
    """What a template needs to draw a chart.

    Args:
        title: what it shows.
        words: the same in a sentence, for those who do not see it.
        label: of the axis.
        ticks: its numbers.
        rows: from above.
        left, right: where the plot begins and ends.
        height: of the drawing.
        reference: where the baseline is; None where there is none.
        better: which way.
    """

    title: str
    words: str
    label: str
    ticks: tuple[Tick, ...]
    rows: tuple[DrawnRow, ...]
    left: float
    height: float
    reference: float | None
    better: Literal["left", "right"]
    right: float = WIDTH - RIGHT
    width: float = WIDTH
    top: float = TOP
    bottom: float = BOTTOM


def dot_chart(
    title: str,
    words: str,
    label: str,
    rows: Sequence[Dots],
    *,
    lower_is_better: bool,
    reference: float | None = None,
) -> DotChart:
    """Draw a row of dots, a mean and an interval for each of several things.

    Args:
        title: what it shows.
        words: the same in a sentence, for those who do not see it.
        label: of the axis.
        rows: from above, one at least.
        lower_is_better: or higher.
        reference: a value to be compared with, drawn from top to bottom.
    """
    across = _axis(label, rows, reference)
    left = 8 + LETTER * min(LONGEST, max(len(row.name) for row in rows)) + 8
    plot = _Plot(across, left)
    ticks = zip(across.ticks, across.words(), strict=True)
    return DotChart(
        title,
        words,
        label,
        tuple(Tick(plot.at(value), word) for value, word in ticks),
        tuple(plot.row(place, row) for place, row in enumerate(rows)),
        left,
        TOP + ROW * len(rows) + BOTTOM,
        None if reference is None else plot.at(reference),
        "left" if lower_is_better else "right",
    )


@dataclass(frozen=True)
class _Plot:
    """Where values stand in the drawing."""

    across: Axis
    left: float

    def at(self, value: float) -> float:
        return round(self.left + self.across.share(value) * (WIDTH - RIGHT - self.left), 1)

    def row(self, place: int, row: Dots) -> DrawnRow:
        interval, cut = None, (False, False)
        if row.reach is not None:
            low, high = row.mean - row.reach, row.mean + row.reach
            edges = self.across.low, self.across.high
            interval = self.at(max(low, edges[0])), self.at(min(high, edges[1]))
            cut = low < edges[0], high > edges[1]
        dots = tuple(Tick(self.at(value), number(value).text) for value in row.values)
        mean = Tick(self.at(row.mean), number(row.mean).text)
        y = TOP + ROW * (place + 0.5)
        return DrawnRow(_short(row.name), row.name, row.tone, y, dots, mean, interval, cut)


def _axis(label: str, rows: Sequence[Dots], reference: float | None) -> Axis:
    """Make an axis that holds all dots, and intervals as far as they leave the dots readable."""
    values = [value for row in rows for value in row.values]
    values += [] if reference is None else [reference]
    low, high = min(values), max(values)
    room = ROOM * ((high - low) or abs(high) or 1)
    ends = [row.mean + s * row.reach for row in rows if row.reach is not None for s in (-1, 1)]
    values += [min(max(end, low - room), high + room) for end in ends]
    return axis(label, values, most=5)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
