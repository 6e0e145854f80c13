"""How training went: loss, scores, norm of the gradient and learning rate over the steps."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from jinc.errors import JincError
from jinc.report.charts import Chart, Curve, charts_beside, save
from jinc.report.numbers import number

SMOOTHING = 0.25
"""Reach of the smoothing over n entries, in √n entries to either side: the more there are, the
smoother the line, and the smaller the part of the run it blurs."""

FEW = 10
"""Up to this many entries are drawn as points too: a line through one shows nothing."""

_FAINT: dict[str, Any] = {"color": "C0", "alpha": 0.35, "linewidth": 0.8}

Log: TypeAlias = Sequence[Mapping[str, Any]]
"""Entries of `log.jsonl` in order: `step`, and `loss`, `validation_loss`, `score`, `gradient_norm`
and `learning_rate` where they are known."""


def plot_learning_curve(entries: Log, file: Path) -> None:
    """Draw the loss of a run as logged and smoothed, its scores, and a learning rate that varies.

    Losses that were not finite are marked at the upper edge.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    if not series(entries, "loss", above=0)[0]:
        raise JincError(f"{file}: the log has no loss to draw yet")
    below = _scores_and_rates(entries)
    figure = Figure(figsize=(9, 4.6 + len(below)), layout="constrained")
    panels = figure.subplots(
        1 + len(below), 1, sharex=True, squeeze=False, height_ratios=[4] + [1] * len(below)
    )[:, 0]
    _draw_loss(entries, panels[0])
    panels[0].legend()
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    panels[0].yaxis.set_major_formatter(StrMethodFormatter("{x:.4g}"))
    panels[0].yaxis.set_minor_formatter(NullFormatter())
    for panel, (label, line) in zip(panels[1:], below.items(), strict=True):
        _draw_values(label, line, panel, color="grey", linewidth=1)
    for panel in panels:
        panel.grid(alpha=0.3)
    for panel in panels[:-1]:
        panel.set_xlabel("")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    save(figure, file)


def learning_charts(log: Log) -> list[Chart]:
    """Chart the loss, the norm of the gradient, scores, and a learning rate that varies."""
    charts = []
    if losses := series(log, "loss", above=0)[1]:
        line = smoothed(losses)
        ends = f"from {number(line[0]).text} to {number(line[-1]).text}"
        charts.append(Chart("Loss", f"Smoothed loss over steps, {ends}", partial(_draw_loss, log)))
    if norms := series(log, "gradient_norm", above=0)[1]:
        alt = f"Norm of the gradient, smoothed: {number(smoothed(norms)[-1]).text} at the end"
        charts.append(Chart("Gradient norm", alt, partial(_draw_norms, log)))
    for label, values in _scores_and_rates(log).items():
        ends = f"from {number(min(values[1])).text} to {number(max(values[1])).text}"
        draw = partial(_draw_values, label, values)
        charts.append(Chart(label.capitalize(), f"{label} over steps, {ends}", draw))
    return charts


def loss_charts(logs: Mapping[str, Sequence[Log]], baseline: str) -> list[Chart]:
    """Chart the smoothed loss of each variant over that of the baseline, from logs by variant."""
    lines: dict[str, Sequence[Curve]] = {}
    every: list[float] = []
    for variant, seeds in logs.items():
        found = [series(log, "loss", above=0) for log in seeds]
        if drawn := [(steps, smoothed(losses)) for steps, losses in found if losses]:
            lines[variant] = drawn
            every += [value for _, values in drawn for value in values]
    frame: dict[str, Any] = {"xlabel": "step", "ylabel": "loss", "yscale": "log"}
    if every:
        frame["ylim"] = (0.9 * min(every), 1.1 * max(every))
    return charts_beside(lines, baseline, "Smoothed loss over steps, one line per seed:", frame)


def series(entries: Log, name: str, above: float = -math.inf) -> tuple[list[int], list[float]]:
    """Return the steps and the values of all finite numbers that were logged under a name.

    Values up to `above` are left out: a logarithmic axis has no place for 0.

    >>> series([{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}, {"step": 3}], "loss")
    ([1], [0.5])
    """
    logged = [(entry["step"], entry.get(name)) for entry in entries]
    found = [(step, value) for step, value in logged if _is_finite(value) and value > above]
    return [step for step, _ in found], [value for _, value in found]


