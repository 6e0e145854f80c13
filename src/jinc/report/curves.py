"""How training went in one picture: the loss, scores if any, the learning rate if it varies."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from jinc.errors import JincError
from jinc.files import writing

SMOOTHING = 0.25
"""How far the smoothed line of n entries looks to either side, in √n entries: the more there are,
the calmer it gets, and the less of the run it blurs."""

FEW = 10
"""Up to so many entries are drawn as points too: a line through one shows nothing."""


def plot_learning_curve(entries: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Draw the loss of a run, as logged and smoothed.

    Args:
        entries: of `log.jsonl`, in order: `step`, and `loss`, `validation_loss`, `score` and
            `learning_rate` where they are known. A loss that was not finite is marked at the upper
            edge.
        file: the PNG to write.

    Raises:
        JincError: there is no loss to draw, or the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    if not series(entries, "loss", above=0)[0]:
        raise JincError(f"{file}: the log has no loss to draw yet")
    rates, scores = series(entries, "learning_rate"), series(entries, "score")
    below = [("learning rate", rates, "")] if len(set(rates[1])) > 1 else []
    below = [("Fréchet distance", scores, "o")] * bool(scores[0]) + below

    figure = Figure(figsize=(9, 4.6 + len(below)), layout="constrained")
    panels = figure.subplots(
        1 + len(below), 1, sharex=True, squeeze=False, height_ratios=[4] + [1] * len(below)
    )[:, 0]
    _draw_losses(panels[0], entries)
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    panels[0].yaxis.set_major_formatter(StrMethodFormatter("{x:.4g}"))
    panels[0].yaxis.set_minor_formatter(NullFormatter())
    for panel, (name, values, marker) in zip(panels[1:], below, strict=True):
        panel.plot(*values, color="grey", linewidth=1, marker=marker, markersize=4)
        panel.set(ylabel=name, ylim=(0, None))
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    with writing(file) as out:
        figure.savefig(out, format="png", dpi=110)


def series(
    entries: Sequence[Mapping[str, Any]], name: str, above: float = -math.inf
) -> tuple[list[int], list[float]]:
    """Pick what was logged under a name, where it is a finite number.

    Args:
        entries: of `log.jsonl`.
        name: such as `loss`.
        above: leave out what is not above this; a logarithmic axis has no place for 0.

    Returns:
        Its steps and its values.

    >>> series([{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}, {"step": 3}], "loss")
    ([1], [0.5])
    """
    logged = [(entry["step"], entry.get(name)) for entry in entries]
    found = [(step, value) for step, value in logged if _is_finite(value) and value > above]
    return [step for step, _ in found], [value for _, value in found]


def smooth(values: Sequence[float], reach: float) -> list[float]:
    """Average each value with those before and after it, weighed by exp(−distance / reach).

    It is their logarithms that are averaged: the axis is logarithmic, and a spike weighs less.

    Args:
        values: above 0.
        reach: in entries, > 0.

    Returns:
        As many values; a constant, and an exponential away from the ends, stay as they are.
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


def _draw_losses(axes: Any, entries: Sequence[Mapping[str, Any]]) -> None:
    steps, losses = series(entries, "loss", above=0)
    smoothed = smooth(losses, SMOOTHING * math.sqrt(len(losses)))
    marker = "o" if len(steps) <= FEW else ""
    axes.plot(steps, losses, color="C0", alpha=0.35, linewidth=0.8, label="loss as logged")
    label = f"smoothed, {smoothed[-1]:.3g} at the end"
    axes.plot(steps, smoothed, color="C0", linewidth=1.8, marker=marker, label=label)
    at, validation = series(entries, "validation_loss", above=0)
    if at:
        label = f"validation, {validation[-1]:.3g} at the end"
        axes.plot(at, validation, "o", color="C1", markersize=4, label=label)
    lost = [e["step"] for e in entries if "loss" in e and not _is_finite(e["loss"])]
    if lost:
        edge = axes.get_xaxis_transform()
        axes.plot(lost, [1] * len(lost), "rx", transform=edge, clip_on=False, label="not finite")
    # One spike, or the first steps, would press everything else flat: they leave the frame.
    limits = 0.9 * min(losses + validation), 1.25 * max(smoothed + validation)
    axes.set(yscale="log", ylabel="loss", ylim=limits)
    axes.grid(alpha=0.3)
    axes.legend()


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
