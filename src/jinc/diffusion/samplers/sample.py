"""From noise to images: walk a path of levels with one denoiser and one method.

A sampler is a generator. Watching it (progress, GIF, cancelling) is iterating it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Protocol, Self, TypeAlias

import torch

from jinc.diffusion.process import step_noise
from jinc.diffusion.samplers.methods import Method, ddim
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import Spacing, check_falling, path
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


class SamplerFn(Protocol):
    """What a sampler is as a function: `partial(sample, method=ddim())`, `heun`, `dpm_solver`, …

    A sampler works without gradients, and yields a `Step` after every move.

    Args:
        denoiser: `(x_t, t) -> x0_hat`, t being int64 `[B]` on x_t's device, 0 … T−1.
        schedule: gives T and `alpha_bar_t`.
        x_T: the start at the first level, as a rule white noise, `[B, C, H, W]`.
        steps: a count of levels, evenly from T−1 to 0; or the falling levels themselves, such as
            `spaced(schedule, 20, "flow")`. The last move, to −1, need not be named.
        noise: white noise on demand, such as `SeededNoise`; by default `torch.randn_like`. Samplers
            that draw no noise ignore it.
        after: `(x, t') -> x`, for algorithms defined on the state; called after every move with the
            level t' just reached.

    Returns:
        an iterator of one `Step` for each move; its x0_hat is the prediction at the start of it.

    Raises:
        JincError: at once, for images or steps that make no sense.
    """

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
        """Go from the first level to clean images."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A sampler's entry in `SAMPLERS`: how it is made, and its defaults.

    Args:
        make: makes its sampling function from the options that it takes.
        takes: the names of these options.
        method: makes its `Method`, from the same options; None if it is no sequence of single
            moves.
        steps: default number of levels; None for all.
        spacing: default spacing of the levels: of solvers, what comes nearest to the end of the
            flow in 10 and 20 calls (`studies/solvers.py`); of others, evenly as in their papers.
        levels: the only ones that it visits, by T; None for a sampler that takes any.
        draws: whether it draws fresh noise, whatever its options.
        calls: of the denoiser, a level; of the last one there is one.
        as_is: whether predictions are by default neither clipped nor calibrated.
        shared_level: whether all images of a batch are at one level.
        expected_calls: of the denoiser for an image, from the same options; None where the number
            of steps gives it.
    """

    make: Callable[..., SamplerFn]
    takes: tuple[str, ...] = ()
    method: Callable[..., Method] | None = None
    steps: int | None = 20
    spacing: Spacing = "flow"
    levels: Callable[[int], list[int]] | None = None
    draws: bool = False
    calls: int = 1
    as_is: bool = False
    shared_level: bool = True
    expected_calls: Callable[..., int] | None = None

    @property
    def can_rise(self) -> bool:
        """Whether levels may rise on the way, as in RePaint: every move starts from its image."""
        return self.method is not None and self.levels is None

    def limits(self, clip: bool | None) -> bool:
        """Whether predictions are clipped, clip being the user's choice."""
        return not self.as_is if clip is None else clip

    def calibrates(self, calibrate: bool | None) -> bool | None:
        """Whether predictions are calibrated; None where the model decides."""
        return False if self.as_is and calibrate is None else calibrate


def falling_levels(schedule: Schedule, x_T: Images, steps: int | Sequence[int]) -> list[int]:
    """Check what a sampler is given, and list the levels from the first to −1.

    Raises:
        JincError: x_T is no batch of images, or levels that do not fall or do not exist.
    """
    check_images(x_T, "x_T")
    levels = path(len(schedule), steps)
    check_falling(levels)
    return levels


def ask_at(denoiser: Denoiser, x: Images, t: int) -> Images:
    """x0_hat of images that are all at one level."""
    return denoiser(x, torch.full((len(x),), t, device=x.device))


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
            x0_hat = ask_at(denoiser, x, t)
            x = method(schedule, x, x0_hat, t, t_next, noise)
        else:
            x = step_noise(schedule, x, t, t_next, noise(x))
        if after is not None:
            x = after(x, t_next)
        yield Step(t_next, x, x0_hat)


def moves(
    method: Callable[..., Method],
    *takes: str,
    steps: int | None = 50,
    spacing: Spacing = "even",
    draws: bool = False,
) -> Sampler:
    """The entry of the sampler that goes by a method."""
    return Sampler(
        make=lambda **options: partial(sample, method=method(**options)),
        takes=takes,
        method=method,
        steps=steps,
        spacing=spacing,
        draws=draws,
    )
