"""What `jinc probe` has found out, in tables and words."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from jinc.metrics import AtLevel, Curve, Probe
from jinc.report import CURVES, FIGURES, beside, held_against, in_words

WIDTH = 96
"""Columns that the tables need, whatever the terminal has."""


def print_findings(found: Probe, symmetries: Sequence[str] | None) -> None:
    """Print every figure with its floor in brackets, and how far it can be held against a model.

    Args:
        found: the figures.
        symmetries: moves that the data are invariant under; None where that is not known.
    """
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    if found.network:
        _print_levels(console, "predicted noise, dB (floor)", found.network, "eps")
        _print_levels(console, "predicted clean images, dB (floor)", found.network, "x0")
    for name, figure in found.sampling.items():
        console.print(f"{FIGURES[name]}: {beside(figure.db, figure.floor_db)} dB", soft_wrap=True)
    if found.sampling and "eq_t_frac_stylegan3" not in found.sampling:
        console.print("as StyleGAN3 measures them: images are too small for its filters")
    for unit in ("degrees", "pixels"):
        curves = {CURVES[n]: curve for n, curve in found.curves.items() if curve.unit == unit}
        if curves:
            _print_curves(console, unit, curves)
    floor = "floor: what an exactly equivariant denoiser reaches; the grid, the clipping and the "
    console.print(f"{floor}moving take the rest", soft_wrap=True)
    console.print(held_against(symmetries), soft_wrap=True)


def _print_levels(
    console: Console, title: str, network: Mapping[str, Sequence[AtLevel]], of: str
) -> None:
    """Print a row for each level, and a column for each move."""
    rows = [
        [
            str(levels[0].t),
            *(beside(getattr(at, f"{of}_db"), getattr(at, f"{of}_floor_db")) for at in levels),
        ]
        for levels in zip(*network.values(), strict=True)
    ]
    _print_table(console, title, ["t", *map(in_words, network)], rows)


def _print_curves(console: Console, unit: str, curves: Mapping[str, Curve]) -> None:
    """Print a row for each amount, and a column for each curve."""
    amounts = next(iter(curves.values())).amounts
    columns = [map(beside, curve.db, curve.floor_db) for curve in curves.values()]
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
