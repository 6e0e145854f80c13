"""Time calls side by side: every round runs each call once, so that other load slows all alike."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """How much a benchmark measures.

    Args:
        rounds: at most; some benchmarks measure fewer.
        batch: images of a training step.
        side: of the images, pixels.
        width: channels of a network at full resolution.
        seconds: after which no round starts but the first.
    """

    rounds: int = 11
    batch: int = 16
    side: int = 32
    width: int = 32
    seconds: float = 150


QUICK = Size(rounds=1, batch=2, side=16, width=16)
"""For a look at whether everything runs."""


class Times(dict[str, list[float]]):
    """The seconds of each call, one a round."""

    def median(self, name: str) -> float:
        """Return the median over rounds, seconds."""
        return statistics.median(self[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median over rounds of the time of a call relative to another."""
        return statistics.median(a / b for a, b in zip(self[name], self[other], strict=True))

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(next(iter(self.values())))


def side_by_side(
    calls: Mapping[str, Call],
    rounds: int,
    *,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Time calls in rounds, after one round that warms up.

    Args:
        calls: by name.
        rounds: at most, ≥ 1.
        seconds: after which no round starts but the first.
        clock: seconds; of a device, after synchronising it.
    """
    for call in calls.values():
        call()
    times, start = Times({name: [] for name in calls}), time.perf_counter()
    for number in range(rounds):
        if number and time.perf_counter() - start > seconds:
            break
        for name, call in calls.items():
            before = clock()
            call()
            times[name].append(clock() - before)
    return times
