"""Whether something is better than the baseline, and by how much: the sentences of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jinc.report.pages.numbers import Number, signed, with_error

Tone = Literal["better", "worse", "open", "single"]

Pair = tuple[Number, Number]
"""A figure and its standard error."""


@dataclass(frozen=True)
class Compared:
    """A variant beside the baseline.

    Args:
        variant: its name.
        tone: better or worse where the seeds are sure of it; open where they are not; single where
            there is one seed, which cannot tell.
        score: what it scores.
        difference: to the baseline, seed by seed, with its sign.
        apart: the same without.
        looks_better: whether the difference is one for the better, sure or not.
        seeds: how many the difference is of.
        all_seeds: whether either of both has no others.
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
    """What one score says about one data set.

    Args:
        data: name of the set.
        kind: of the score.
        name: what the score may be called.
        lower_is_better: or higher.
        baseline: its name.
        base: what it scores; None where it has no score yet.
        best: the variant that is told of; None where there is none to compare.
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
        """How many variants there are beside the baseline."""
        return len(self.others) + (self.best is not None)

    def groups(self) -> list[tuple[str, list[Compared]]]:
        """Return the others by what is known of them, those of which more is known first."""
        titles = {
            "better": "Better too",
            "worse": "Worse",
            "open": "No difference told",
            "single": "One seed only",
        }
        found = [(title, [o for o in self.others if o.tone == t]) for t, title in titles.items()]
        return [(title, group) for title, group in found if group]


def verdict(column: Mapping[str, Any], baseline: str) -> Verdict:
    """Read a column of a study's table.

    Args:
        column: of `table.json`.
        baseline: the variant that others are compared with.
    """
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
    """Say what is known of the difference of an entry to the baseline."""
    if entry["better"] is not None:
        return "better" if entry["better"] else "worse"
    return "single" if len(entry["difference"]["values"]) < 2 else "open"


def by_data(verdicts: Sequence[Verdict]) -> list[tuple[Verdict, list[Verdict]]]:
    """Return the first verdict of each data set, and beside it the others of that set."""
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
