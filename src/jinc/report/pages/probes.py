"""Equivariance on pages: what `jinc probe` measured of a run, and of all networks of a study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.metrics import EXACT, Column
from jinc.report.charts import Chart
from jinc.report.equivariance import (
    CURVES,
    FIGURES,
    PREDICTED,
    UNITS,
    Points,
    equivariance_chart,
    in_words,
    symmetry_note,
)
from jinc.report.numbers import Number, Pair, fixed
from jinc.report.pages.cells import StudyCell
from jinc.report.pages.run_facts import RunFacts
from jinc.report.pages.score_charts import ScoreTable, score_charts, score_tables
from jinc.report.pages.sources import find, is_current, sampling_words
from jinc.train import Run


@dataclass(frozen=True)
class FigureTable:
    """PSNR of a model and that of an exactly equivariant denoiser, dB, by row and column."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Pair, ...]], ...]


@dataclass(frozen=True)
class ProbeSection:
    """Equivariance of a run, or of the networks of one data set of a study.

    Args:
        charts: of figures, by noise level, angle or distance; or by variant.
        tables: the same as figures.
        words: images that it was measured on, and settings of sampling.
        caveat: how far the network is responsible.
        floors: of an exactly equivariant denoiser, for a study.
        figures: EQ-T and the like, for a run.
    """

    charts: tuple[Chart, ...]
    tables: tuple[FigureTable | ScoreTable, ...]
    words: str
    caveat: str
    floors: str = ""
    figures: tuple[tuple[str, tuple[Pair]], ...] = ()


class _Group(NamedTuple):
    """Curves of one chart."""

    title: str
    axis: str
    row: str
    curves: dict[str, Points]


def probe_section(facts: Mapping[str, Any], weights: str | None = None) -> ProbeSection:
    """Lay out the content of probe.json; `weights` is the SHA-256 of the current model."""
    made_with, groups = facts.get("made_with", facts), [*_groups(facts)]
    sampled = sampling_words(made_with, is_current(made_with, weights))
    figures = (
        (FIGURES.get(name, name), (_pair(found["db"], found["floor_db"]),))
        for name, found in (facts.get("sampling") or {}).items()
    )
    return ProbeSection(
        tuple(equivariance_chart(group.title, group.curves, group.axis) for group in groups),
        tuple(map(_table, groups)),
        f"{facts.get('data', '')}; {facts.get('number')} images: {sampled}",
        symmetry_note(facts.get("invariant_under")),
        figures=tuple(figures),
    )


def decibels(value: float | None) -> Number:
    """Show decibels; a difference of zero is `exact`.

    >>> decibels(31.25).text, decibels(200.0).text, decibels(None).text
    ('31.2', 'exact', '–')
    """
    if value is not None and value >= EXACT:
        return Number(value, "exact")
    return fixed(value, 0 if value is not None and value >= 100 else 1)


def _pair(db: float | None, floor: float | None) -> Pair:
    return decibels(db), decibels(floor)


def _groups(facts: Mapping[str, Any]) -> Iterator[_Group]:
    """Yield curves of the network by noise level, and of generated images by angle or distance."""
    network, curves = facts.get("network") or {}, facts.get("curves") or {}
    for of, title in PREDICTED.items() if network else ():
        names = ("t", f"{of}_db", f"{of}_floor_db")
        lines: dict[str, Any] = {
            in_words(n): [[at[name] for at in levels] for name in names]
            for n, levels in network.items()
        }
        yield _Group(f"Predicted {title}", "t, level of noise", "t = {}", lines)
    for unit, (title, axis) in UNITS.items():
        lines = {
            CURVES.get(n, n): (curve["amounts"], curve["db"], curve["floor_db"])
            for n, curve in curves.items()
            if curve["unit"] == unit
        }
        if lines:
            yield _Group(f"Generated images {title}", axis, f"{{:g}} {unit}", lines)


def _table(group: _Group) -> FigureTable:
    columns = [[_pair(*each) for each in zip(*c[1:], strict=True)] for c in group.curves.values()]
    amounts = next(iter(group.curves.values()))[0]
    rows = zip(amounts, zip(*columns, strict=True), strict=True)
    names = ((group.row.format(amount).replace("-", "−"), pairs) for amount, pairs in rows)
    return FigureTable(f"{group.title}, dB (floor)", ("", *group.curves), tuple(names))


def networks(cells: Sequence[StudyCell]) -> list[StudyCell]:
    """Return the first cell of every network whose run exists."""
    first = {cell.run.path: cell for cell in reversed(cells) if cell.run is not None}
    return [cell for cell in cells if cell.run is not None and first[cell.run.path] is cell]


def probe_of(run: Run) -> dict[str, Any] | None:
    """Read what `jinc probe` measured with the current weights of a run; None if nothing."""
    weights = RunFacts(run).weights
    found = map(read_object, find([run.path], "probe.json"))
    return next((each for each in found if is_current(each.get("made_with", {}), weights)), None)


def study_probe_sections(cells: Sequence[StudyCell], baseline: str) -> list[ProbeSection]:
    """Lay out the probes of each data set, compared with a baseline; errors as of the facts."""
    return [_study_section(facts, baseline) for facts in equivariance_facts(cells, baseline)]


def equivariance_facts(cells: Sequence[StudyCell], baseline: str) -> list[dict[str, Any]]:
    """Gather the probes of all networks, compared with the baseline, ready for JSON.

    Returns:
        For each data set with probes: columns as in `table.json`, dB; floors by column; images,
        sampling, and the symmetries of the data.

    Raises:
        JincError: a probe cannot be read, or networks were probed with different settings.
    """
    sets: dict[str, list[tuple[StudyCell, dict[str, Any]]]] = {}
    for cell in networks(cells):
        if cell.run is not None and (facts := probe_of(cell.run)) is not None:
            sets.setdefault(cell.data, []).append((cell, facts))
    return [_facts_of_data(data, probed, baseline) for data, probed in sets.items()]


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


def _study_section(facts: Mapping[str, Any], baseline: str) -> ProbeSection:
    columns, sampled = facts["columns"], sampling_words(facts["made_with"], True)
    return ProbeSection(
        tuple(chart for column in columns for chart in score_charts(column, baseline)),
        tuple(score_tables(columns)),
        f"{facts['measured_on']}, {facts['number']} images of each network: {sampled}",
        symmetry_note(facts["invariant_under"]),
        "; ".join(f"{name} {decibels(floor).text}" for name, floor in facts["floors"].items()),
    )


def _settings(facts: Mapping[str, Any]) -> list[Any]:
    """Return what has to be equal for figures to be comparable."""
    return [facts.get(name) for name in ("data", "number", "sampler", "eta", "steps", "seed")]


def _means(facts: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return figures and floors of generated images, and of the network averaged over levels."""
    figures = {
        FIGURES.get(name, name): (found["db"], found["floor_db"])
        for name, found in (facts.get("sampling") or {}).items()
    }
    for name, levels in (facts.get("network") or {}).items():
        if levels:
            db, floor = (fmean(at[part] for at in levels) for part in ("x0_db", "x0_floor_db"))
            figures[f"predicted images, {in_words(name)}"] = db, floor
    return {name: (db, floor) for name, (db, floor) in figures.items() if db is not None}
