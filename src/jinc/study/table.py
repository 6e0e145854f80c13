"""The table of a study: means over seeds with their errors, and differences to the baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.metrics import Column
from jinc.study.judged import Judged, judged
from jinc.study.plan import Study
from jinc.study.scored import Scored, read_scored
from jinc.study.work import Places


@dataclass(frozen=True)
class Table:
    """All columns of a study, and which of its cells are still empty.

    Args:
        study: what it is of.
        columns: data sets and scores.
        missing: names of cells without scores.
        judged: by whom, on which images; one for each data set that has scores.
    """

    study: Study
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    judged: tuple[Judged, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return all of it ready for JSON."""
        return {
            "name": self.study.name,
            "what": self.study.what,
            "baseline": self.study.baseline,
            "rows": list(dict.fromkeys(cell.variant for cell in self.study.cells)),
            "seeds": list(dict.fromkeys(cell.seed for cell in self.study.cells)),
            "cells": [cell.folder_name for cell in self.study.cells],
            "missing": list(self.missing),
            "judged": [each.facts() for each in self.judged],
            "columns": [column.facts() for column in self.columns],
        }


def make_table(study: Study, places: Places) -> Table:
    """Gather what has been scored so far.

    Raises:
        JincError: a file of scores cannot be read, or those of a data set were judged differently.
    """
    found = {
        (cell.data, cell.variant, cell.seed): read_scored(places.scores(cell))
        for cell in study.cells
        if places.scores(cell).is_file()
    }
    missing = [c.name for c in study.cells if (c.data, c.variant, c.seed) not in found]
    sets = {cell.data: cell.scoring.split for cell in study.cells}
    scored = {data: [each for key, each in found.items() if key[0] == data] for data in sets}
    columns = tuple(
        _column(study, found, data, kind) for data in sets for kind in _kinds(scored[data])
    )
    known = tuple(judged(data, split, scored[data]) for data, split in sets.items() if scored[data])
    return Table(study, columns, tuple(missing), known)


def _kinds(scored: Sequence[Scored]) -> list[str]:
    """The scores that any cell of a data set has, in the order of the first; and the loss."""
    kinds = [kind for each in scored for kind in each.scores]
    return [*dict.fromkeys(kinds), *(["loss"] if any(each.loss for each in scored) else [])]


def _column(
    study: Study, found: Mapping[tuple[str, str, int], Scored], data: str, kind: str
) -> Column:
    seeds = dict.fromkeys(cell.seed for cell in study.cells)
    name, lower = "loss of training", True
    values: dict[str, dict[int, float]] = {}
    for variant in dict.fromkeys(cell.variant for cell in study.cells):
        for seed in seeds:
            scored = found.get((data, variant, seed))
            score = None if scored is None else scored.scores.get(kind)
            if score is not None:
                name, lower = score.name, score.lower_is_better
            loss = None if scored is None or kind != "loss" else scored.loss
            value = loss if score is None else score.value
            if value is not None:
                values.setdefault(variant, {})[seed] = value
    return Column.of(data, kind, name, lower, values, study.baseline)
