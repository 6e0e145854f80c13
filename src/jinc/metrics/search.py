"""Which design at which level buys the most equivariance for its time: a search by measurement."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from jinc.diffusion import Schedule, Shift, eps_of, forward
from jinc.metrics.equivariance.measures import network_equivariance
from jinc.types import Denoiser, Images

T = TypeVar("T")

SHARES = (0.1, 0.3, 0.6)
"""Levels of noise, as shares of T."""


@dataclass(frozen=True)
class Measured:
    """A configuration on a trained model, which was not trained further.

    Args:
        config: the designs by level; A is the model as it is.
        time: of a forward pass, over that of A.
        half_pixel_db: equivariance of the predicted noise to shifts by half a pixel, mean over
            levels of noise, dB.
        loss: mean square error of the predicted noise.
    """

    config: str
    time: float
    half_pixel_db: float
    loss: float


def search(
    measure: Callable[[str], Measured], levels: int, designs: Sequence[str]
) -> Iterator[Measured]:
    """Measure configurations: each design at each level alone, and then more and more levels.

    From A, the level and design with the most decibels for their time are added, until every level
    has a design; last, each design at all levels.

    Args:
        measure: called for each configuration once.
        levels: of the network.
        designs: to choose from.
    """
    now = ["A"] * levels
    yield (reached := measure("A"))
    known = {"A": reached}
    while "A" in now:
        found = []
        for level in (level for level, design in enumerate(now) if design == "A"):
            for design in designs:
                tried = [*now[:level], design, *now[level + 1 :]]
                name = joined(tried)
                if name not in known:
                    yield known.setdefault(name, measure(name))
                found.append((known[name], tried))
        reached, now = max(found, key=lambda each: _worth(each[0], reached))
    for design in designs:
        if design not in known:
            yield measure(design)


def evaluations(levels: int, designs: int) -> int:
    """Return the largest number of configurations that `search` measures."""
    return 1 + designs * levels * (levels + 1) // 2 + designs


def joined(designs: Sequence[str]) -> str:
    """Join designs by level, without repetitions at the end.

    >>> joined(["D@12", "A", "A"])
    'D@12,A'
    """
    count = len(designs)
    while count > 1 and designs[count - 1] == designs[count - 2]:
        count -= 1
    return ",".join(designs[:count])


def front(found: Sequence[Measured]) -> list[Measured]:
    """Return those that no other exceeds in both time and equivariance, by rising time."""
    return pareto_front(found, lambda each: (each.time, each.half_pixel_db))


def pareto_front(found: Sequence[T], cost_and_gain: Callable[[T], tuple[float, float]]) -> list[T]:
    """Return those that no other surpasses in cost or gain without being worse in the other.

    Args:
        found: any values.
        cost_and_gain: of one of them.

    Returns:
        by rising cost.

    >>> pareto_front([(5, 20), (4, 30), (6, 40), (7, 40)], lambda each: each)
    [(4, 30), (6, 40)]
    """
    best: list[T] = []
    most = -math.inf
    for each in sorted(found, key=lambda each: (cost_and_gain(each)[0], -cost_and_gain(each)[1])):
        if cost_and_gain(each)[1] > most:
            most = cost_and_gain(each)[1]
            best.append(each)
    return best


def best_within(found: Sequence[Measured], time: float) -> Measured:
    """Return the most equivariant of those that take at most so many times as long as A."""
    return max((each for each in found if each.time <= time), key=lambda each: each.half_pixel_db)


def _worth(after: Measured, before: Measured) -> float:
    """Decibels for time; differences in time below 2 % are noise."""
    return (after.half_pixel_db - before.half_pixel_db) / max(after.time - before.time, 0.02)


@torch.no_grad()
def measure_denoiser(
    config: str,
    denoiser: Denoiser,
    original: Denoiser,
    schedule: Schedule,
    x0: Images,
    eps: Images,
    rounds: int = 5,
) -> Measured:
    """Measure a converted denoiser on clean images.

    Args:
        config: its name.
        denoiser: `(x_t, t) -> x0_hat`, not clipped.
        original: the unconverted one, timed beside it; its own time is 1.
        schedule: of both.
        x0: clean images, `[B, C, H, W]`.
        eps: white noise, likewise.
        rounds: timed calls of each, in turn.
    """
    count, _, height, width = x0.shape
    half = torch.tensor([0.5 / height, 0.5 / width], dtype=torch.float64).expand(count, 2)
    levels = [round(share * len(schedule)) for share in SHARES]
    found = network_equivariance(denoiser, schedule, x0, eps, Shift(half), levels)
    losses = []
    for level in levels:
        t = torch.full((count,), level, device=x0.device)
        x_t = forward(schedule, x0, t, eps)
        errors = eps_of(schedule, "x0", x_t, t, denoiser(x_t, t)) - eps
        losses.append(float(errors.square().mean()))
    times = [(_seconds(denoiser, x_t, t), _seconds(original, x_t, t)) for _ in range(rounds)]
    return Measured(
        config,
        1.0 if denoiser is original else statistics.median(own / base for own, base in times),
        statistics.mean(each.eps_db for each in found),
        statistics.mean(losses),
    )


def _seconds(denoiser: Denoiser, x_t: Images, t: torch.Tensor) -> float:
    start = time.perf_counter()
    float(denoiser(x_t, t)[0, 0, 0, 0])  # waits for accelerators
    return time.perf_counter() - start