def late_loss(log: Log) -> float | None:
    """Return the mean loss of the last tenth of the log; None if there is none."""
    _, losses = series(log, "loss")
    late = losses[-max(1, len(losses) // 10) :]
    return sum(late) / len(late) if late else None


def smoothed(values: Sequence[float]) -> list[float]:
    """Smooth values above 0 for a learning curve."""
    return smooth(values, SMOOTHING * math.sqrt(len(values)))


def smooth(values: Sequence[float], reach: float) -> list[float]:
    """Average each value > 0 with those before and after it, weighted by exp(−distance / reach).

    The average is that of logarithms: the axis is logarithmic, and a spike weighs less. A constant,
    and an exponential away from the ends, stay as they are.
    """
    logs = [math.log(value) for value in values]
    decay = math.exp(-1 / reach)
    before, after = _decaying_sums(logs, decay), _decaying_sums(logs[::-1], decay)[::-1]
    # Both sums hold the value itself; it counts once.
    return [
        math.exp((a[0] + b[0] - own) / (a[1] + b[1] - 1))
        for a, b, own in zip(before, after, logs, strict=True)
    ]


def _decaying_sums(values: Sequence[float], decay: float) -> list[tuple[float, float]]:
    """Sum what came before, older values counting less; beside it, the sum of the weights."""
    sums, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = value + decay * total, 1 + decay * weight
        sums.append((total, weight))
    return sums


def _draw_loss(entries: Log, axes: Any) -> None:
    """Draw the loss as logged and smoothed, that of validation, and where it was not finite."""
    steps, losses = series(entries, "loss", above=0)
    line = smoothed(losses)
    marker = "o" if len(steps) <= FEW else ""
    axes.plot(steps, losses, label="loss as logged", **_FAINT)
    label = f"smoothed, {line[-1]:.3g} at the end"
    axes.plot(steps, line, color="C0", linewidth=1.8, marker=marker, label=label)
    at, validation = series(entries, "validation_loss", above=0)
    if at:
        label = f"validation, {validation[-1]:.3g} at the end"
        axes.plot(at, validation, "o", color="C1", markersize=4, label=label)
    lost = [e["step"] for e in entries if "loss" in e and not _is_finite(e["loss"])]
    if lost:
        edge = axes.get_xaxis_transform()
        axes.plot(lost, [1] * len(lost), "rx", transform=edge, clip_on=False, label="not finite")
    axes.set(xlabel="step", ylabel="loss")
    _frame(axes, losses + validation, line + validation)


def _scores_and_rates(log: Log) -> dict[str, tuple[list[int], list[float], str]]:
    """Return steps, values and markers of scores, and of learning rates if they vary, by label."""
    scores, rates = series(log, "score"), series(log, "learning_rate")
    lines = {"Fréchet distance": (*scores, "o")} if scores[0] else {}
    if len({*rates[1]}) > 1:
        lines["learning rate"] = (*rates, "")
    return lines


def _draw_values(
    label: str, line: tuple[list[int], list[float], str], axes: Any, **style: Any
) -> None:
    steps, values, marker = line
    axes.plot(steps, values, marker=marker, markersize=4, **style)
    axes.set(xlabel="step", ylabel=label, ylim=(0, None))


def _draw_norms(log: Log, axes: Any) -> None:
    steps, norms = series(log, "gradient_norm", above=0)
    axes.plot(steps, norms, label="as logged", **_FAINT)
    axes.plot(steps, smoothed(norms), color="C0", label="smoothed")
    axes.set(xlabel="step", ylabel="norm")
    _frame(axes, norms, smoothed(norms))


def _frame(axes: Any, values: Sequence[float], calm: Sequence[float]) -> None:
    """Leave spikes and the first steps outside: they would flatten everything else."""
    axes.set(yscale="log", ylim=(0.9 * min(values), 1.25 * max(calm)))


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
