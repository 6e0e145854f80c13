"""Equivariance on pages: what `jinc probe` measured of a run, and of all networks of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeAlias

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.metrics import EXACT, Column
from jinc.report.charts import Chart
from jinc.report.equivariance import (
    CURVES,
    FIGURES,
    PREDICTED,
    UNITS,
    equivariance_chart,
    in_words,
    symmetry_note,
)
from jinc.report.numbers import Number, fixed
from jinc.report.pages.cells import StudyCell
from jinc.report.pages.run_facts import RunFacts
from jinc.report.pages.score_charts import ScoreTable, score_charts, score_tables
from jinc.report.pages.sources import find, is_current, sampling_words
from jinc.train import Run

Network: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
"""Levels of noise by transform, as probe.json has them."""


@dataclass(frozen=True)
class Figure:
    """PSNR of a model, and that of an exactly equivariant denoiser, dB."""

    name: str
    db: Number
    floor: Number


@dataclass(frozen=True)
class FigureTable:
    """Figures by row and column; the first head is that of the rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True)
class ProbeSection:
    """Equivariance of a run.

    Args:
        figures: EQ-T and the like.
        charts: of the network by noise level, and of generated images by angle or distance.
        tables: the same as figures.
        measured_on: real images.
        settings: of sampling.
        caveat: how far the network is responsible.
    """

    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    tables: tuple[FigureTable, ...]
    measured_on: str
    settings: str
    caveat: str


@dataclass(frozen=True)
class StudyProbeSection:
    """Equivariance of the networks of one data set, and its differences to the baseline."""

    data: str
    tables: tuple[ScoreTable, ...]
    charts: tuple[Chart, ...]
    words: str
    floors: str
    caveat: str


def probe_section(facts: Mapping[str, Any], weights: str | None = None) -> ProbeSection:
    """Lay out the probe of a run.

    Args:
        facts: content of probe.json.
        weights: SHA-256 of the current weights of the model.
    """
    network, curves = facts.get("network") or {}, facts.get("curves") or {}
    made_with = facts.get("made_with", facts)
    by_unit = {
        unit: {CURVES.get(n, n): curve for n, curve in curves.items() if curve["unit"] == unit}
        for unit in UNITS
    }
    found = {unit: mine for unit, mine in by_unit.items() if mine}
    sampled = sampling_words(made_with, is_current(made_with, weights))
    return ProbeSection(
        tuple(
            _figure(FIGURES.get(name, name), each)
            for name, each in (facts.get("sampling") or {}).items()
        ),
        (
            *(_network_chart(network, of) for of in PREDICTED if network),
            *(_curve_chart(unit, mine) for unit, mine in found.items()),
        ),
        (
            *(_network_table(network, of) for of in PREDICTED if network),
            *(_curve_table(unit, mine) for unit, mine in found.items()),
        ),
        str(facts.get("data", "")),
        f"{facts.get('number')} images: {sampled}",
        symmetry_note(facts.get("invariant_under")),
    )


def decibels(value: float | None) -> Number:
    """Show decibels; a difference of zero is `exact`.

    >>> decibels(31.25).text, decibels(200.0).text, decibels(None).text
    ('31.2', 'exact', '–')
    """
    if value is not None and value >= EXACT:
        return Number(value, "exact")
    return fixed(value, 0 if value is not None and value >= 100 else 1)


def _figure(name: str, found: Mapping[str, float | None], of: str = "") -> Figure:
    return Figure(name, decibels(found[f"{of}db"]), decibels(found[f"{of}floor_db"]))


def _network_chart(network: Network, of: str) -> Chart:
    curves = {
        in_words(name): (
            [at["t"] for at in found],
            [at[f"{of}_db"] for at in found],
            [at[f"{of}_floor_db"] for at in found],
        )
        for name, found in network.items()
    }
    return equivariance_chart(f"Predicted {PREDICTED[of]}", curves, "t, level of noise")


def _curve_chart(unit: str, curves: Mapping[str, Mapping[str, Any]]) -> Chart:
    title, label = UNITS[unit]
    points = {name: (c["amounts"], c["db"], c["floor_db"]) for name, c in curves.items()}
    return equivariance_chart(f"Generated images {title}", points, label)


def _network_table(network: Network, of: str) -> FigureTable:
    rows = tuple(
        (f"t = {found[0]['t']}", tuple(_figure("", at, f"{of}_") for at in found))
        for found in zip(*network.values(), strict=True)
    )
    return FigureTable(
        f"Predicted {PREDICTED[of]}, dB (floor)", ("", *map(in_words, network)), rows
    )


