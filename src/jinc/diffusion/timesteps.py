"""The levels that samplers visit."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import index
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError, unknown
from jinc.types import Steps


def timesteps(T: int, count: int) -> list[int]:
    """`count` levels evenly from T−1 down to 0, both included; a single one is T−1.

    Args:
        T: number of steps of the schedule.
        count: number of levels, 1 … T.

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


Spacing: TypeAlias = Literal[
    "even", "leading", "trailing", "quadratic", "karras", "exponential", "flow"
]
"""How levels are spaced: see `spaced`."""


def spaced(
    schedule: Schedule, count: int, spacing: Spacing = "even", sigma_min: float | None = None
) -> list[int]:
    """`count` falling levels of a spacing.

    - `even`: in t, from T−1 to 0. `leading` and `trailing`: in equal strides ⌊T/count⌋ from 0 up,
      and T/count from T−1 down.
    - `quadratic`: in √t, from T−1 to 0.
    - `karras`: in σ^(1/7), and `exponential`: in log σ, σ being √((1−ᾱ)/ᾱ), from level T−1 to
      sigma_min.
    - `flow`: in √τ, from level T−1 to clean, which is not one of them; τ = σ/(1+σ) is the time of
      flow matching.

    Each is rounded to the nearest level of the schedule, and no level comes twice. Samplers use the
    σ of the rounded level, so that rounding is no error.

    Args:
        schedule: gives T and `alpha_bar_t`.
        count: number of levels, 1 … T.
        spacing: one of these.
        sigma_min: of `karras` and `exponential`: the σ of the lowest level (default: that of
            t = 0).

    Raises:
        JincError: a count that is not in 1 … T, an unknown spacing, or a sigma_min of another
            spacing or outside of the schedule.

    Source: DDIM (arXiv 2010.02502), appendix D.2; Karras et al. (2206.00364), eq. 5; Lin et al.
        (2305.08891), table 2.

    >>> spaced(Schedule.linear(), 5, "karras")
    [999, 843, 593, 142, 0]
    >>> spaced(Schedule.linear(), 5, "trailing")
    [999, 799, 599, 399, 199]
    """
    if spacing not in get_args(Spacing):
        raise unknown(f"spacing: {spacing!r} is unknown", spacing, get_args(Spacing))
    T, ends_early = len(schedule), spacing in ("karras", "exponential")
    if sigma_min is not None and not ends_early:
        raise JincError(f"sigma-min: belongs to karras and exponential, not to {spacing}")
    even = timesteps(T, count)
    if spacing == "even" or count == 1:
        return even
    if spacing == "leading":
        return list(range((count - 1) * (T // count), -1, -(T // count)))
    if spacing == "trailing":
        return [T - 1 - (2 * k * T + count) // (2 * count) for k in range(count)]
    if spacing == "flow":
        tau = _MEASURES["flow"](schedule)
        wanted = tau[-1] * (1 - torch.arange(count, dtype=tau.dtype) / count)
        return _nearest(tau, wanted)
    measure = _MEASURES[spacing](schedule)
    lowest = 0 if sigma_min is None else _lowest(schedule, sigma_min)
    share = torch.arange(count, dtype=measure.dtype) / (count - 1)
    return _nearest(measure, measure[-1] + (measure[lowest] - measure[-1]) * share)


def _sigma(schedule: Schedule) -> Tensor:
    """`σ_t = √((1−ᾱ_t)/ᾱ_t)`, noise over signal, `[T]`, float64."""
    alpha_bars = schedule.with_signal().alpha_bars
    return ((1 - alpha_bars) / alpha_bars).sqrt()


_MEASURES: Mapping[str, Callable[[Schedule], Tensor]] = {
    "quadratic": lambda schedule: torch.arange(len(schedule), dtype=torch.float64).sqrt(),
    "karras": lambda schedule: _sigma(schedule) ** (1 / 7),
    "exponential": lambda schedule: _sigma(schedule).log(),
    "flow": lambda schedule: (_sigma(schedule) / (1 + _sigma(schedule))).sqrt(),
}
"""Functions of t in which levels are even, rising, `[T]`."""


def _lowest(schedule: Schedule, sigma_min: float) -> int:
    """The level whose σ is nearest to one that the schedule covers."""
    sigma = _sigma(schedule)
    if not float(sigma[0]) <= sigma_min < float(sigma[-1]):
        raise JincError(
            f"sigma-min: {sigma_min:g} is not from {float(sigma[0]):.4g} to below "
            f"{float(sigma[-1]):.4g}, the noise levels of the schedule"
        )
    return int((sigma - sigma_min).abs().argmin())


def _nearest(values: Tensor, wanted: Tensor) -> list[int]:
    """Indices of rising values nearest to falling ones, each index once."""
    above = torch.searchsorted(values, wanted).clamp(1, len(values) - 1)
    below_is_nearer = wanted - values[above - 1] < values[above] - wanted
    places = (above - below_is_nearer.long()).tolist()
    for k in range(len(places) - 2, -1, -1):  # from the clean end up, where levels are dense
        places[k] = max(places[k], places[k + 1] + 1)
    for k, place in enumerate(places):  # and not beyond the end, nor on one another
        places[k] = min(place, len(values) - 1 - k)
    return places


def strided(T: int, stride: int) -> list[int]:
    """The multiples of a stride, from the highest one of the schedule down to 0.

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
        steps: number of levels, or the levels themselves, −1 … T−1, among which a rise is forward
            noising; −1 is appended if it is not the last.

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
    """Refuse levels that do not fall, an empty list, and a clean start; −1 may be the last."""
    falls = all(t_next < t for t, t_next in pairwise(levels))
    if not levels or levels[0] < 0 or not falls:
        raise JincError(f"levels: {list(levels)[:8]} do not fall from step to step")


def only_level(t: Steps) -> int:
    """Return the common level of all images, `[B]`; raise a JincError if there are several."""
    levels = set(t.tolist())
    if len(levels) != 1:
        raise JincError(f"images are at {len(levels)} levels, where all must be at one")
    return int(levels.pop())
