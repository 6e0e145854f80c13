"""How well a model follows moves, in pictures: at each level of noise, and over distances."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.files import writing
from jinc.metrics import AtLevel, Curve

ROUNDING = 80.0
"""Decibels from which a difference is so faint that it would only press the others flat."""

_UNITS = {
    "degrees": "turned by, degrees counter-clockwise",
    "pixels": "shifted by, pixels down and right",
}


def plot_levels(network: Mapping[str, Sequence[AtLevel]], file: Path) -> None:
    """Draw how well a network follows moves at each level of noise; the floors are dashed.

    Args:
        network: from the names of moves to their levels, as of `metrics.probe`.
        file: the PNG to write.

    Raises:
        JincError: there is nothing to draw, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    if not any(network.values()):
        raise JincError(f"{file}: there is no level to draw")
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, of, title in zip(panels, ("eps", "x0"), ("noise", "clean images"), strict=True):
        for place, (name, levels) in enumerate(network.items()):
            t = [at.t for at in levels]
            db = [getattr(at, f"{of}_db") for at in levels]
            floor = [getattr(at, f"{of}_floor_db") for at in levels]
            _draw(axes, t, db, floor, f"C{place}", name.replace("_", " "))
        axes.set(xlabel="t, level of noise", title=f"predicted {title}")
    _finish(figure, panels, file)


def plot_curves(curves: Mapping[str, Curve], file: Path) -> None:
    """Draw how well what is generated follows, by how far it is moved; the floors are dashed.

    Args:
        curves: from their names to curves of one unit, as of `metrics.probe`.
        file: the PNG to write.

    Raises:
        JincError: there is nothing to draw, units differ, or the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator

    units = {curve.unit for curve in curves.values()}
    if len(units) != 1:
        raise JincError(f"{file}: curves need one unit, not {len(units)}")
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    for place, (name, curve) in enumerate(curves.items()):
        _draw(axes, curve.amounts, curve.db, curve.floor_db, f"C{place}", name)
    (unit,) = units
    axes.set_xlabel(_UNITS.get(unit, unit))
    if unit == "degrees":
        axes.xaxis.set_major_locator(MultipleLocator(30))
    _finish(figure, [axes], file)


def _draw(
    axes: Any,
    x: Sequence[float],
    db: Sequence[float],
    floor_db: Sequence[float],
    color: str,
    label: str,
) -> None:
    """Draw a model's line and its floor."""
    axes.plot(x, db, color=color, marker="o", markersize=3.5, label=label)
    axes.plot(x, floor_db, "--", color=color, linewidth=1, alpha=0.7)


def _finish(figure: Any, panels: Sequence[Any], file: Path) -> None:
    """Frame the models' figures, say what is beyond the frame, and write."""
    named = panels[0].lines[::2]
    models = [line for axes in panels for line in axes.lines[::2]]
    heights = [y for line in models for y in line.get_ydata() if math.isfinite(y)]
    floors = [y for axes in panels for line in axes.lines[1::2] for y in line.get_ydata()]
    top = 1.1 * max([y for y in [*heights, *floors] if y < ROUNDING] or [10, *heights])
    marked = [_mark_beyond(axes, top) for axes in panels]
    for axes in panels:
        axes.set_ylim(min([0, *heights]), top)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("PSNR, dB")
    most = max((y for y in floors if math.isfinite(y)), default=0)
    label = f"floor: exactly\nequivariant denoiser,\nup to {most:.0f} dB"
    named += panels[0].plot([], [], "--", color="grey", linewidth=1, label=label)
    if any(marked):
        named += panels[0].plot([], [], "^", color="grey", label=f"above {top:.0f} dB")
    figure.legend(handles=named, fontsize=9, loc="outside right upper")
    with writing(file) as out:
        figure.savefig(out, format="png", dpi=110)


def _mark_beyond(axes: Any, top: float) -> bool:
    """Mark at the upper edge where a model's line is beyond it, and tell whether there is such."""
    edge, found = axes.get_xaxis_transform(), False
    for line in axes.lines[::2]:
        x = [at for at, y in zip(*line.get_data(), strict=True) if y > top]
        found = found or bool(x)
        if x:  # a line of no points that is not clipped would confuse the layout
            color = line.get_color()
            axes.plot(x, [1] * len(x), "^", color=color, transform=edge, clip_on=False)
    return found
