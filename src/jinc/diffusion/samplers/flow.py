"""The straight paths of flow matching, and Heun's method along them.

On the path `z = (1−τ) x0 + τ eps` the direction is u = eps − x0, which a denoiser knows at every
level: `u = (z − x0_hat)/τ`. For any schedule, noisy images are on such paths: with α = √ᾱ_t
and σ = √(1−ᾱ_t) they are `x_t = (α+σ) z` at τ = σ/(α+σ).

There is no `euler` here, for it is `ddim()`: a step `z' = z + (τ'−τ) u` leaves x0_hat and
`eps = x0_hat + u` as they are, so that `z' = (1−τ') x0_hat + τ' eps`, and that times α'+σ' is
`√ᾱ' x0_hat + √(1−ᾱ') eps`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from jinc.diffusion.samplers.sampler import After, Sampler, Step, falling_levels, predict_at
from jinc.diffusion.schedule import Schedule
from jinc.types import Denoiser, Images, Noise


def flow_time(schedule: Schedule, t: int | Tensor) -> Tensor:
    """Flow time, the position on the straight path: `τ = √(1−ᾱ_t)/(√ᾱ_t + √(1−ᾱ_t))`.

    Args:
        schedule: gives `ᾱ_t`.
        t: one level, or an integer tensor of levels of any shape, −1 … T−1.

    Returns:
        0 at t = −1 and below 1, as `Schedule.alpha_bar`.

    >>> [round(float(flow_time(Schedule.flow(T=9), t)), 12) for t in (-1, 0, 4, 8)]
    [0.0, 0.1, 0.5, 0.9]
    """
    alpha_bar = schedule.alpha_bar(t)
    return (1 - alpha_bar).sqrt() / (alpha_bar.sqrt() + (1 - alpha_bar).sqrt())


def flow_scale(schedule: Schedule, t: int | Tensor) -> Tensor:
    """Ratio of x_t to the image z on the straight path: `√ᾱ_t + √(1−ᾱ_t)`, 1 to √2.

    Args:
        schedule: gives `ᾱ_t`.
        t: one level, or an integer tensor of levels of any shape, −1 … T−1.

    Returns:
        As `Schedule.alpha_bar`.
    """
    alpha_bar = schedule.alpha_bar(t)
    return alpha_bar.sqrt() + (1 - alpha_bar).sqrt()


def heun(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[Step]:
    """Denoise x_T by Heun's method along straight paths; arguments and errors: see `SamplerFn`.

    A step of Euler's method is repeated with the mean of the directions at both ends: second order
    for two calls a step. The last step, to clean, where there is no direction, is the prediction
    itself: n levels take 2n − 1 calls.

    Heun's method in σ/α, as in EDM and diffusers, is inaccurate near pure noise,
    where σ/α is unbounded; τ is bounded.

    Source: EDM (arXiv 2206.00364), algorithm 1, there in σ.

    >>> clean = lambda x_t, t: torch.zeros_like(x_t)
    >>> walk = heun(clean, Schedule.flow(T=100), torch.randn(1, 1, 8, 8), steps=3)
    >>> [(step.t, float(step.x_t.abs().max()) > 0) for step in walk]
    [(49, True), (0, True), (-1, False)]
    """
    return _walk(denoiser, schedule, x_T, falling_levels(schedule, x_T, steps), after)


HEUN = Sampler(name="heun", make=lambda: heun, calls_per_step=2)


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    levels: list[int],
    after: After | None,
) -> Iterator[Step]:
    """Two calls a step, but one for the last."""

    def ask(z: Images, t: int) -> tuple[Images, Images]:
        """x0_hat, and the direction u."""
        x_t = float(flow_scale(schedule, t)) * z
        x0_hat = predict_at(denoiser, x_t, t)
        return x0_hat, (z - x0_hat) / float(flow_time(schedule, t))

    x = x_T
    for t, t_next in pairwise(levels):
        z = x / float(flow_scale(schedule, t))
        x0_hat, u = ask(z, t)
        if t_next == -1:
            x = x0_hat
        else:
            length = float(flow_time(schedule, t_next) - flow_time(schedule, t))
            _, u_there = ask(z + length * u, t_next)
            x = float(flow_scale(schedule, t_next)) * (z + length * (u + u_there) / 2)
        if after is not None:
            x = after(x, t_next)
        yield Step(t_next, x, x0_hat)
