"""A study as one page, whose first words are whether it is better, and by how much."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.report.pages.environment import environment
from jinc.report.pages.filters import filter_parts
from jinc.report.pages.found import Missing
from jinc.report.pages.real import RealImages
from jinc.report.pages.render import render
from jinc.report.pages.repeat import study_command
from jinc.report.pages.shelf import Shelf
from jinc.report.pages.study.cells import StudyCell, costs, differing, in_common, read_cells
from jinc.report.pages.study.columns import column_charts, score_tables, variants_of
from jinc.report.pages.study.equivariance import study_equivariance, turning_variants
from jinc.report.pages.study.kept import kept_places, kept_study
from jinc.report.pages.study.learning import loss_charts
from jinc.report.pages.study.neighbours import study_neighbours
from jinc.report.pages.study.samples import sample_grids
from jinc.report.pages.study.spectra import ratio_charts
from jinc.report.pages.study.verdicts import by_data, verdict
from jinc.schema import is_a, read_as
from jinc.train.settings import ObjectiveSettings

TABLE = "table.json"

NAMED = 24
"""Empty cells that an error or a page names at most."""


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
        judged: who judged each data set, on which images.
        rows: all variants.
        seeds: all seeds.

    Raises:
        JincError: a column names no data set or has no entries.
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

    def __post_init__(self) -> None:
        """Check what all readers of columns use; `study_page` checks the rest."""
        for column in self.columns:
            entries = column.get("entries")
            if not is_a(column.get("data"), str) or not is_a(entries, Mapping[str, Any]):
                raise JincError("columns: each needs the name of its data, and entries")


def study_page(folder: Path, *, real: Mapping[str, RealImages | JincError] | None = None) -> str:
    """Write a page about a study, made of what its folder holds.

    Args:
        folder: of `jinc study run`, with its table.json.
        real: real images by data set, or why they cannot be had; None if they are not wanted.

    Returns:
        HTML.

    Raises:
        JincError: there is no table yet, or a file is damaged.
    """
    table = read_table(folder)
    try:
        return render("study.html", _context(folder, table, real))
    except JincError:  # which says itself what is wrong with which file
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JincError(f"{folder / TABLE}: is not what jinc study writes ({error!r})") from error


def read_table(folder: Path) -> StudyTable:
    """Read the table of a study.

    Args:
        folder: of `jinc study run`.

    Raises:
        JincError: there is none yet, or it cannot be read.
    """
    if not (folder / TABLE).is_file():
        raise JincError(
            f"{folder}: has no {TABLE} yet; jinc study table FILE --out {folder} writes it"
        )
    return read_as(StudyTable, folder / TABLE)


def study_cells(folder: Path) -> list[StudyCell]:
    """Read the cells of a study that have been scored, in the order of its table.

    Args:
        folder: of `jinc study run`.

    Raises:
        JincError: there is no table yet, or a file is damaged.
    """
    table = read_table(folder)
    return _in_order(read_cells(folder, table.cells), table.columns)


def _context(
    folder: Path,
    table: StudyTable,
    real: Mapping[str, RealImages | JincError] | None,
) -> dict[str, Any]:
    columns, baseline = table.columns, table.baseline
    cells, shelf = study_cells(folder), Shelf()
    shelf.missing.extend(_missing(table.missing, columns))
    _filters(shelf, cells)
    _equivariance(shelf, folder, cells, baseline)
    _beside_real(shelf, cells, real, baseline)
    context = {
        "name": table.name,
        "what": table.what,
        "baseline": baseline,
        "verdicts": by_data([verdict(column, baseline) for column in columns]),
        "seeds": len({cell.seed for cell in cells}),
        "charts": [column_charts(column, baseline) for column in columns],
        "tables": score_tables(columns),
        "samples": sample_grids(cells),
        "learning": loss_charts(cells, baseline),
        "costs": costs(cells),
        "variants": differing(cells, "variant"),
        "sets": differing(cells, "data"),
        "common": in_common(cells),
        "losses_differ": _losses_differ(cells),
        "open": len(table.missing),
        "missing": shelf.missing,
        "judged": [str(each["words"]) for each in table.judged],
        "command": study_command(f"{table.name}.yaml", folder, kept_places(folder)),
        "file": kept_study(folder),
        "environment": environment(),
    }
    return context | shelf.parts


def _filters(shelf: Shelf, cells: Sequence[StudyCell]) -> None:
    """Draw the filters of all configurations."""
    names = dict.fromkeys(cell.config.config for cell in cells if cell.config is not None)
    lack = Missing("filters", "the runs are not there")
    shelf.put("filters", "filters", lambda: filter_parts(",".join(names)) if names else [], lack)


def _equivariance(shelf: Shelf, folder: Path, cells: Sequence[StudyCell], baseline: str) -> None:
    """Show how well networks follow moves."""
    runs = any(cell.run is not None for cell in cells)
    for name, what, option, make in (
        ("equivariance", "equivariance", "--probe", lambda: study_equivariance(cells, baseline)),
        ("turnings", "turning", "--rotate", lambda: turning_variants(cells)),
    ):
        lack = Missing(what, "the runs are not there")
        if runs:
            lack = Missing(what, "not tried;", f"jinc report {shlex.quote(str(folder))} {option}")
        shelf.put(name, what, make, lack)


def _beside_real(
    shelf: Shelf,
    cells: Sequence[StudyCell],
    real: Mapping[str, RealImages | JincError] | None,
    baseline: str,
) -> None:
    """Compare what was generated with real images."""
    found = {data: each for data, each in (real or {}).items() if isinstance(each, RealImages)}
    why = "the data were not read" if real is None else "there are neither images nor runs"
    for data, each in (real or {}).items():
        if isinstance(each, JincError):
            why = str(each)
            shelf.missing.append(Missing(f"real images of {data}", why))
    spectra, nearest = Missing("spectra", why), Missing("nearest images of training", why)
    shelf.put("spectra", "spectra", lambda: ratio_charts(cells, found, baseline), spectra)
    shelf.put(
        "neighbours", "nearest images of training", lambda: study_neighbours(cells, found), nearest
    )


def _in_order(cells: Sequence[StudyCell], columns: Sequence[Mapping[str, Any]]) -> list[StudyCell]:
    """Sort cells as the table has them."""
    sets = [*dict.fromkeys(column["data"] for column in columns)]
    rows = variants_of(columns)

    def place(cell: StudyCell) -> tuple[int, int, int]:
        at = [
            names.index(n) if n in names else len(names)
            for n, names in ((cell.data, sets), (cell.variant, rows))
        ]
        return at[0], at[1], cell.seed

    return sorted(cells, key=place)


def _losses_differ(cells: Sequence[StudyCell]) -> bool:
    """Whether variants are asked for different things, so that their losses cannot be compared."""
    names = {name.replace("_", " ") for name in ObjectiveSettings.__dataclass_fields__}
    return bool(names & {*differing(cells, "variant")[0]})


def _missing(names: Sequence[str], columns: Sequence[Any]) -> list[Missing]:
    if not columns:
        return [Missing("all scores", f"none of {len(names)} cells has been scored yet")]
    if not names:
        return []
    told = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    what, have = ("1 cell", "has") if len(names) == 1 else (f"{len(names)} cells", "have")
    return [Missing(what, f"{have} not been scored yet: {told}")]
