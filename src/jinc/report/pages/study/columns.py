"""One score of one data set, or several, as charts and as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.report.pages.dot_chart import DotChart, Dots, Tone, dot_chart
from jinc.report.pages.numbers import NONE, Number, aligned, signed
from jinc.report.pages.study.verdicts import figure, tone

ACROSS = 4
"""Scores of a table: as many as a page of paper is wide."""


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
        data: its name; that of a set with many scores goes on in further tables.
        heads: names of scores, and whether lower is better.
        rows: by variant, a cell for each score; None where there is none.
    """

    data: str
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, tuple[TableCell | None, ...]], ...]


def column_charts(
    column: Mapping[str, Any], baseline: str
) -> tuple[Mapping[str, Any], list[DotChart]]:
    """Draw what each variant scores, and how that differs from the baseline.

    Args:
        column: as `table.json` has it.
        baseline: the variant that others are compared with.

    Returns:
        The column and its charts.
    """
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


def score_tables(columns: Sequence[Mapping[str, Any]]) -> list[DataTable]:
    """Lay out all scores, a table or some for each data set, with points under one another.

    Args:
        columns: as `table.json` has them.
    """
    tables = []
    for data in dict.fromkeys(column["data"] for column in columns):
        mine = [column for column in columns if column["data"] == data]
        variants = variants_of(mine)
        for first in range(0, len(mine), ACROSS):
            title = f"{data}, further" if first else data
            tables.append(_table(title, mine[first : first + ACROSS], variants))
    return tables


def _table(title: str, columns: Sequence[Mapping[str, Any]], variants: Sequence[str]) -> DataTable:
    laid = [_column([column["entries"].get(v) for v in variants]) for column in columns]
    heads = tuple((column["name"], column["lower_is_better"]) for column in columns)
    return DataTable(title, heads, tuple(zip(variants, zip(*laid, strict=True), strict=True)))


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


def variants_of(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the variants that any of some columns has, in their order."""
    return [*dict.fromkeys(variant for column in columns for variant in column["entries"])]
