"""Where the numbers of an axis stand, and where values stand on it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinc.report.pages.numbers import number


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Args:
        label: what it measures.
        low: its lower end.
        high: its upper end, above.
        log: whether equal ratios are equally long; both ends are then above 0.
        ticks: values with numbers.
    """

    label: str
    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return how far along the axis a value stands, 0 at its lower end and 1 at its upper."""
        if self.log:
            value = max(value, self.low * 1e-6)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def words(self) -> list[str]:
        """Return the numbers."""
        return [number(tick).text for tick in self.ticks]


def axis(
    label: str, values: Iterable[float], *, log: bool = False, most: int = 6, zero: bool = False
) -> Axis:
    """Make an axis that holds all values and ends at round numbers, or near them.

    Args:
        label: what it measures.
        values: finite ones; above 0 for a logarithmic axis.
        log: whether it is logarithmic.
        most: numbers on it, about.
        zero: whether it begins at 0 where all values are above.

    >>> axis("loss", [0.3, 9.2]).ticks
    (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    >>> axis("loss", [0.03, 0.9], log=True).ticks
    (0.05, 0.1, 0.2, 0.5)
    """
    found = [*values] or [0.5, 1.0]
    low, high = min(found), max(found)
    if log:
        low, high = (low * 0.9, high * 1.1) if low < high else (low / 2, high * 2)
        ticks = _log_ticks(low, high, most)
        if len(ticks) < 2:  # less than from one round number to the next
            ticks = tight(label, low, high, most).ticks
        return Axis(label, low, high, True, tuple(ticks))
    low = min(low, 0.0) if zero else low
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = _round_step((high - low) / (most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(_tidy(k * step) for k in range(first, last + 1))
    return Axis(label, ticks[0], ticks[-1], False, ticks)


def tight(label: str, low: float, high: float, most: int = 6) -> Axis:
    """Make an axis that ends where it is told, with numbers at round values.

    >>> tight("step", 0, 9375).ticks
    (0.0, 2000.0, 4000.0, 6000.0, 8000.0)
    """
    whole = axis(label, [low, high], most=most)
    slack = 1e-9 * (high - low)
    kept = tuple(tick for tick in whole.ticks if low - slack <= tick <= high + slack)
    return Axis(label, low, high, False, kept)


def _round_step(step: float) -> float:
    """The least of 1, 2, 2.5, 5 and 10 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= step * (1 - 1e-9))


def _log_ticks(low: float, high: float, most: int) -> Sequence[float]:
    """Round numbers between the ends, as many as there may be."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [_tidy(f * 10.0**p) for p in powers for f in factors]
        kept = [tick for tick in ticks if low <= tick <= high]
        if len(kept) <= most:
            return kept
    every = math.ceil(len(kept) / most)
    return kept[::every]


def _tidy(value: float) -> float:
    """The same without what rounding left behind, so that 0.30000000000000004 is 0.3."""
    return float(f"{value:.12g}")
