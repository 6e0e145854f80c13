"""Lines of every variant, one a seed, over those of the baseline: a chart for each."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.ticks import Axis

Values: TypeAlias = tuple[Sequence[float], Sequence[float]]
"""A line: where, rising, and how high."""


def charts_beside(
    lines: Mapping[str, Sequence[Values]],
    baseline: str,
    what: str,
    x: Axis,
    y: Axis,
    under: Sequence[Line] = (),
) -> list[LineChart]:
    """Draw a chart for every variant but the baseline, whose lines are grey in all of them.

    Args:
        lines: by variant, one a seed.
        baseline: of the variants; alone, it has the chart.
        what: the lines are, before the name of the variant.
        x, y: the axes.
        under: lines that all charts have.
    """
    charts = []
    for variant in [name for name in lines if name != baseline] or [*lines]:
        base = [] if variant == baseline else lines.get(baseline, [])
        drawn = [Line("" if k else baseline, *line, 6) for k, line in enumerate(base)]
        drawn += [Line("" if k else variant, *line, 0) for k, line in enumerate(lines[variant])]
        charts.append(line_chart(variant, f"{what} {variant}", [*under, *drawn], x, y))
    return charts
