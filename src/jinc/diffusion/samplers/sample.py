"""DDPM, DDIM and the like: sampling in single moves by a `Method`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import torch

from jinc.diffusion.process import step_noise
from jinc.diffusion.samplers.methods import Method, ddim, ddpm, ddpm_published, posterior
from jinc.diffusion.samplers.sampler import After, Sampler, Step, predict_at
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import Spacing, path
from jinc.types import Denoiser, Images, Noise

_DDIM = ddim()


def sample(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    method: Method = _DDIM,
    steps: int | Sequence[int] | None = None,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[Step]:
    """Denoise x_T level by level by a method; other arguments, result and errors: see `SamplerFn`.

    Args:
        denoiser: see `SamplerFn`.
        schedule: see `SamplerFn`.
        x_T: see `SamplerFn`.
        method: `ddim(eta)`, `ddpm(variance)`, `posterior(stride)`, or any other `Method`.
        steps: None for the method's own levels; a count; or levels, among which a rise is forward
            noising (RePaint's jumps).
        noise: see `SamplerFn`.
        after: see `SamplerFn`; called after moves up, too.

    >>> clean = lambda x_t, t: torch.zeros_like(x_t)
    >>> run = sample(clean, Schedule.linear(), torch.randn(1, 1, 8, 8), steps=[990, 500])
    >>> [(step.t, round(float(step.x_t.abs().max()), 3) > 0) for step in run]
    [(500, True), (-1, False)]
    """
    check_images(x_T, "x_T")
    levels = path(len(schedule), method.levels(len(schedule)) if steps is None else steps)
    fresh = torch.randn_like if noise is None else noise
    return _walk(denoiser, schedule, x_T, levels, method, fresh, after)


def generate(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    method: Method = _DDIM,
    steps: int | Sequence[int] | None = None,
    noise: Noise | None = None,
    after: After | None = None,
) -> Images:
    """Return the clean images at the end of `sample`, with the same arguments; not clipped."""
    x = x_T
    for step in sample(
        denoiser, schedule, x_T, method=method, steps=steps, noise=noise, after=after
    ):
        x = step.x_t
    return x


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    levels: list[int],
    method: Method,
    noise: Noise,
    after: After | None,
) -> Iterator[Step]:
    """Visit the levels: down by the method, up by forward noising."""
    x = x0_hat = x_T
    for t, t_next in pairwise(levels):
        if t_next < t:
            x0_hat = predict_at(denoiser, x, t)
            x = method(schedule, x, x0_hat, t, t_next, noise)
        else:
            x = step_noise(schedule, x, t, t_next, noise(x))
        if after is not None:
            x = after(x, t_next)
        yield Step(t_next, x, x0_hat)


def _moves(
    name: str,
    method: Callable[..., Method],
    *options: str,
    default_steps: int | None = 50,
    spacing: Spacing = "even",
    draws: bool = True,
) -> Sampler:
    return Sampler(
        name=name,
        make=lambda **given: partial(sample, method=method(**given)),
        options=options,
        method=method,
        default_steps=default_steps,
        spacing=spacing,
        draws=draws,
    )


DDIM = _moves("ddim", ddim, "eta", draws=False)
DDPM = _moves("ddpm", ddpm, default_steps=None)
POSTERIOR = _moves("posterior", posterior)
PUBLISHED = replace(
    _moves("published", ddpm_published), fixed_levels=ddpm_published().levels, raw=True
)
EULER = _moves("euler", ddim, default_steps=20, spacing="flow", draws=False)
"""Euler's method in flow time: the moves of `ddim` at other levels."""
