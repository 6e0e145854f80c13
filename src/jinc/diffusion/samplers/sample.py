"""From noise to images: walk a path of levels with one denoiser and one method.

A sampler is a generator. Watching it (progress, GIF, cancelling) is iterating it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, Self, TypeAlias

import torch

from jinc.diffusion.process import step_noise
from jinc.diffusion.samplers.methods import Method, ddim
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import path
from jinc.types import Denoiser, Images, Noise

After: TypeAlias = Callable[[Images, int], Images]
"""`(x, t') -> x`, a change of the state at the level t' just reached."""

_DDIM = ddim()


@dataclass(frozen=True, eq=False)
class Step:
    """What a sampler shows after each move.

    Args:
        t: the level just reached; −1, clean, at the end.
        x_t: the images at that level, `[B, C, H, W]`.
        x0_hat: the prediction that led there (on a rise, which needs none, the last one made;
            x_T before any was), `[B, C, H, W]`.
    """

    t: int
    x_t: Images
    x0_hat: Images

    def first(self, count: int) -> Self:
        """Return the same of the first images alone."""
        return replace(self, x_t=self.x_t[:count], x0_hat=self.x0_hat[:count])


class Walk(Protocol):
    """A way from noise to images: `partial(sample, method=ddim())`, `partial(solve, …)`."""

    def __call__(
        self,
        denoiser: Denoiser,
        schedule: Schedule,
        x_T: Images,
        *,
        steps: int | Sequence[int],
        noise: Noise | None = None,
        after: After | None = None,
    ) -> Iterator[Step]:
        """Walk from the first level to the images; the arguments are those of `sample`."""
        ...


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
    """Denoise x_T level by level, without gradients, and yield every state.

    Args:
        denoiser: `(x_t, t) -> x0_hat`, t being int64 `[B]` on x_t's device, 0 … T−1.
        schedule: gives T and `alpha_bar_t`.
        x_T: the start at the first level, as a rule white noise, `[B, C, H, W]`.
        method: `ddim(eta)`, `ddpm(variance)`, `posterior(stride)`, or any other `Method`.
        steps: None for the method's own levels; a count of levels, evenly from T−1 to 0; or the
            levels themselves, from any level on. A rise among them is forward noising (RePaint's
            jumps), and the last move, to −1, need not be named.
        noise: white noise on demand, such as `SeededNoise`; by default `torch.randn_like`.
        after: `(x, t') -> x`, for algorithms defined on the state; called after every move, up
            or down, with the level t' just reached.

    Returns:
        an iterator of one `Step` for each move.

    Raises:
        JincError: at once, for images or steps that make no sense.

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
    """The clean images at the end of `sample`, which takes the same arguments.

    Returns:
        `[B, C, H, W]`; not clipped.
    """
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
    """Go through the levels: down by the method, up by forward noising."""
    x = x0_hat = x_T
    for t, t_next in pairwise(levels):
        if t_next < t:
            x0_hat = denoiser(x, torch.full((len(x),), t, device=x.device))
            x = method(schedule, x, x0_hat, t, t_next, noise)
        else:
            x = step_noise(schedule, x, t, t_next, noise(x))
        if after is not None:
            x = after(x, t_next)
        yield Step(t_next, x, x0_hat)
