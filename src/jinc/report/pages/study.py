"""The page of a study: first which variants are better, and by how much."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinc.documents import MOST_BYTES_OF_YAML, read_object
from jinc.errors import JincError
from jinc.files import reading
from jinc.report.charts import Chart
from jinc.report.filters import filter_sections
from jinc.report.learning import loss_charts
from jinc.report.neighbours import NeighbourTable, RealImages, neighbour_table
from jinc.report.pages.cells import StudyCell, costs, differing, grouped, in_common, read_cells
from jinc.report.pages.page import Missing, Page
from jinc.report.pages.probes import networks, study_probe_sections
from jinc.report.pages.provenance import environment, study_command
from jinc.report.pages.samples import (
    ALL_ROTATIONS_BYTES,
    ROTATION_BYTES,
    Rotation,
    rotation,
    study_grids,
)
from jinc.report.pages.score_charts import score_charts, score_tables, variants_of
from jinc.report.pages.verdicts import by_data, verdict
from jinc.report.spectra import ratio_charts
from jinc.schema import is_a, read_as
from jinc.train.settings import ObjectiveSettings

TABLE = "table.json"

NAMED = 24
"""Cells without scores that a page names, at most."""


@dataclass(frozen=True)
class StudyTable:
    """The table of a study, as `study.Table.facts` writes it.

    Args:
        name: of the study.
        what: the question.
        baseline: the variant that the others are compared with.
        missing: names of cells without scores.
        columns: one for each data set and score.
        cells: folders of all cells; None in tables of older versions.
        judged: feature extractor and real images of each data set.
        rows: all variants.
        seeds: all seeds.
        measured: how equivariance was measured by the study; "" if it was not.
    """

    name: str
    what: str
    baseline: str
    missing: tuple[str, ...]
    columns: tuple[Mapping[str, Any], ...]
    cells: tuple[str, ...] | None = None
    judged: tuple[Mapping[str, Any], ...] = ()
    rows: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    measured: str = ""

    def __post_init__(self) -> None:
        """Check what all readers of columns use; `study_page` checks the rest."""
        for column in self.columns:
            entries = column.get("entries")
            if not is_a(column.get("data"), str) or not is_a(entries, Mapping[str, Any]):
                raise JincError("columns: each needs the name of its data, and entries")


def study_page(folder: Path, *, real: Mapping[str, RealImages | JincError] | None = None) -> str:
    """Make a page from the folder of a study, as HTML.

    Args:
        folder: of `jinc study run`, with its table.json.
        real: real images by data set, or why they are not available; None if they are not wanted.

    Raises:
        JincError: there is no table yet, or a file is damaged.
    """
    table = read_table(folder)
    try:
        return _page(folder, table, real).render("study.html")
    except JincError:  # a ValueError too, which names its file
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JincError(f"{folder / TABLE}: is not what jinc study writes ({error!r})") from error


def read_table(folder: Path) -> StudyTable:
    """Read the table of the study in a folder."""
    if not (folder / TABLE).is_file():
        raise JincError(
            f"{folder}: has no {TABLE} yet; jinc study table FILE --out {folder} writes it"
        )
    return read_as(StudyTable, folder / TABLE)


def study_cells(folder: Path) -> list[StudyCell]:
    """Read the cells with scores of the study in a folder, in the order of its table.

    Raises:
        JincError: there is no table yet, or a file is damaged.
    """
    table = read_table(folder)
    sets = [*dict.fromkeys(column["data"] for column in table.columns)]
    variants = variants_of(table.columns)

    def place(cell: StudyCell) -> tuple[int, int, int]:
        data, variant = (
            names.index(name) if name in names else len(names)
            for name, names in ((cell.data, sets), (cell.variant, variants))
        )
        return data, variant, cell.seed

    return sorted(read_cells(folder, table.cells), key=place)


def _page(
    folder: Path, table: StudyTable, real: Mapping[str, RealImages | JincError] | None
) -> Page:
    columns, baseline = [c for c in table.columns if not c.get("group")], table.baseline
    cells, page = study_cells(folder), Page()
    page.missing.extend(_without_scores(table.missing, columns))
    names = dict.fromkeys(cell.config.config for cell in cells if cell.config is not None)
    filters = partial(filter_sections, [*names])
    page.add("filters", filters, "filters", "the runs were deleted")
    _add_equivariance(page, folder, cells, baseline)
    _add_comparisons(page, cells, real, baseline)
    images = grouped(cells, lambda cell: cell.read and (cell.seed, cell.read))
    logs = grouped(cells, lambda cell: cell.log or None)
    learning = [(data, loss_charts(found, baseline)) for data, found in logs.items()]
    variants = differing(cells, "variant")
    objective = {name.replace("_", " ") for name in ObjectiveSettings.__dataclass_fields__}
    page.parts |= {
        "name": table.name,
        "what": table.what,
        "baseline": baseline,
        "verdicts": by_data([verdict(column, baseline) for column in columns]),
        "seeds": len({cell.seed for cell in cells}),
        "charts": [(column, score_charts(column, baseline)) for column in columns],
        "tables": score_tables(table.columns),
        "measured": table.measured,
        "samples": [(data, study_grids(found, len(cells))) for data, found in images.items()],
        "learning": [(data, charts) for data, charts in learning if charts],
        "costs": costs(cells),
        "variants": variants,
        "sets": differing(cells, "data"),
        "common": in_common(cells),
        "losses_differ": bool(objective & {*variants[0]}),
        "open": len(table.missing),
        "judged": [str(each["words"]) for each in table.judged],
        "command": study_command(f"{table.name}.yaml", folder, _places(folder)),
        "file": _study_file(folder),
        "environment": environment(),
    }
    return page


def _add_equivariance(page: Page, folder: Path, cells: Sequence[StudyCell], baseline: str) -> None:
    runs, command = any(cell.run for cell in cells), f"jinc report {shlex.quote(str(folder))}"
    for name, why, option, make in (
        ("equivariance", "not measured;", "--probe", lambda: study_probe_sections(cells, baseline)),
        ("rotations", "not sampled;", "--rotate", lambda: _rotations(cells)),
    ):
        missing = (why, f"{command} {option}") if runs else ("the runs were deleted",)
        page.add(name, make, name, *missing)


def _rotations(cells: Sequence[StudyCell]) -> dict[str, list[tuple[StudyCell, Rotation]]]:
    """Read one animation of each variant, by data set."""
    chosen: dict[tuple[str, str], tuple[StudyCell, Path]] = {}
    for cell in networks(cells):
        if cell.run is not None and (cell.run.path / "rotation").is_dir():
            chosen.setdefault((cell.data, cell.variant), (cell, cell.run.path))
    found: dict[str, list[tuple[StudyCell, Rotation]]] = {}
    most = min(ROTATION_BYTES, ALL_ROTATIONS_BYTES // max(1, len(chosen)))
    for cell, run in chosen.values():
        if (each := rotation(run, most)) is not None:
            found.setdefault(cell.data, []).append((cell, each))
    return found


def _add_comparisons(
    page: Page,
    cells: Sequence[StudyCell],
    real: Mapping[str, RealImages | JincError] | None,
    baseline: str,
) -> None:
    """Compare generated images with real ones."""
    why = "the data were not read" if real is None else "there are neither images nor runs"
    found = {}
    for data, each in (real or {}).items():
        if isinstance(each, RealImages):
            found[data] = each
        else:
            why = str(each)
            page.missing.append(Missing(f"real images of {data}", why))
    images = grouped(cells, lambda cell: cell.read)

    def spectra() -> list[tuple[str, list[Chart]]]:
        return [
            (data, ratio_charts(images[data], each.x0, baseline))
            for data, each in found.items()
            if data in images
        ]

    def neighbours() -> list[tuple[str, NeighbourTable]]:
        tables = [(data, neighbour_table(images.get(data, {}), r)) for data, r in found.items()]
        return [(data, table) for data, table in tables if table is not None]

    page.add("spectra", spectra, "spectra", why)
    page.add("neighbours", neighbours, "nearest training images", why)


def _without_scores(names: Sequence[str], columns: Sequence[Any]) -> list[Missing]:
    if not columns:
        return [Missing("all scores", f"none of {len(names)} cells has scores yet")]
    if not names:
        return []
    listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    what, are = ("1 cell", "is") if len(names) == 1 else (f"{len(names)} cells", "are")
    return [Missing(what, f"{are} not finished: {listed}")]


def _study_file(folder: Path) -> str:
    """Read the copy of the study in its folder; an empty text if there is none."""
    file = folder / "study.yaml"
    if not file.is_file():
        return ""
    with reading(file) as opened:
        return opened.read(MOST_BYTES_OF_YAML).decode(errors="replace")


def _places(folder: Path) -> dict[str, str]:
    """Read the paths that the study was run with, by name."""
    file = folder / "places.json"
    found = read_object(file) if file.is_file() else {}
    return {name: str(place) for name, place in found.items()}
