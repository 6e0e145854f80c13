"""What a probe has found out, as figures, charts and tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.metrics import EXACT
from jinc.report.equivariance import ROUNDING
from jinc.report.pages.found import is_current, made_words
from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.numbers import Number, fixed
from jinc.report.pages.ticks import Axis, axis, tight
from jinc.report.probe_words import CURVES, FIGURES, held_against, in_words

_UNITS = {
    "degrees": ("by the angle", "turned by, degrees counter-clockwise"),
    "pixels": ("by the distance", "shifted by, pixels down and right"),
}


@dataclass(frozen=True)
class Against:
    """A figure and its floor.

    Args:
        name: what was measured.
        db: of the model.
        floor: of an exactly equivariant denoiser.
    """

    name: str
    db: Number
    floor: Number


@dataclass(frozen=True)
class FigureTable:
    """Figures with their floors.

    Args:
        title: of the table.
        heads: of its columns; the first is that of the rows.
        rows: the name of each, and its figures.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Against, ...]], ...]


@dataclass(frozen=True)
class Equivariance:
    """What a page says of a probe.

    Args:
        figures: EQ-T and the like.
        charts: of the network by noise, and of generated images by how far they are moved.
        tables: the same in figures.
        measured_on: which images.
        settings: how they were generated.
        caveat: how far it can be held against the model.
    """

    figures: tuple[Against, ...]
    charts: tuple[LineChart, ...]
    tables: tuple[FigureTable, ...]
    measured_on: str
    settings: str
    caveat: str


def equivariance(facts: Mapping[str, Any], weights: str | None = None) -> Equivariance:
    """Read what `jinc probe` wrote.

    Args:
        facts: of probe.json.
        weights: SHA-256 of those that the model has now.
    """
    network, curves = facts.get("network") or {}, facts.get("curves") or {}
    figures = tuple(
        _against(FIGURES.get(name, name), found)
        for name, found in (facts.get("sampling") or {}).items()
    )
    made_with = facts.get("made_with", facts)
    settings = f"{facts.get('number')} images: "
    settings += made_words(made_with, is_current(made_with, weights))
    return Equivariance(
        figures,
        (*_network_charts(network), *_curve_charts(curves)),
        (*_network_tables(network), *_curve_tables(curves)),
        str(facts.get("data", "")),
        settings,
        held_against(facts.get("invariant_under")),
    )


def decibels(value: float | None) -> Number:
    """Show decibels, and no difference at all as a word.

    >>> decibels(31.25).text, decibels(200.0).text, decibels(None).text
    ('31.2', 'exact', '–')
    """
    if value is not None and value >= EXACT:
        return Number(value, "exact")
    return fixed(value, 0 if value is not None and value >= 100 else 1)


def _against(name: str, found: Mapping[str, float | None], of: str = "") -> Against:
    return Against(name, decibels(found[f"{of}db"]), decibels(found[f"{of}floor_db"]))


def _network_charts(network: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[LineChart]:
    """Draw how well a network follows, by the level of noise."""
    if not network:
        return []
    levels = [at["t"] for found in network.values() for at in found]
    x = tight("t, level of noise", min(levels), max(levels) + (len({*levels}) == 1))
    charts = []
    for of, what in (("eps", "noise"), ("x0", "clean images")):
        series = {
            in_words(name): (
                [at["t"] for at in found],
                [at[f"{of}_db"] for at in found],
                [at[f"{of}_floor_db"] for at in found],
            )
            for name, found in network.items()
        }
        charts.append(_chart(f"The network’s predicted {what}", series, x))
    return charts


def _curve_charts(curves: Mapping[str, Mapping[str, Any]]) -> list[LineChart]:
    """Draw how well generated images follow, by how far they are moved."""
    charts = []
    for unit, (title, label) in _UNITS.items():
        series = {
            CURVES.get(name, name): (curve["amounts"], curve["db"], curve["floor_db"])
            for name, curve in curves.items()
            if curve["unit"] == unit
        }
        amounts = [amount for each in series.values() for amount in each[0]]
        if amounts:
            x = tight(label, min(amounts), max(amounts) + (len({*amounts}) == 1), most=7)
            charts.append(_chart(f"Generated images, {title}", series, x))
    return charts


def _chart(
    title: str, series: Mapping[str, tuple[Sequence[float], Sequence[Any], Sequence[Any]]], x: Axis
) -> LineChart:
    """Draw a line and a dashed floor for each name; what is exact leaves the frame."""
    lines: list[Line] = []
    for colour, (name, (at, db, floor)) in enumerate(series.items()):
        lines.append(Line("", at, _numbers(floor), colour % 6, "dashed"))
        lines.append(Line(name, at, _numbers(db), colour % 6))
    heights = [y for line in lines for y in line.y if y < ROUNDING]
    y = axis("PSNR, dB", heights or [0.0, 10.0], zero=True)
    seen = [(line.name, [v for v in line.y if math.isfinite(v)]) for line in lines if line.name]
    spans = [
        f"{name} {decibels(min(values)).text} to {decibels(max(values)).text} dB"
        for name, values in seen
        if values
    ]
    return line_chart(title, f"{title}: {'; '.join(spans)}", lines, x, y)


def _network_tables(network: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[FigureTable]:
    tables = []
    for of, what in (("eps", "Predicted noise"), ("x0", "Predicted clean images")):
        rows = tuple(
            (f"t = {found[0]['t']}", tuple(_against("", at, f"{of}_") for at in found))
            for found in zip(*network.values(), strict=True)
        )
        if rows:
            heads = ("", *map(in_words, network))
            tables.append(FigureTable(f"{what}, dB (floor)", heads, rows))
    return tables


def _curve_tables(curves: Mapping[str, Mapping[str, Any]]) -> list[FigureTable]:
    tables = []
    for unit in _UNITS:
        mine = {CURVES.get(n, n): curve for n, curve in curves.items() if curve["unit"] == unit}
        if not mine:
            continue
        pairs = [[*zip(c["db"], c["floor_db"], strict=True)] for c in mine.values()]
        amounts = next(iter(mine.values()))["amounts"]
        rows = tuple(
            (
                f"{amount:g} {unit}".replace("-", "−"),
                tuple(Against("", decibels(db), decibels(floor)) for db, floor in found),
            )
            for amount, *found in zip(amounts, *pairs, strict=True)
        )
        tables.append(FigureTable("Generated images, dB (floor)", ("", *mine), rows))
    return tables


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
