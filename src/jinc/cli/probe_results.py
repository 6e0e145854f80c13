"""Results of `jinc probe`: printed tables, probe.json and plots."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from torch import Tensor

from jinc.cli.provenance import begin_results
from jinc.files import write_json
from jinc.metrics import AtLevel, Curve, Probe
from jinc.report import (
    CURVES,
    FIGURES,
    in_words,
    plot_curves,
    plot_levels,
    plot_turns,
    symmetry_note,
    with_floor,
)
from jinc.signal import rotate

FACTS = "probe.json"
FILES = (FACTS, "levels.png", "angles.png", "shifts.png", "turned.png")

WIDTH = 96
"""Minimum width of the tables, columns."""


def print_probe(found: Probe, symmetries: Sequence[str] | None) -> None:
    """Print every figure with its floor in brackets, and how far the network is responsible.

    Args:
        found: the figures.
        symmetries: transforms that the data are invariant under; None if unknown.
    """
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    if found.network:
        _print_levels(console, "predicted noise, dB (floor)", found.network, "eps")
        _print_levels(console, "predicted clean images, dB (floor)", found.network, "x0")
    for name, figure in found.sampling.items():
        console.print(
            f"{FIGURES[name]}: {with_floor(figure.db, figure.floor_db)} dB", soft_wrap=True
        )
    if found.sampling and "eq_t_frac_stylegan3" not in found.sampling:
        console.print("no figures by StyleGAN3's operators: images are too small for its filters")
    for unit in ("degrees", "pixels"):
        if curves := _curves(found, unit):
            _print_curves(console, unit, curves)
    floor = "floor: that of an exactly equivariant denoiser, due to the pixel grid, clipping and "
    console.print(f"{floor}the transform itself", soft_wrap=True)
    console.print(symmetry_note(symmetries), soft_wrap=True)


def write_probe(
    out: Path, facts: dict[str, Any], found: Probe, moved: Mapping[str, list[Tensor]]
) -> None:
    """Write probe.json and plots.

    Args:
        out: the folder.
        facts: content of probe.json.
        found: the figures.
        moved: the first generated image by curve, for each of its amounts.
    """
    plots: dict[str, Callable[[Path], object]] = {}
    if found.network:
        plots["levels.png"] = partial(plot_levels, found.network)
    for unit, name in (("degrees", "angles.png"), ("pixels", "shifts.png")):
        if curves := _curves(found, unit):
            plots[name] = partial(plot_curves, curves)
    if "turned_on_the_way_unitary" in moved:
        angles = found.curves["turned_on_the_way_unitary"].amounts
        plots["turned.png"] = partial(_plot_rotations, angles, moved)
    begin_results(out, "measurements", facts["made_with"], [FACTS, *plots])
    write_json(out / FACTS, facts)
    for name, plot in plots.items():
        plot(out / name)


def _curves(found: Probe, unit: str) -> dict[str, Curve]:
    return {CURVES[n]: curve for n, curve in found.curves.items() if curve.unit == unit}


def _plot_rotations(angles: Sequence[float], moved: Mapping[str, list[Tensor]], file: Path) -> None:
    """Plot an image rotated during sampling, by every second angle, and rotated after sampling."""
    unitary, spline = (moved[f"turned_on_the_way_{each}"] for each in ("unitary", "spline"))
    still = unitary[angles.index(0.0)]
    shown = [place for place, angle in enumerate(angles) if angle and place % 2 == 0]
    radians = torch.tensor([angles[place] for place in shown], dtype=torch.float64).deg2rad()
    rows = {
        "after sampling": rotate(still.expand(len(shown), *still.shape), radians),
        "during sampling": torch.stack([unitary[place] for place in shown]),
        "during, by splines": torch.stack([spline[place] for place in shown]),
    }
    plot_turns(still, rows, [f"{angles[place]:g}°".replace("-", "−") for place in shown], file)


def _print_levels(
    console: Console, title: str, network: Mapping[str, Sequence[AtLevel]], of: str
) -> None:
    """Print a row for each noise level, and a column for each transform."""
    rows = [
        [
            str(levels[0].t),
            *(with_floor(getattr(at, f"{of}_db"), getattr(at, f"{of}_floor_db")) for at in levels),
        ]
        for levels in zip(*network.values(), strict=True)
    ]
    _print_table(console, title, ["t", *map(in_words, network)], rows)


def _print_curves(console: Console, unit: str, curves: Mapping[str, Curve]) -> None:
    """Print a row for each amount, and a column for each curve."""
    amounts = next(iter(curves.values())).amounts
    columns = [map(with_floor, curve.db, curve.floor_db) for curve in curves.values()]
    rows = [[f"{amount:g}", *figures] for amount, *figures in zip(amounts, *columns, strict=True)]
    _print_table(console, "generated images, dB (floor)", [unit, *curves], rows)


def _print_table(
    console: Console, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    table = Table(title=title, box=SIMPLE, padding=(0, 1), title_justify="left")
    for name in head:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
