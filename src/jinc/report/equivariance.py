"""Equivariance to shifts, rotations and flips: names of measures, plots and charts."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from jinc.errors import JincError
from jinc.metrics import EXACT, AtLevel, Curve
from jinc.report.charts import Chart, save

ROUNDING = 80.0
"""Decibels above which only rounding differs: shown, they would flatten everything else."""

FIGURES = {
    "eq_t": "EQ-T, shifts by whole pixels",
    "eq_t_frac": "EQ-T frac, shifts by any distance, by Fourier",
    "eq_t_frac_stylegan3": "EQ-T frac, shifts by any distance, as StyleGAN3 measures it",
    "eq_r": "EQ-R, rotations by any angle, within a disc of frequencies",
    "eq_r_stylegan3": "EQ-R, rotations by any angle, as StyleGAN3 measures it",
}
"""Figures of generated images; those of StyleGAN3 compare with figures published elsewhere."""

CURVES = {
    "turned_on_the_way_unitary": "rotated during sampling",
    "turned_on_the_way_spline": "rotated during sampling, by splines",
    "turned_at_the_start": "rotated as noise",
    "shifted_on_the_way": "shifted during sampling",
}
"""Names of curves."""

UNITS = {
    "degrees": ("by angle", "rotation, degrees counter-clockwise"),
    "pixels": ("by distance", "shift, pixels down and right"),
}
"""End of a title and label of the axis, by the unit of a curve."""

PREDICTED = {"eps": "noise", "x0": "clean images"}

_SYMMETRIES = {
    "shift-invariant": ("half_pixel", "shift"),
    "rotation-invariant": ("rotation", "quarter_turns"),
    "flip-invariant": ("flip",),
}
_EQ = {"EQ-T": "shift", "EQ-R": "rotation"}

Points: TypeAlias = tuple[Sequence[float], Sequence[float | None], Sequence[float | None]]
"""Where a curve was measured, PSNR there and that of its floor, dB; None is not finite."""


def symmetry_note(symmetries: Sequence[str] | None) -> str:
    """Say which figures the network alone is responsible for.

    Args:
        symmetries: transforms that the data are invariant under; None if unknown.
    """
    if symmetries is None:
        return (
            "the symmetries of the data are not known: if the data are not invariant, a low figure "
            "is not the fault of the network alone"
        )
    absent = [name for name, moves in _SYMMETRIES.items() if not {*moves} <= {*symmetries}]
    if not absent:
        return (
            "the data are shift-, rotation- and flip-invariant: a low figure is the fault of the "
            "network"
        )
    low = [in_words(m) for moves in _SYMMETRIES.values() for m in moves if m not in symmetries]
    low += [figure for figure, move in _EQ.items() if move not in symmetries]
    names = f"{', '.join(absent[:-1])} or {absent[-1]}" if absent[1:] else absent[0]
    return (
        f"the data were not made {names}: a low figure of {', '.join(low)} may not be the fault of "
        "the network alone"
    )


def in_words(name: str) -> str:
    """Return the name of a transform or a curve for a reader."""
    return "half a pixel" if name == "half_pixel" else name.replace("_", " ")


def decibels_in_words(db: float) -> str:
    """Round decibels; a difference of zero is `exact`.

    >>> decibels_in_words(31.25), decibels_in_words(200.0), decibels_in_words(float("nan"))
    ('31.2', 'exact', 'not finite')
    """
    if math.isnan(db):
        return "not finite"
    return "exact" if db >= EXACT else f"{db:.1f}"


def with_floor(db: float, floor_db: float) -> str:
    """Return a figure with its floor in brackets, a high floor without decimals.

    >>> with_floor(31.25, 200.0), with_floor(31.25, 138.4)
    ('31.2 (exact)', '31.2 (138)')
    """
    floor = f"{floor_db:.0f}" if 100 <= floor_db < EXACT else decibels_in_words(floor_db)
    return f"{decibels_in_words(db)} ({floor})"


def plot_levels(network: Mapping[str, Sequence[AtLevel]], file: Path) -> None:
    """Plot the equivariance of a network over the noise level, by transform; floors are dashed."""
    if not any(network.values()):
        raise JincError(f"{file}: there is no level to draw")
    figure, panels = _figure((12, 4.6), len(PREDICTED))
    for axes, (of, title) in zip(panels, PREDICTED.items(), strict=True):
        for place, (name, levels) in enumerate(network.items()):
            t = [at.t for at in levels]
            db = [getattr(at, f"{of}_db") for at in levels]
            floor = [getattr(at, f"{of}_floor_db") for at in levels]
            _draw(axes, (t, db, floor), f"C{place}", name.replace("_", " "))
        axes.set(xlabel="t, level of noise", title=f"predicted {title}")
    _finish(figure, panels, file)


def plot_curves(curves: Mapping[str, Curve], file: Path) -> None:
    """Plot the equivariance of sampling over the angle or the distance; floors are dashed.

    Args:
        curves: of one unit, by name, as `metrics.probe` returns them.
        file: the PNG to write.
    """
    from matplotlib.ticker import MultipleLocator

    units = {curve.unit for curve in curves.values()}
    if len(units) != 1:
        raise JincError(f"{file}: curves need one unit, not {len(units)}")
    figure, (axes,) = _figure((10, 4.6))
    for place, (name, curve) in enumerate(curves.items()):
        _draw(axes, (curve.amounts, curve.db, curve.floor_db), f"C{place}", name)
    (unit,) = units
    axes.set_xlabel(UNITS[unit][1] if unit in UNITS else unit)
    if unit == "degrees":
        axes.xaxis.set_major_locator(MultipleLocator(30))
    _finish(figure, [axes], file)


def plot_error(radii: Sequence[float], errors: Mapping[str, Sequence[float]], file: Path) -> None:
    """Plot the PSNR of operators over the distance from the centre.

    Args:
        radii: in halves of the side, `[R]`, rising.
        errors: PSNR by operator, dB, `[R]`, as `signal.error_by_radius` returns it.
        file: the PNG to write.
    """
    for name, values in errors.items():
        if len(values) != len(radii):
            raise JincError(f"{name}: {len(values)} values for {len(radii)} radii")
    figure, (axes,) = _figure((10, 4.6))
    for name, values in errors.items():
        axes.plot(radii, values, marker="o", markersize=3, label=name)
    axes.set(xlabel="radius, halves of the side", ylabel="PSNR, dB", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, file)


def equivariance_chart(title: str, curves: Mapping[str, Points], label: str) -> Chart:
    """Chart PSNR with a dashed floor for each curve; figures above the frame are marked."""

    def draw(axes: Any) -> None:
        for place, (name, points) in enumerate(curves.items()):
            x, *both = points
            db, floor = ([math.nan if y is None else y for y in each] for each in both)
            _draw(axes, (x, db, floor), f"C{place % 6}", name)
        _frame([axes])
        axes.set(xlabel=label, ylabel="PSNR, dB")

    spans = [
        f"{name} {decibels_in_words(min(known))} to {decibels_in_words(max(known))} dB"
        for name, (_, db, _) in curves.items()
        if (known := [each for each in db if each is not None])
    ]
    return Chart(title, f"{title}: {'; '.join(spans)}", draw)


def _figure(size: tuple[float, float], panels: int = 1) -> tuple[Any, Sequence[Any]]:
    """Return a figure of so many inches, and its panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(1, panels, sharey=True, squeeze=False)[0]