def _curve_table(unit: str, curves: Mapping[str, Mapping[str, Any]]) -> FigureTable:
    pairs = [[*zip(c["db"], c["floor_db"], strict=True)] for c in curves.values()]
    amounts = next(iter(curves.values()))["amounts"]
    rows = tuple(
        (
            f"{amount:g} {unit}".replace("-", "−"),
            tuple(Figure("", decibels(db), decibels(floor)) for db, floor in found),
        )
        for amount, *found in zip(amounts, *pairs, strict=True)
    )
    return FigureTable("Generated images, dB (floor)", ("", *curves), rows)


def networks(cells: Sequence[StudyCell]) -> list[StudyCell]:
    """Return the first cell of every network whose run exists."""
    first = {cell.run.path: cell for cell in reversed(cells) if cell.run is not None}
    return [cell for cell in cells if cell.run is not None and first[cell.run.path] is cell]


def probe_of(run: Run) -> dict[str, Any] | None:
    """Read what `jinc probe` measured with the current weights of a run; None if nothing."""
    weights = RunFacts(run).weights
    for file in find([run.path], "probe.json"):
        facts = read_object(file)
        if is_current(facts.get("made_with", {}), weights):
            return facts
    return None


def study_probe_sections(cells: Sequence[StudyCell], baseline: str) -> list[StudyProbeSection]:
    """Lay out the probes of all networks, for each data set that has any.

    Args:
        cells: of the study.
        baseline: the variant that others are compared with.

    Raises:
        JincError: a probe cannot be read, or networks were probed with different settings.
    """
    return [_study_section(facts, baseline) for facts in equivariance_facts(cells, baseline)]


def equivariance_facts(cells: Sequence[StudyCell], baseline: str) -> list[dict[str, Any]]:
    """Gather the probes of all networks, compared with the baseline, ready for JSON.

    Returns:
        For each data set with probes: columns as in `table.json`, dB; floors by column; images,
        sampling, and the symmetries of the data.

    Raises:
        JincError: a probe cannot be read, or networks were probed with different settings.
    """
    probed = [
        (cell, facts)
        for cell in networks(cells)
        if cell.run is not None and (facts := probe_of(cell.run)) is not None
    ]
    return [
        _facts_of_data(data, [each for each in probed if each[0].data == data], baseline)
        for data in dict.fromkeys(cell.data for cell, _ in probed)
    ]


def _facts_of_data(
    data: str, probed: Sequence[tuple[StudyCell, dict[str, Any]]], baseline: str
) -> dict[str, Any]:
    reference, first = probed[0]
    values: dict[str, dict[str, dict[int, float]]] = {}
    floors: dict[str, float] = {}
    for cell, facts in probed:
        if _settings(facts) != _settings(first):
            raise JincError(
                f"{data}: {cell.variant} {cell.seed} and {reference.variant} {reference.seed} were "
                "probed with different settings; delete one probe.json and run --probe again"
            )
        try:
            figures = _means(facts)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            reason = f"its probe.json is not what jinc probe writes ({error!r})"
            raise JincError(f"{cell.run and cell.run.path}: {reason}") from None
        for name, (db, floor) in figures.items():
            values.setdefault(name, {}).setdefault(cell.variant, {})[cell.seed] = db
            floors[name] = floor
    made = first.get("made_with", first)
    columns = [
        Column.of(data, name, f"{name}, dB", False, by_variant, baseline).facts()
        for name, by_variant in values.items()
    ]
    return {
        "data": data,
        "measured_on": str(first.get("data", "")),
        "number": first.get("number"),
        "made_with": {name: made[name] for name in made if name != "weights"},
        "invariant_under": first.get("invariant_under"),
        "floors": floors,
        "columns": columns,
    }


def _study_section(facts: Mapping[str, Any], baseline: str) -> StudyProbeSection:
    columns = facts["columns"]
    sampled = sampling_words(facts["made_with"], True)
    return StudyProbeSection(
        facts["data"],
        tuple(score_tables(columns)),
        tuple(chart for column in columns for chart in score_charts(column, baseline)),
        f"{facts['measured_on']}, {facts['number']} images of each network: {sampled}",
        "; ".join(f"{name} {decibels(floor).text}" for name, floor in facts["floors"].items()),
        symmetry_note(facts["invariant_under"]),
    )


def _settings(facts: Mapping[str, Any]) -> list[Any]:
    """Return what has to be equal for figures to be comparable."""
    return [facts.get(name) for name in ("data", "number", "sampler", "eta", "steps", "seed")]


def _means(facts: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return figures and floors of generated images, and of the network averaged over levels."""
    sampling = {
        FIGURES.get(name, name): (found["db"], found["floor_db"])
        for name, found in (facts.get("sampling") or {}).items()
    }
    network = {
        f"predicted images, {in_words(name)}": (
            fmean(at["x0_db"] for at in levels),
            fmean(at["x0_floor_db"] for at in levels),
        )
        for name, levels in (facts.get("network") or {}).items()
        if levels
    }
    known = (sampling | network).items()
    return {name: (db, floor) for name, (db, floor) in known if db is not None}
