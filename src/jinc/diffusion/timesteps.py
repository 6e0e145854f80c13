"""The levels that a sampler visits."""

from collections.abc import Sequence
from itertools import pairwise
from operator import index

from jinc.errors import JincError
from jinc.types import Steps


def timesteps(T: int, count: int) -> list[int]:
    """`count` levels evenly from T−1 down to 0, both included; a single one is T−1.

    Args:
        T: number of steps of the schedule.
        count: number of levels, 1 … T.

    Returns:
        distinct, falling levels, `count` of them.

    Raises:
        JincError: count is not in 1 … T.

    >>> timesteps(1000, 5)
    [999, 749, 499, 250, 0]
    """
    if not 1 <= count <= T:
        raise JincError(f"steps must be 1 to {T}, the length of the schedule, got {count}")
    if count == 1:
        return [T - 1]
    # Rounding ⌊k(T−1)/(count−1) + ½⌋ in whole numbers: gaps ≥ 1 can then never round to 0.
    gaps = count - 1
    return [T - 1 - (2 * k * (T - 1) + gaps) // (2 * gaps) for k in range(count)]


def strided(T: int, stride: int) -> list[int]:
    """The multiples of a stride, from the highest one of the schedule down to 0.

    Args:
        T: number of steps of the schedule.
        stride: the fall from level to level, ≥ 1.

    Returns:
        falling levels, stride·⌊(T−1)/stride⌋ … 0.

    Raises:
        JincError: a stride below 1.

    >>> strided(1000, 30)[:3], len(strided(1000, 30))
    ([990, 960, 930], 34)
    """
    if stride < 1:
        raise JincError(f"stride must be 1 or more, got {stride}")
    return list(range((T - 1) // stride * stride, -1, -stride))


def path(T: int, steps: int | Sequence[int]) -> list[int]:
    """The levels from the first to −1, clean, as `sample` takes them.

    Args:
        T: number of steps of the schedule.
        steps: how many levels, or the levels themselves, −1 … T−1; a rise among them is forward
            noising. −1 is appended where it is not the last.

    Returns:
        levels that end on −1, each different from the one before.

    Raises:
        JincError: an empty list, a level out of range, or the same level twice in a row.

    >>> path(1000, [990, 500, 700, 0])
    [990, 500, 700, 0, -1]
    """
    levels = timesteps(T, steps) if isinstance(steps, int) else [index(t) for t in steps]
    if not levels or levels == [-1]:
        raise JincError("steps names no level to denoise from")
    for k, t in enumerate(levels):
        if not -1 <= t < T:
            raise JincError(f"steps[{k}] = {t} is not in -1 … {T - 1}")
    for k, (t, t_next) in enumerate(pairwise(levels), start=1):
        if t == t_next:
            raise JincError(f"steps[{k}] = {t_next} repeats the level before it")
    return levels if levels[-1] == -1 else [*levels, -1]


def check_falling(levels: Sequence[int]) -> None:
    """Refuse levels that do not fall from step to step, none at all, and a start that is clean.

    Args:
        levels: −1 may be the last.

    Raises:
        JincError: the levels.
    """
    falls = all(t_next < t for t, t_next in pairwise(levels))
    if not levels or levels[0] < 0 or not falls:
        raise JincError(f"levels: {list(levels)[:8]} do not fall from step to step")


def only_level(t: Steps) -> int:
    """The one level that all images are at.

    Args:
        t: levels, `[B]`.

    Raises:
        JincError: there are several.
    """
    levels = set(t.tolist())
    if len(levels) != 1:
        raise JincError(f"images are at {len(levels)} levels, where all must be at one")
    return int(levels.pop())
