"""How well the networks of a study follow moves, over seeds, beside the baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.metrics import Column
from jinc.report.pages.dot_chart import DotChart
from jinc.report.pages.equivariance import decibels
from jinc.report.pages.found import find, is_current, made_words
from jinc.report.pages.run_facts import RunFacts
from jinc.report.pages.samples import TURNING_BYTES, Turning, turning
from jinc.report.pages.study.cells import StudyCell
from jinc.report.pages.study.columns import DataTable, column_charts, score_tables
from jinc.report.probe_words import FIGURES, held_against, in_words
from jinc.train import Run

ROTATION = "rotation"
"""The folder of a run in which animations are."""

ALL_TURNING_BYTES = 1_200_000
"""That all animations of a page take."""


@dataclass(frozen=True)
class StudyEquivariance:
    """What a page says of a data set.

    Args:
        data: its name.
        tables: its figures, and their differences to the baseline.
        charts: of them.
        words: on which images it was measured, and how.
        floors: what an exactly equivariant denoiser reaches.
        caveat: how far it can be held against networks.
    """

    data: str
    tables: tuple[DataTable, ...]
    charts: tuple[DotChart, ...]
    words: str
    floors: str
    caveat: str


@dataclass(frozen=True)
class TurningVariant:
    """Images of one network of a variant that turn.

    Args:
        variant: its name.
        seed: of its training.
        pictures: the animation.
    """

    variant: str
    seed: int
    pictures: Turning


def networks(cells: Sequence[StudyCell]) -> list[StudyCell]:
    """Return the first cell of every network whose run is there."""
    first = {cell.run.path: cell for cell in reversed(cells) if cell.run is not None}
    return [cell for cell in cells if cell.run is not None and first[cell.run.path] is cell]


def probe_of(run: Run) -> dict[str, Any] | None:
    """Read what `jinc probe` found out about a run, by the weights that it has now.

    Returns:
        None where there is no such.

    Raises:
        JincError: it cannot be read.
    """
    weights = RunFacts(run).weights
    for file in find([run.path], "probe.json"):
        facts = read_object(file)
        if is_current(facts.get("made_with", {}), weights):
            return facts
    return None


def study_equivariance(cells: Sequence[StudyCell], baseline: str) -> list[StudyEquivariance]:
    """Lay out what was found out about all networks.

    Args:
        cells: of the study.
        baseline: the variant that others are compared with.

    Returns:
        What is said of each data set whose networks were probed.

    Raises:
        JincError: a probe cannot be read, or networks were not probed alike.
    """
    return [_laid_out(facts, baseline) for facts in equivariance_facts(cells, baseline)]


def equivariance_facts(cells: Sequence[StudyCell], baseline: str) -> list[dict[str, Any]]:
    """Gather what was found out about all networks, ready for JSON.

    Args:
        cells: of the study.
        baseline: the variant that others are compared with.

    Returns:
        For each data set whose networks were probed: columns as `table.json` has them, dB; floors
        by the name of the column; on which images, how, and what they are invariant under.

    Raises:
        JincError: a probe cannot be read, or networks were not probed alike.
    """
    probed = [
        (cell, facts)
        for cell in networks(cells)
        if cell.run is not None and (facts := probe_of(cell.run)) is not None
    ]
    return [
        _of_data(data, [each for each in probed if each[0].data == data], baseline)
        for data in dict.fromkeys(cell.data for cell, _ in probed)
    ]


def turning_variants(cells: Sequence[StudyCell]) -> list[tuple[str, list[TurningVariant]]]:
    """Read the animations of `jinc rotate` in the runs, one of each variant.

    Args:
        cells: of the study.

    Returns:
        Them by data set.

    Raises:
        JincError: a file is damaged, or too large.
    """
    chosen: dict[tuple[str, str], StudyCell] = {}
    for cell in networks(cells):
        if cell.run is not None and (cell.run.path / ROTATION).is_dir():
            chosen.setdefault((cell.data, cell.variant), cell)
    found: dict[str, list[TurningVariant]] = {}
    most = min(TURNING_BYTES, ALL_TURNING_BYTES // max(1, len(chosen)))
    for (data, variant), cell in chosen.items():
        pictures = None if cell.run is None else turning(cell.run.path / ROTATION, most)
        if pictures is not None:
            found.setdefault(data, []).append(TurningVariant(variant, cell.seed, pictures))
    return [*found.items()]


def _of_data(
    data: str, probed: Sequence[tuple[StudyCell, dict[str, Any]]], baseline: str
) -> dict[str, Any]:
    first = probed[0][1]
    for cell, facts in probed:
        if _settings(facts) != _settings(first):
            raise JincError(
                f"{data}: {cell.variant} {cell.seed} was probed otherwise than "
                f"{probed[0][0].variant} {probed[0][0].seed}; delete its probe, and make it again"
            )
    values: dict[str, dict[str, dict[int, float]]] = {}
    floors: dict[str, float] = {}
    for cell, facts in probed:
        try:
            figures = _figures(facts)
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


def _laid_out(facts: Mapping[str, Any], baseline: str) -> StudyEquivariance:
    columns = facts["columns"]
    floors = (f"{name} {decibels(floor).text}" for name, floor in facts["floors"].items())
    return StudyEquivariance(
        facts["data"],
        tuple(score_tables(columns)),
        tuple(chart for column in columns for chart in column_charts(column, baseline)[1]),
        f"{facts['measured_on']}, {facts['number']} images of each network: "
        + made_words(facts["made_with"], True),
        "; ".join(floors),
        held_against(facts["invariant_under"]),
    )


def _settings(facts: Mapping[str, Any]) -> list[Any]:
    """What has to be alike for figures to be compared."""
    return [facts.get(name) for name in ("data", "number", "sampler", "eta", "steps", "seed")]


def _figures(facts: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return what was found of generated images, and of the network at all levels; with floors."""
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
