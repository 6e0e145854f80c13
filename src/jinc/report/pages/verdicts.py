"""Which variants differ from the baseline, and by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jinc.report.numbers import Pair, signed, with_error

Tone = Literal["better", "worse", "open", "single"]
"""Significantly better or worse over seeds, open where neither, single where there is one seed."""


@dataclass(frozen=True)
class Compared:
    """A variant compared with the baseline.

    Args:
        variant: its name.
        tone: significance over seeds (95 %).
        score: its mean.
        difference: to the baseline, paired by seed.
        apart: its absolute value.
        looks_better: whether the difference is an improvement, significant or not.
        seeds: number of pairs.
        all_seeds: whether these are all seeds of both.
    """

    variant: str
    tone: Tone
    score: Pair
    difference: Pair
    apart: Pair
    looks_better: bool
    seeds: int
    all_seeds: bool


@dataclass(frozen=True)
class Verdict:
    """The result of one score on one data set.

    Args:
        data: name of the set.
        kind, name: of the score.
        lower_is_better: or higher.
        baseline: its name.
        base: score of the baseline; None if there is none yet.
        best: the best variant; None if there is none.
        others: the other variants, better ones first.
    """

    data: str
    kind: str
    name: str
    lower_is_better: bool
    baseline: str
    base: Pair | None
    best: Compared | None
    others: tuple[Compared, ...]

    @property
    def compared(self) -> int:
        """Number of variants besides the baseline."""
        return len(self.others) + (self.best is not None)

    def groups(self) -> list[tuple[str, list[Compared]]]:
        """Return the others by significance, with a title for each group."""
        titles = {"better": "Also better", "worse": "Worse", "open": "Not significant"}
        titles["single"] = "One seed only"
        found = [(title, [o for o in self.others if o.tone == t]) for t, title in titles.items()]
        return [(title, group) for title, group in found if group]


def verdict(column: Mapping[str, Any], baseline: str) -> Verdict:
    """Compare the variants of a column of `table.json` with the baseline."""
    lower = bool(column["lower_is_better"])
    entries = column["entries"]
    others = [
        _compared(variant, entry, entries[baseline], lower)
        for variant, entry in entries.items()
        if variant != baseline and entry["difference"] is not None
    ]
    order = {"better": 0, "open": 1, "single": 1, "worse": 2}

    def rank(each: Compared) -> tuple[int, float]:
        mean = each.difference[0].value or 0.0
        return order[each.tone], mean if lower else -mean

    ranked = sorted(others, key=rank)
    base = entries.get(baseline)
    return Verdict(
        column["data"],
        column["kind"],
        column["name"],
        lower,
        baseline,
        None if base is None else figure(base["score"]),
        ranked[0] if ranked else None,
        tuple(ranked[1:]),
    )


def figure(found: Mapping[str, Any]) -> Pair:
    """Read a mean over seeds and its standard error."""
    return with_error(found["mean"], found["error"])


def tone(entry: Mapping[str, Any]) -> Tone:
    """Return the significance of the difference between an entry and the baseline."""
    if entry["better"] is not None:
        return "better" if entry["better"] else "worse"
    pairs = entry["difference"]["values"] if entry["difference"] else ()
    return "single" if len(pairs) == 1 else "open"


def by_data(verdicts: Sequence[Verdict]) -> list[tuple[Verdict, list[Verdict]]]:
    """Return the first verdict of each data set with the others of that set."""
    sets: dict[str, list[Verdict]] = {}
    for each in verdicts:
        sets.setdefault(each.data, []).append(each)
    return [(first, others) for first, *others in sets.values()]


def _compared(
    variant: str, entry: Mapping[str, Any], base: Mapping[str, Any], lower: bool
) -> Compared:
    found = entry["difference"]
    counts = {len(each["score"]["values"]) for each in (entry, base)}
    mean, error = figure(found)
    return Compared(
        variant,
        tone(entry),
        figure(entry["score"]),
        (signed(mean), error),
        with_error(abs(found["mean"]), found["error"]),
        (found["mean"] < 0) == lower,
        len(found["values"]),
        counts == {len(found["values"])},
    )
