"""Moving the image while it is generated: configuration E of arXiv 2411.09174.

The state is turned or shifted a little after every step, so that what is generated has made the
whole way when it is finished. Made for `sample(..., after=...)`.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinc.errors import JincError
from jinc.signal import rotate, shift
from jinc.types import Images


def steady(progress: float) -> float:
    """Move at one speed, as published."""
    return progress


def gentle(progress: float) -> float:
    """Start and stop slowly: half a period of a cosine."""
    return (1 - math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class rotating:
    """Turn the state after every step, by `angle` in all.

    Args:
        angle: radians in all, counter-clockwise as displayed. The published code makes 999 of 1,000
            steps and so turns by 0.999 of its angle.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        method: how to turn, as `signal.rotate` knows it.
        pace: the share of the way made at a share of the steps, from (0, 0) to (1, 1).

    Raises:
        JincError: levels that do not fall.

    Source: arXiv 2411.09174, configuration E.
    """

    angle: float
    levels: Sequence[int]
    method: str = "unitary"
    pace: Callable[[float], float] = steady

    def __post_init__(self) -> None:
        """Refuse levels on which no way can be divided."""
        _check_falling(self.levels)

    def __call__(self, x: Images, t: int) -> Images:
        """Turn the state `[B, C, H, W]` that has just reached level t."""
        return rotate(x, self.angle * _share(self.levels, self.pace, t), self.method)


@dataclass(frozen=True)
class shifting:
    """Shift the state after every step, by (down, right) in all, without loss.

    Args:
        down: pixels in all, any real number.
        right: pixels in all, any real number.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        pace: the share of the way made at a share of the steps, from (0, 0) to (1, 1).

    Raises:
        JincError: levels that do not fall.
    """

    down: float
    right: float
    levels: Sequence[int]
    pace: Callable[[float], float] = steady

    def __post_init__(self) -> None:
        """Refuse levels on which no way can be divided."""
        _check_falling(self.levels)

    def __call__(self, x: Images, t: int) -> Images:
        """Shift the state `[B, C, H, W]` that has just reached level t."""
        share = _share(self.levels, self.pace, t)
        return shift(x, self.down * share, self.right * share)


def _share(levels: Sequence[int], pace: Callable[[float], float], t: int) -> float:
    """Return the share of the way that is made by the step that ends on level t."""
    reached = [*levels[1:], -1] if levels[-1] != -1 else list(levels[1:])
    step = reached.index(t)
    return pace((step + 1) / len(reached)) - pace(step / len(reached))


def _check_falling(levels: Sequence[int]) -> None:
    falls = all(after < before for before, after in itertools.pairwise(levels))
    if not levels or not falls:
        raise JincError(f"levels: {list(levels)[:8]} do not fall from step to step")