def _draw(axes: Any, points: Points, colour: str, label: str) -> None:
    x, db, floor = points
    axes.plot(x, db, color=colour, marker="o", markersize=3.5, label=label)
    axes.plot(x, floor, "--", color=colour, linewidth=1, alpha=0.7)


def _frame(panels: Sequence[Any]) -> tuple[float, float]:
    """Frame the figures of models, mark those above; return the upper end and the highest floor."""
    models, floors = (
        [
            y
            for axes in panels
            for line in axes.lines[first::2]
            for y in line.get_ydata()
            if math.isfinite(y)
        ]
        for first in (0, 1)
    )
    top = 1.1 * max([y for y in [*models, *floors] if y < ROUNDING] or [10, *models])
    for axes in panels:
        _mark_above(axes, top)
        axes.set_ylim(min([0, *models]), top)
    return top, max(floors, default=0)


def _finish(figure: Any, panels: Sequence[Any], file: Path) -> None:
    """Frame the figures, explain floors and marks in the legend, and write."""
    named, lines = panels[0].lines[::2], sum(len(axes.lines) for axes in panels)
    top, floor = _frame(panels)
    marked = sum(len(axes.lines) for axes in panels) > lines
    for axes in panels:
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("PSNR, dB")
    label = f"floor: exactly\nequivariant denoiser,\nup to {floor:.0f} dB"
    named += panels[0].plot([], [], "--", color="grey", linewidth=1, label=label)
    if marked:
        named += panels[0].plot([], [], "^", color="grey", label=f"above {top:.0f} dB")
    figure.legend(handles=named, fontsize=9, loc="outside right upper")
    save(figure, file)


def _mark_above(axes: Any, top: float) -> None:
    edge = axes.get_xaxis_transform()
    for line in axes.lines[::2]:
        x = [at for at, y in zip(*line.get_data(), strict=True) if y > top]
        if x:  # a line of no points that is not clipped would confuse the layout
            colour = line.get_color()
            axes.plot(x, [1] * len(x), "^", color=colour, transform=edge, clip_on=False)
