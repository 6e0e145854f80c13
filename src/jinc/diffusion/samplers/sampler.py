"""What a sampler is: a generator of steps from noise to images, and its entry in the registry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeAlias

import torch

from jinc.diffusion.samplers.methods import Method
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import Spacing, check_falling, path, spaced, timesteps
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Noise

After: TypeAlias = Callable[[Images, int], Images]
"""`(x, t') -> x`, a change of the state at the level t' just reached."""


@dataclass(frozen=True, eq=False)
class Step:
    """The state of sampling after a step.

    Args:
        t: the level just reached; −1, clean, at the end.
        x_t: the images at that level, `[B, C, H, W]`.
        x0_hat: the prediction that led there (on a rise, which needs none, the last one; x_T
            before any), `[B, C, H, W]`.
    """

    t: int
    x_t: Images
    x0_hat: Images

    def first(self, count: int) -> Self:
        """Return the step of the first images alone."""
        return replace(self, x_t=self.x_t[:count], x0_hat=self.x0_hat[:count])


class SamplerFn(Protocol):
    """A sampler as a function: `partial(sample, method=ddim())`, `heun`, `dpm_solver`, …

    It works without gradients, and yields a `Step` after every step: watching it (progress, GIF,
    cancelling) is iterating it.

    Args:
        denoiser: `(x_t, t) -> x0_hat`, t being int64 `[B]` on x_t's device, 0 … T−1.
        schedule: gives T and `alpha_bar_t`.
        x_T: the start at the first level, as a rule white noise, `[B, C, H, W]`.
        steps: number of levels, evenly from T−1 to 0; or the falling levels themselves, such as
            `spaced(schedule, 20, "flow")`. The last step, to −1, need not be named.
        noise: white noise on demand, such as `SeededNoise`; by default `torch.randn_like`. Samplers
            that draw no noise ignore it.
        after: `(x, t') -> x`, for algorithms defined on the state; called after every step with the
            level t' just reached.

    Returns:
        an iterator of one `Step` for each step; its x0_hat is the prediction at its start.

    Raises:
        JincError: at once, for invalid images or steps.
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
        """Sample from the first level to clean images."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """An entry of `SAMPLERS`: how a sampler is made, and its defaults.

    Args:
        name: on the command line.
        make: makes its function from its options.
        options: their names.
        method: makes its `Method` from the same options; None if it does not go in single moves.
        default_steps: number of levels; None for all.
        spacing: of the levels by default: for solvers, the one nearest to the end of the flow in 10
            and 20 calls (`studies/solvers.py`); for others even, as in their papers.
        fixed_levels: T to the only levels that it visits; None if it takes any.
        draws: whether it draws fresh noise, whatever its options.
        calls_per_step: calls of the denoiser.
        raw: whether predictions are by default neither clipped nor calibrated.
        shared_level: whether all images of a batch are at one level.
        expected_calls: estimate of the calls for an image, from the same options; None if they
            follow from the number of steps.
    """

    name: str
    make: Callable[..., SamplerFn]
    options: tuple[str, ...] = ()
    method: Callable[..., Method] | None = None
    default_steps: int | None = 20
    spacing: Spacing = "flow"
    fixed_levels: Callable[[int], list[int]] | None = None
    draws: bool = False
    calls_per_step: int = 1
    raw: bool = False
    shared_level: bool = True
    expected_calls: Callable[..., int] | None = None

    @classmethod
    def of(cls, function: SamplerFn) -> Self:
        """Make an entry for a function, of which nothing is known."""
        name = getattr(function, "__name__", "given")
        return cls(name=name, make=lambda: function, default_steps=50, spacing="even", draws=True)

    @property
    def can_rise(self) -> bool:
        """Whether levels may rise, as in RePaint: every move starts from its state alone."""
        return self.method is not None and self.fixed_levels is None

    def count(self, T: int, steps: int | None = None) -> int:
        """Return the number of levels that are visited.

        Args:
            T: number of steps of the schedule.
            steps: number of levels, 1 … T (default: `default_steps`, or T if that is less).

        Raises:
            JincError: the schedule has fewer steps, or the levels are fixed.
        """
        if self.fixed_levels is not None:
            if steps is not None:
                raise self._own_levels("steps")
            return len(self.fixed_levels(T))
        if steps is None:
            return T if self.default_steps is None else min(self.default_steps, T)
        return len(timesteps(T, steps))

    def levels(
        self,
        schedule: Schedule,
        steps: int | None = None,
        spacing: Spacing | None = None,
        sigma_min: float | None = None,
    ) -> list[int]:
        """Return the levels that are visited, falling.

        Args:
            schedule: gives T and `alpha_bar_t`.
            steps: as of `count`.
            spacing: of the levels (default: the sampler's).
            sigma_min: as of `spaced`.

        Raises:
            JincError: as of `count` and `spaced`, or a spacing for fixed levels.
        """
        T = len(schedule)
        count = self.count(T, steps)
        if self.fixed_levels is None:
            return spaced(schedule, count, spacing or self.spacing, sigma_min)
        for option, value in (("spacing", spacing), ("sigma-min", sigma_min)):
            if value is not None:
                raise self._own_levels(option)
        return self.fixed_levels(T)

    def _own_levels(self, option: str) -> JincError:
        return JincError(
            f"{option}: the {self.name} sampler visits levels of its own; leave it out"
        )


def falling_levels(schedule: Schedule, x_T: Images, steps: int | Sequence[int]) -> list[int]:
    """Check the arguments of a sampler, and list its levels from the first to −1."""
    check_images(x_T, "x_T")
    levels = path(len(schedule), steps)
    check_falling(levels)
    return levels


def predict_at(denoiser: Denoiser, x: Images, t: int) -> Images:
    """x0_hat of images that are all at one level."""
    return denoiser(x, torch.full((len(x),), t, device=x.device))
