"""The table of a study: means over seeds with their errors, and differences to the baseline."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.study.judged import Judged, judged
from jinc.study.plan import Study
from jinc.study.scored import Scored, read_scored
from jinc.study.work import Places

T_975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t for 95 % with 1 to 10 degrees of freedom; beyond, 2 is near enough."""


@dataclass(frozen=True)
class Figure:
    """A mean over seeds.

    Args:
        mean: of the values.
        error: standard error of the mean; None of a single seed.
        values: one a seed.
        seeds: which, in that order.
    """

    mean: float
    error: float | None
    values: tuple[float, ...]
    seeds: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Sequence[float], seeds: Sequence[int] = ()) -> "Figure":
        """Take the mean of values.

        >>> Figure.of([1.0, 2.0, 3.0]).error
        0.5773502691896258
        """
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(statistics.fmean(values), error, tuple(values), tuple(seeds))

    @property
    def reach(self) -> float | None:
        """Half of the interval that holds the mean with 95 %, by Student's t."""
        if self.error is None:
            return None
        freedom = len(self.values) - 1
        return self.error * (T_975[freedom - 1] if freedom <= len(T_975) else 2.0)


@dataclass(frozen=True)
class Entry:
    """What a variant scores on a data set.

    Args:
        score: over seeds.
        difference: to the baseline, seed by seed; None of the baseline itself.
        better: whether the difference is one for the better, for the worse, or cannot be told:
            its interval of 95 % holds 0, or there is one seed only.
    """

    score: Figure
    difference: Figure | None
    better: bool | None


@dataclass(frozen=True)
class Column:
    """One score of one data set.

    Args:
        data: name of the set.
        kind: of the score.
        name: what it may be called.
        lower_is_better: or higher.
        entries: by variant.
    """

    data: str
    kind: str
    name: str
    lower_is_better: bool
    entries: Mapping[str, Entry]


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
            "columns": [
                {
                    "data": column.data,
                    "kind": column.kind,
                    "name": column.name,
                    "lower_is_better": column.lower_is_better,
                    "entries": {v: _entry_facts(e) for v, e in column.entries.items()},
                }
                for column in self.columns
            ],
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
    base = values.get(study.baseline, {})
    entries = {
        variant: _entry(own, {} if variant == study.baseline else base, lower)
        for variant, own in values.items()
    }
    return Column(data, kind, name, lower, entries)


def _entry(own: Mapping[int, float], base: Mapping[int, float], lower: bool) -> Entry:
    score = Figure.of(list(own.values()), list(own))
    differences = {seed: value - base[seed] for seed, value in own.items() if seed in base}
    if not differences:
        return Entry(score, None, None)
    difference = Figure.of(list(differences.values()), list(differences))
    reach = difference.reach
    sure = reach is not None and abs(difference.mean) > reach
    return Entry(score, difference, (difference.mean < 0) == lower if sure else None)


def _entry_facts(entry: Entry) -> dict[str, Any]:
    def figure(each: Figure | None) -> dict[str, Any] | None:
        if each is None:
            return None
        return {"mean": each.mean, "error": each.error, "reach_95": each.reach} | {
            "values": list(each.values),
            "seeds": list(each.seeds),
        }

    return {
        "score": figure(entry.score),
        "difference": figure(entry.difference),
        "better": entry.better,
    }
