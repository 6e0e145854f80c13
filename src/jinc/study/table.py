"""The table of a study: means over seeds with their errors, and differences to the baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from jinc.files import write_json, writing
from jinc.metrics import Column, Entry
from jinc.plain import power_of_ten, with_places
from jinc.study.folder import StudyFolder
from jinc.study.measured import measured_words
from jinc.study.plan import Study
from jinc.study.scored import CellScore, CellScores, Protocol

BAR = "\\|"
"""A bar in a cell of Markdown."""


@dataclass(frozen=True)
class Table:
    """All columns of a study.

    Args:
        study: the study.
        columns: one for each data set and score, or other figure.
        missing: names of cells that are not finished.
        protocols: one for each data set with scores.
        measured: how equivariance was measured; "" if it was not.
    """

    study: Study
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    protocols: tuple[Protocol, ...] = ()
    measured: str = ""

    @property
    def variants(self) -> list[str]:
        """Names of the rows."""
        return list(dict.fromkeys(cell.variant for cell in self.study.cells))

    def facts(self) -> dict[str, Any]:
        """Return all of it ready for JSON."""
        return {
            "name": self.study.name,
            "what": self.study.what,
            "baseline": self.study.baseline,
            "rows": self.variants,
            "seeds": list(dict.fromkeys(cell.seed for cell in self.study.cells)),
            "cells": [cell.folder_name for cell in self.study.cells],
            "missing": list(self.missing),
            "judged": [each.facts() for each in self.protocols],
            "columns": [column.facts() for column in self.columns],
        } | ({"measured": self.measured} if self.measured else {})

    def markdown(self) -> str:
        """Return Markdown tables, a row for each variant; ↓ lower is better, ↑ higher.

        A difference to the baseline that is significant over seeds (95 %) is marked: + better,
        − worse. Below the scores is the protocol of each data set, and then a table for each data
        set and group of other figures.
        """
        if not self.columns:
            return "Nothing has been scored yet.\n"
        scores = [c for c in self.columns if not c.group]
        lines = self._rows(scores, [f"{c.data}: {_head(c)}" for c in scores])
        lines += ["", *(f"- {each.words()}" for each in self.protocols)]
        for data, group in dict.fromkeys((c.data, c.group) for c in self.columns if c.group):
            few = [c for c in self.columns if (c.data, c.group) == (data, group)]
            lines += ["", f"{data}: {group}", "", *self._rows(few, [*map(_head, few)])]
        lines += ["", f"- {self.measured}"] if self.measured else []
        return "\n".join(lines) + "\n"

    def _rows(self, columns: Sequence[Column], heads: Sequence[str]) -> list[str]:
        """Return the lines of a Markdown table."""
        lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
        for name, words in self.rows(columns):
            lines.append(f"| {' | '.join([name.replace('|', BAR), *words])} |")
        return lines

    def rows(self, columns: Sequence[Column]) -> list[tuple[str, list[str]]]:
        """Return the name and the figures of each variant that has some, and the floor."""
        rows = []
        for variant in self.variants:
            if any(variant in column.entries for column in columns):
                mark = " (baseline)" if variant == self.study.baseline else ""
                words = [figure_words(column.entries.get(variant)) for column in columns]
                rows.append((variant + mark, words))
        floors = ["" if c.floor is None else f"{c.floor:.1f}" for c in columns]
        return [*rows, ("floor", floors)] if any(floors) else rows

    def write(self, folder: StudyFolder) -> None:
        """Write table.json and table.md."""
        write_json(folder.table, self.facts())
        with writing(folder.path / "table.md") as out:
            out.write(self.markdown().encode())


def make_table(study: Study, folder: StudyFolder) -> Table:
    """Collect all scores so far.

    Raises:
        JincError: scores cannot be read, or those of a data set are not comparable.
    """
    found = {
        (cell.data, cell.variant, cell.seed): folder.read_scores(cell)
        for cell in study.cells
        if folder.scores(cell).is_file()
    }
    missing = [cell.name for cell in study.cells if not folder.is_finished(cell)]
    sets = {cell.data: cell.scoring.split for cell in study.cells}
    scored = {data: [each for key, each in found.items() if key[0] == data] for data in sets}
    columns = tuple(
        _column(study, found, data, kind) for data in sets for kind in _kinds(scored[data])
    )
    known = [Protocol.of(data, split, scored[data]) for data, split in sets.items() if scored[data]]
    plan = study.cells[0].equivariance
    measured = (
        measured_words(plan) if plan and any(each.measured for each in found.values()) else ""
    )
    return Table(study, columns, tuple(missing), tuple(known), measured)


def heading(column: Column, protocol: Protocol | None) -> str:
    """Return the head of a column below the name of its data set, with ↓ or ↑ for better.

    The name of the extractor is left out, since the protocol names it.
    """
    extractor = "" if protocol is None else f" ({protocol.extractor.name})"
    return _head(column, column.name.removesuffix(extractor).removesuffix(" of training"))


def _head(column: Column, name: str = "") -> str:
    return f"{name or column.name} {'↓' if column.lower_is_better else '↑'}"


def figure_words(entry: Entry | None) -> str:
    """Write a score with its error, to significant digits."""
    if entry is None:
        return "–"
    score, mark = entry.score, {True: " +", False: " −", None: ""}[entry.better]
    mean, error = score.mean, score.error
    if not error or not mean:
        power = power_of_ten(mean)
        text = f"{mean:.4g}" if not power else with_places(mean, 3 - power, power)
        return f"{text}{mark}" if error is None else f"{text} ± {error:.2g}{mark}"
    power = power_of_ten(mean, error)
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{with_places(mean, places, power)} ± {with_places(error, places, power)}{mark}"


def _kinds(scored: Sequence[CellScores]) -> list[str]:
    """Return the figures of the cells of a data set, in the order of the first."""
    return [*dict.fromkeys(kind for each in scored for kind in each.figures)]


def _column(
    study: Study, found: Mapping[tuple[str, str, int], CellScores], data: str, kind: str
) -> Column:
    seeds = dict.fromkeys(cell.seed for cell in study.cells)
    values: dict[str, dict[int, float]] = {}
    figures: list[CellScore] = []
    for variant in dict.fromkeys(cell.variant for cell in study.cells):
        for seed in seeds:
            scored = found.get((data, variant, seed))
            figure = None if scored is None else scored.figures.get(kind)
            if figure is None:
                continue
            figures.append(figure)
            if figure.value is not None:
                values.setdefault(variant, {})[seed] = figure.value
    last, floors = figures[-1], [each.floor for each in figures if each.floor is not None]
    column = Column.of(data, kind, last.name, last.lower_is_better, values, study.baseline)
    return replace(column, group=last.group, floor=fmean(floors) if floors else None)
