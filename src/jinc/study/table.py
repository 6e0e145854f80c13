"""The table of a study: means over seeds with their errors, and differences to the baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.files import write_json, writing
from jinc.metrics import Column, Entry
from jinc.plain import power_of_ten, with_places
from jinc.study.folder import StudyFolder
from jinc.study.plan import Study
from jinc.study.scored import CellScores, Protocol


@dataclass(frozen=True)
class Table:
    """All columns of a study.

    Args:
        study: the study.
        columns: one for each data set and score.
        missing: names of cells without scores.
        protocols: one for each data set with scores.
    """

    study: Study
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    protocols: tuple[Protocol, ...] = ()

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
        }

    def markdown(self) -> str:
        """Return a Markdown table, a row for each variant; ↓ lower is better, ↑ higher.

        A difference to the baseline that is significant over seeds (95 %) is marked: + better,
        − worse. Below it is the protocol of each data set.
        """
        if not self.columns:
            return "Nothing has been scored yet.\n"
        heads = [f"{c.data}: {c.name} {'↓' if c.lower_is_better else '↑'}" for c in self.columns]
        lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
        for variant in self.variants:
            words = [figure_words(column.entries.get(variant)) for column in self.columns]
            mark = " (baseline)" if variant == self.study.baseline else ""
            name = variant.replace("|", "\\|")
            lines.append(f"| {name}{mark} | " + " | ".join(words) + " |")
        lines += ["", *(f"- {each.words()}" for each in self.protocols)]
        return "\n".join(lines) + "\n"

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
        (cell.data, cell.variant, cell.seed): CellScores.read(folder.scores(cell))
        for cell in study.cells
        if folder.scores(cell).is_file()
    }
    missing = [c.name for c in study.cells if (c.data, c.variant, c.seed) not in found]
    sets = {cell.data: cell.scoring.split for cell in study.cells}
    scored = {data: [each for key, each in found.items() if key[0] == data] for data in sets}
    columns = tuple(
        _column(study, found, data, kind) for data in sets for kind in _kinds(scored[data])
    )
    known = [Protocol.of(data, split, scored[data]) for data, split in sets.items() if scored[data]]
    return Table(study, columns, tuple(missing), tuple(known))


def heading(column: Column, protocol: Protocol | None) -> str:
    """Return the head of a column below the name of its data set, with ↓ or ↑ for better.

    The name of the extractor is left out, since the protocol names it.
    """
    extractor = "" if protocol is None else f" ({protocol.extractor.name})"
    short = column.name.removesuffix(extractor).removesuffix(" of training")
    return f"{short} {'↓' if column.lower_is_better else '↑'}"


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
    """Return the scores of the cells of a data set, in the order of the first; and the loss."""
    kinds = [kind for each in scored for kind in each.scores]
    return [*dict.fromkeys(kinds), *(["loss"] if any(each.loss for each in scored) else [])]


def _column(
    study: Study, found: Mapping[tuple[str, str, int], CellScores], data: str, kind: str
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
