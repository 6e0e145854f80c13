"""Scores over several training seeds: means, standard errors, differences to a baseline."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

T_975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t for 95 % with 1 to 10 degrees of freedom."""

Z_975 = 1.959964
"""The same for infinitely many."""


def student_975(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t: half the 95 % interval, in standard errors.

    Args:
        freedom: degrees of freedom, ≥ 1.

    Source: Abramowitz and Stegun 1964, 26.7.5, to its third term, beyond 10.

    >>> [round(student_975(n), 2) for n in (2, 11, 40)]
    [4.3, 2.2, 2.02]
    """
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z, n = Z_975, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


@dataclass(frozen=True)
class OverSeeds:
    """A mean over seeds.

    Args:
        mean: of the values.
        error: standard error of the mean; None for a single seed.
        values: one per seed.
        seeds: in the order of the values.
    """

    mean: float
    error: float | None
    values: tuple[float, ...]
    seeds: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Sequence[float], seeds: Sequence[int] = ()) -> "OverSeeds":
        """Take the mean of values.

        >>> OverSeeds.of([1.0, 2.0, 3.0]).error
        0.5773502691896258
        """
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(statistics.fmean(values), error, tuple(values), tuple(seeds))

    @property
    def reach(self) -> float | None:
        """Half the width of the 95 % confidence interval, by Student's t."""
        return None if self.error is None else self.error * student_975(len(self.values) - 1)

    def facts(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "mean": self.mean,
            "error": self.error,
            "reach_95": self.reach,
            "values": list(self.values),
            "seeds": list(self.seeds),
        }


@dataclass(frozen=True)
class Entry:
    """The score of a variant on a data set.

    Args:
        score: over seeds.
        difference: to the baseline, paired by seed; None for the baseline itself.
        better: whether the variant is significantly (95 %) better or worse; None if neither, or
            with a single seed.
    """

    score: OverSeeds
    difference: OverSeeds | None
    better: bool | None

    @classmethod
    def of(cls, own: Mapping[int, float], base: Mapping[int, float], lower: bool) -> "Entry":
        """Compare a variant with the baseline.

        Args:
            own: its scores by seed.
            base: the baseline's scores; empty for the baseline itself.
            lower: whether lower is better.
        """
        score = OverSeeds.of(list(own.values()), list(own))
        differences = {seed: value - base[seed] for seed, value in own.items() if seed in base}
        if not differences:
            return cls(score, None, None)
        difference = OverSeeds.of(list(differences.values()), list(differences))
        reach = difference.reach
        sure = reach is not None and abs(difference.mean) > reach
        return cls(score, difference, (difference.mean < 0) == lower if sure else None)

    def facts(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "score": self.score.facts(),
            "difference": None if self.difference is None else self.difference.facts(),
            "better": self.better,
        }


@dataclass(frozen=True)
class Column:
    """One score of one data set.

    Args:
        data: name of the set.
        kind: of the score.
        name: shown in tables.
        lower_is_better: False if higher is better.
        entries: by variant.
        group: the table that it belongs to; "" for that of the scores.
        floor: the score of an exactly equivariant denoiser; None if there is none.
    """

    data: str
    kind: str
    name: str
    lower_is_better: bool
    entries: Mapping[str, Entry]
    group: str = ""
    floor: float | None = None

    @classmethod
    def of(
        cls,
        data: str,
        kind: str,
        name: str,
        lower_is_better: bool,
        values: Mapping[str, Mapping[int, float]],
        baseline: str,
    ) -> "Column":
        """Compare all variants with the baseline.

        Args:
            data, kind, name, lower_is_better: as the column has them.
            values: scores by variant and seed.
            baseline: the variant to compare with.
        """
        base = values.get(baseline, {})
        entries = {
            variant: Entry.of(own, {} if variant == baseline else base, lower_is_better)
            for variant, own in values.items()
        }
        return cls(data, kind, name, lower_is_better, entries)

    def facts(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "data": self.data,
            "kind": self.kind,
            "name": self.name,
            "lower_is_better": self.lower_is_better,
            "entries": {variant: entry.facts() for variant, entry in self.entries.items()},
        } | ({"group": self.group, "floor": self.floor} if self.group else {})
