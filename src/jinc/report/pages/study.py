"""A study as one page, whose first words are whether it is better, and by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.report.curves import series
from jinc.report.pages.dot_chart import DotChart, Dots, Tone, dot_chart
from jinc.report.pages.environment import environment
from jinc.report.pages.found import Missing, read_facts
from jinc.report.pages.learning import smoothed
from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.numbers import NONE, Number, aligned, signed
from jinc.report.pages.pictures import Embedded, embedded, grid
from jinc.report.pages.render import render
from jinc.report.pages.repeat import study_command
from jinc.report.pages.study_cells import StudyCell, costs, differing, in_common, read_cells
from jinc.report.pages.study_kept import kept_places, kept_study
from jinc.report.pages.ticks import axis, tight
from jinc.report.pages.verdicts import by_data, figure, tone, verdict
from jinc.train.settings import ObjectiveSettings

TABLE = "table.json"

COLUMNS = 8
"""Images a row of a grid."""

ALL_IMAGES = 2400
"""Images in all grids together, about."""

NAMED = 24
"""Empty cells that are told by name."""


@dataclass(frozen=True)
class TableCell:
    """A variant's score in the table.

    Args:
        value, error: what it scores.
        difference, difference_error: to the baseline.
        tone: what is known of that.
    """

    value: Number
    error: Number
    difference: Number
    difference_error: Number
    tone: str


@dataclass(frozen=True)
class DataTable:
    """All scores of a data set.

    Args:
        data: its name.
        heads: names of scores, and whether lower is better.
        rows: by variant, a cell for each score; None where there is none.
    """

    data: str
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, tuple[TableCell | None, ...]], ...]


@dataclass(frozen=True)
class Grid:
    """Images of a cell.

    Args:
        seed: of training.
        picture: the first of them.
    """

    seed: int
    picture: Embedded


def study_page(folder: Path) -> str:
    """Write a page about a study, made of what its folder holds.

    Args:
        folder: of `jinc study run`, with its table.json.

    Returns:
        HTML.

    Raises:
        JincError: there is no table yet, or a file is damaged.
    """
    if not (folder / TABLE).is_file():
        raise JincError(
            f"{folder}: has no {TABLE} yet; jinc study table FILE --out {folder} writes it"
        )
    table = read_facts(folder / TABLE)
    try:
        return render("study.html", _context(folder, table))
    except JincError:  # which says itself what is wrong with which file
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JincError(f"{folder / TABLE}: is not what jinc study writes ({error!r})") from error


def _context(folder: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    columns, baseline = table["columns"], table["baseline"]
    verdicts = [verdict(column, baseline) for column in columns]
    listed = table.get("cells")
    only = listed if isinstance(listed, list) else None  # not those of an older form of the study
    cells = _in_order(read_cells(folder, only), columns)
    return {
        "name": table["name"],
        "what": table["what"],
        "baseline": baseline,
        "verdicts": by_data(verdicts),
        "seeds": len({cell.seed for cell in cells}),
        "charts": [_charts(column, baseline) for column in columns],
        "tables": _tables(columns),
        "samples": _samples(cells),
        "learning": _learning(cells, baseline),
        "costs": costs(cells),
        "variants": differing(cells, "variant"),
        "sets": differing(cells, "data"),
        "common": in_common(cells),
        "losses_differ": _losses_differ(cells),
        "missing": _missing(table["missing"], columns),
        "judged": [str(each["words"]) for each in table.get("judged", ())],
        "command": study_command(f"{table['name']}.yaml", folder, kept_places(folder)),
        "file": kept_study(folder),
        "environment": environment(),
    }


def _in_order(cells: Sequence[StudyCell], columns: Sequence[Mapping[str, Any]]) -> list[StudyCell]:
    """Sort cells as the table has them."""
    sets = [*dict.fromkeys(column["data"] for column in columns)]
    rows = _variants(columns)

    def place(cell: StudyCell) -> tuple[int, int, int]:
        at = [
            names.index(n) if n in names else len(names)
            for n, names in ((cell.data, sets), (cell.variant, rows))
        ]
        return at[0], at[1], cell.seed

    return sorted(cells, key=place)


def _variants(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    return [*dict.fromkeys(variant for column in columns for variant in column["entries"])]


def _charts(column: Mapping[str, Any], baseline: str) -> tuple[Mapping[str, Any], list[DotChart]]:
    """Draw what each variant scores, and how that differs from the baseline."""
    lower, entries = column["lower_is_better"], column["entries"]
    scores = [_dots(v, e["score"], _tone(v, e, baseline)) for v, e in entries.items()]
    base = entries.get(baseline)
    reference = None if base is None else base["score"]["mean"]
    title = f"{column['data']}: {column['name']}"
    drawn = [
        dot_chart(
            title,
            _words(title, scores),
            column["name"],
            scores,
            lower_is_better=lower,
            reference=reference,
        )
    ]
    differences = [
        _dots(variant, entry["difference"], _tone(variant, entry, baseline))
        for variant, entry in entries.items()
        if entry["difference"] is not None
    ]
    if differences:
        title = f"Difference to {baseline}, seed by seed"
        words = _words(f"{column['data']}: {title}", differences)
        label = f"difference of {column['name']}"
        drawn.append(
            dot_chart(title, words, label, differences, lower_is_better=lower, reference=0.0)
        )
    return column, drawn


def _dots(variant: str, found: Mapping[str, Any], known: Tone) -> Dots:
    return Dots(variant, known, found["values"], found["mean"], found["reach_95"])


def _tone(variant: str, entry: Mapping[str, Any], baseline: str) -> Tone:
    if variant == baseline:
        return "base"
    if entry["better"] is None:
        return "open"
    return "better" if entry["better"] else "worse"


def _words(title: str, rows: Sequence[Dots]) -> str:
    def said(row: Dots) -> str:
        value, _ = figure({"mean": row.mean, "error": None})
        return f"{row.name} {value.text}"

    return f"{title}. Means: {', '.join(map(said, rows))}"


def _tables(columns: Sequence[Mapping[str, Any]]) -> list[DataTable]:
    """Lay out all scores, a table for each data set, with points under one another."""
    tables = []
    for data in dict.fromkeys(column["data"] for column in columns):
        mine = [column for column in columns if column["data"] == data]
        variants = _variants(mine)
        laid = [_column([column["entries"].get(v) for v in variants]) for column in mine]
        heads = tuple((column["name"], column["lower_is_better"]) for column in mine)
        rows = tuple(zip(variants, zip(*laid, strict=True), strict=True))
        tables.append(DataTable(data, heads, rows))
    return tables


def _column(entries: Sequence[Mapping[str, Any] | None]) -> list[TableCell | None]:
    none = Number(None, NONE)
    scores = [(none, none) if e is None else figure(e["score"]) for e in entries]
    differences = [
        (none, none) if e is None or e["difference"] is None else figure(e["difference"])
        for e in entries
    ]
    columns = [
        aligned([pair[place] for pair in pairs])
        for pairs in (scores, differences)
        for place in (0, 1)
    ]
    tones = ["" if e is None or e["difference"] is None else tone(e) for e in entries]
    return [
        None if entry is None else TableCell(value, error, signed(apart), by, known)
        for entry, value, error, apart, by, known in zip(entries, *columns, tones, strict=True)
    ]


def _samples(cells: Sequence[StudyCell]) -> list[tuple[str, list[tuple[str, list[Grid]]]]]:
    """Lay out images of every cell, by data set and variant."""
    rows = min(COLUMNS, max(1, ALL_IMAGES // max(1, len(cells)) // COLUMNS))
    found: dict[str, dict[str, list[Grid]]] = {}
    for cell in cells:
        if cell.kept is None:
            continue
        images = cell.kept.images(rows * COLUMNS)
        picture = embedded(grid(images.batch(range(len(images))), COLUMNS), 200_000)
        found.setdefault(cell.data, {}).setdefault(cell.variant, []).append(
            Grid(cell.seed, picture)
        )
    return [(data, [*variants.items()]) for data, variants in found.items()]


def _learning(cells: Sequence[StudyCell], baseline: str) -> list[tuple[str, list[LineChart]]]:
    """Draw the smoothed loss of every variant's seeds over those of the baseline."""
    found = []
    for data in dict.fromkeys(cell.data for cell in cells):
        lines: dict[str, list[tuple[list[int], list[float]]]] = {}
        for cell in cells:
            steps, losses = series(cell.log, "loss", above=0)
            if cell.data == data and losses:
                lines.setdefault(cell.variant, []).append((steps, smoothed(losses)))
        every = [line for group in lines.values() for line in group]
        if not every:
            continue
        x = tight("step", 0, max(max(steps) for steps, _ in every))
        y = axis("loss", [value for _, values in every for value in values], log=True)
        shown = [variant for variant in lines if variant != baseline] or [*lines]
        charts = []
        for variant in shown:
            under = [] if variant == baseline else lines.get(baseline, [])
            drawn = [Line("" if k else baseline, *line, 6) for k, line in enumerate(under)]
            drawn += [Line("" if k else variant, *line, 0) for k, line in enumerate(lines[variant])]
            words = f"Smoothed loss over steps, a line a seed, of {variant}"
            charts.append(line_chart(variant, words, drawn, x, y))
        found.append((data, charts))
    return found


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
