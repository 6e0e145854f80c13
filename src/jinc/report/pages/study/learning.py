"""How the loss fell, of every variant beside the baseline."""

from collections.abc import Sequence

from jinc.report.curves import series
from jinc.report.pages.learning import smoothed
from jinc.report.pages.line_chart import LineChart
from jinc.report.pages.study.beside import Values, charts_beside
from jinc.report.pages.study.cells import StudyCell
from jinc.report.pages.ticks import axis, tight


def loss_charts(cells: Sequence[StudyCell], baseline: str) -> list[tuple[str, list[LineChart]]]:
    """Draw the smoothed loss of every variant's seeds over those of the baseline.

    Args:
        cells: of the study.
        baseline: the variant that others are compared with.

    Returns:
        Charts by data set.
    """
    found = []
    for data in dict.fromkeys(cell.data for cell in cells):
        lines: dict[str, list[Values]] = {}
        for cell in cells:
            steps, losses = series(cell.log, "loss", above=0)
            if cell.data == data and losses:
                lines.setdefault(cell.variant, []).append((steps, smoothed(losses)))
        every = [line for group in lines.values() for line in group]
        if every:
            x = tight("step", 0, max(max(steps) for steps, _ in every))
            y = axis("loss", [value for _, values in every for value in values], log=True)
            what = "Smoothed loss over steps, a line a seed, of"
            found.append((data, charts_beside(lines, baseline, what, x, y)))
    return found
