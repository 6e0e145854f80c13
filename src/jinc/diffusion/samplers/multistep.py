"""Second order at one call of the denoiser a step: DPM-Solver++ (2M), and UniPC with a corrector.

With λ = log(α/σ), α = √ᾱ_t, σ = √(1−ᾱ_t) and h = λ' − λ, the flow from t down to t' is

    x_t' = σ'/σ x_t + α' ∫ e^(s−h) x0_hat(s) ds,    s = 0 … h,

if the prediction x0_hat is known in between. Both extrapolate linearly from the last two
predictions. UniPC corrects the move when the next prediction is known, by a parabola through three,
without another call. The move to clean, where h is infinite, is the last prediction itself.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import torch

from jinc.diffusion.samplers.sampler import After, Sampler, Step, falling_levels, predict_at
from jinc.diffusion.schedule import Schedule
from jinc.types import Denoiser, Images, Noise


def dpm_solver(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[Step]:
    """Denoise x_T by DPM-Solver++ (2M); arguments, result and errors: see `SamplerFn`.

    Source: DPM-Solver++ (arXiv 2211.01095), algorithm 2.

    >>> clean = lambda x_t, t: torch.zeros_like(x_t)
    >>> walk = dpm_solver(clean, Schedule.linear(), torch.randn(1, 1, 8, 8), steps=[990, 500])
    >>> [(step.t, float(step.x_t.abs().max()) > 0) for step in walk]
    [(500, True), (-1, False)]
    """
    levels = falling_levels(schedule, x_T, steps)
    return _walk(denoiser, schedule.with_signal(), x_T, levels, after, None)


def unipc(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[Step]:
    """Denoise x_T by UniPC of order 2; arguments, result and errors: see `SamplerFn`.

    The states are those before the correction, at which the denoiser is evaluated. With `after`
    nothing is corrected, for that would undo the change.

    Source: UniPC (arXiv 2302.04867), algorithms 1 and 2, with B(h) = e^h − 1.
    """
    levels = falling_levels(schedule, x_T, steps)
    correct = _corrected if after is None else None
    return _walk(denoiser, schedule.with_signal(), x_T, levels, after, correct)


DPM_SOLVER = Sampler(name="dpm++", make=lambda: dpm_solver)
UNIPC = Sampler(name="unipc", make=lambda: unipc)


@dataclass(frozen=True, eq=False)
class _Visit:
    """A level, the state there, and the prediction."""

    t: int
    x_t: Images
    x0_hat: Images


_Correct: TypeAlias = Callable[[Schedule, _Visit | None, _Visit, _Visit], Images]


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    levels: list[int],
    after: After | None,
    correct: _Correct | None,
) -> Iterator[Step]:
    """Sample with the last two levels as history."""
    x, before, last = x_T, None, None
    for t, t_next in pairwise(levels):
        x0_hat = predict_at(denoiser, x, t)
        here = _Visit(t, x, x0_hat)
        if correct is not None and last is not None:
            here = _Visit(t, correct(schedule, before, last, here), x0_hat)
        before, last = last, here
        x = x0_hat if t_next == -1 else _predicted(schedule, before, last, t_next)
        if after is not None:
            x = after(x, t_next)
        yield Step(t_next, x, x0_hat)


def _predicted(schedule: Schedule, before: _Visit | None, last: _Visit, t_next: int) -> Images:
    """The state at t_next for a linear x0_hat, which counts by its value at h/2."""
    h, middle = _fall(schedule, last.t, t_next), last.x0_hat
    if before is not None:
        share = h / (2 * _fall(schedule, before.t, last.t))
        middle = middle + share * (last.x0_hat - before.x0_hat)
    return _moved(schedule, last, t_next, -math.expm1(-h) * middle)


def _corrected(schedule: Schedule, before: _Visit | None, last: _Visit, here: _Visit) -> Images:
    """The state at `here` for a parabolic x0_hat; by the mean if two predictions are known.

    Of `1, s, s²` the integral with `e^(s−h)` is `1 − e^−h`, h less that, and h² less twice that.
    """
    h = _fall(schedule, last.t, here.t)
    constant = -math.expm1(-h)
    rise = here.x0_hat - last.x0_hat
    if before is None:
        return _moved(schedule, last, here.t, constant * (last.x0_hat + rise / 2))
    h_before = _fall(schedule, before.t, last.t)
    bend = (rise / h - (last.x0_hat - before.x0_hat) / h_before) / (h + h_before)
    linear = h - constant
    square = h**2 - 2 * linear
    curve = constant * last.x0_hat + linear * (rise / h - h * bend) + square * bend
    return _moved(schedule, last, here.t, curve)


def _moved(schedule: Schedule, visit: _Visit, t_next: int, integral: Images) -> Images:
    """`σ'/σ x_t + α' ∫ …`."""
    alpha_bar, alpha_bar_next = (float(schedule.alpha_bar(t)) for t in (visit.t, t_next))
    kept = math.sqrt((1 - alpha_bar_next) / (1 - alpha_bar))
    return kept * visit.x_t + math.sqrt(alpha_bar_next) * integral


def _fall(schedule: Schedule, t: int, t_next: int) -> float:
    """h, by how much λ grows from t to t_next."""
    there, here = (schedule.alpha_bar(each).logit() / 2 for each in (t_next, t))
    return float(there - here)
