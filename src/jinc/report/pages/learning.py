"""How training went, as charts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jinc.report.curves import SMOOTHING, series, smooth
from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.numbers import number
from jinc.report.pages.ticks import Axis, axis, tight

Log = Sequence[Mapping[str, Any]]


def learning_charts(log: Log) -> list[LineChart]:
    """Draw the loss, scores, the norm of the gradient, and the learning rate where it varies.

    Args:
        log: lines of `log.jsonl`, in order.

    Returns:
        As many charts as there is something to draw.
    """
    steps = [entry["step"] for entry in log]
    if not steps:
        return []
    x = tight("step", 0, max(steps))
    charts = [_loss(log, x), _scores(log, x), _gradient(log, x), _rate(log, x)]
    return [chart for chart in charts if chart is not None]


def late_loss(log: Log) -> float | None:
    """Return the mean loss of the last tenth of the lines; None if there is none."""
    _, losses = series(log, "loss")
    late = losses[-max(1, len(losses) // 10) :]
    return sum(late) / len(late) if late else None


def smoothed(values: Sequence[float]) -> list[float]:
    """Smooth values above 0 as the learning curve of a run is."""
    return smooth(values, SMOOTHING * math.sqrt(len(values)))


def _loss(log: Log, x: Axis) -> LineChart | None:
    steps, losses = series(log, "loss", above=0)
    if not losses:
        return None
    calm = smoothed(losses)
    at, validation = series(log, "validation_loss", above=0)
    lines = [Line("as logged", steps, losses, 0, "faint"), Line("smoothed", steps, calm, 0)]
    if at:
        lines.append(Line("validation", at, validation, 1, "points"))
    # One spike, or the first steps, would press everything else flat: they leave the frame.
    y = axis("loss", [min(losses + validation), 1.2 * max(calm + validation)], log=True)
    ends = f"{number(calm[0]).text} to {number(calm[-1]).text}"
    return line_chart("Loss", f"Loss over steps, smoothed, from {ends}", lines, x, y)


def _scores(log: Log, x: Axis) -> LineChart | None:
    steps, scores = series(log, "score")
    if not scores:
        return None
    y = axis("Fréchet distance", scores, zero=True)
    words = f"Fréchet distance of samples over steps, at best {number(min(scores)).text}"
    lines = [Line("", steps, scores, 0), Line("", steps, scores, 0, "points")]
    return line_chart("Scores", words, lines, x, y)


def _gradient(log: Log, x: Axis) -> LineChart | None:
    steps, norms = series(log, "gradient_norm", above=0)
    if not norms:
        return None
    calm = smoothed(norms)
    lines = [Line("as logged", steps, norms, 0, "faint"), Line("smoothed", steps, calm, 0)]
    y = axis("norm", [min(norms), 1.2 * max(calm)], log=True)
    words = f"Norm of the gradient over steps, smoothed, at the end {number(calm[-1]).text}"
    return line_chart("Norm of the gradient", words, lines, x, y)


def _rate(log: Log, x: Axis) -> LineChart | None:
    steps, rates = series(log, "learning_rate")
    if len(set(rates)) < 2:
        return None
    y = axis("learning rate", rates, zero=True)
    words = f"Learning rate over steps, at most {number(max(rates)).text}"
    return line_chart("Learning rate", words, [Line("", steps, rates, 0)], x, y)
