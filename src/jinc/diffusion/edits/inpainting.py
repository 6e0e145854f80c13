"""Inpainting: known pixels are replaced at every level, and levels are revisited as in RePaint.

Replacement alone misses the conditional distribution, for known pixels get fresh noise at every
level, and their surroundings have one move to adapt. Of two pixels of variance 1 and correlation .9
let the first be 1.5, so that the second has mean 1.35 and variance .19: after 1,000 moves of
`posterior` it has .94 and .31; with RePaint's jumps, ten times in all, 1.32 and .19.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from jinc.diffusion.process import forward
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_same_shape, mask_for
from jinc.diffusion.timesteps import check_falling
from jinc.errors import JincError
from jinc.types import Images, Noise


@dataclass(frozen=True, eq=False)
class replace:
    """Replace the known pixels: `x_t' = m·x_t' + (1−m)·forward(photo, t')`; an `After`.

    The photograph gets fresh noise of the new level t', and none at t' = −1, so that the result has
    its pixels exactly where m is 0.

    Args:
        schedule: of the denoiser.
        photo: clean images, `[B, C, H, W]`, or `[1, C, H, W]` for all.
        mask: m, 1 where to generate, 0 where the photograph stays: `[H, W]`, or `[B, 1, H, W]`.
        noise: white noise on demand, such as `SeededNoise`.

    Source: RePaint (arXiv 2201.09865), eq. 8.
    """

    schedule: Schedule
    photo: Images
    mask: Tensor
    noise: Noise

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", mask_for(self.photo, self.mask, "mask"))

    def __call__(self, x: Images, t: int) -> Images:
        """Replace the known pixels of the state `[B, C, H, W]` at level t."""
        photo, mask = self.photo.to(x), self.mask.to(x)
        check_same_shape(x, mask * photo, "photo")
        known = photo if t == -1 else forward(self.schedule, photo, t, self.noise(x))
        return mask * x + (1 - mask) * known


def repaint_levels(levels: Sequence[int], jump: int, times: int) -> list[int]:
    """Falling levels, with every stretch of `jump` moves visited `times` times.

    Stretches are counted from the clean end; a shorter one at the noisy end is visited once. Each
    is climbed in one move of forward noising. n levels take about times·n calls of the denoiser.

    Args:
        levels: falling, such as `timesteps(1000, 250)`; a −1 at the end is dropped.
        jump: moves of a stretch, ≥ 1 and fewer than levels; published: 10 of 250.
        times: visits of each stretch, ≥ 1; 1 changes nothing.

    Raises:
        JincError: levels that do not fall, or a jump or times out of range.

    Source: RePaint (arXiv 2201.09865), algorithm 1.

    >>> repaint_levels([40, 30, 20, 10, 0], jump=2, times=2)
    [40, 30, 20, 40, 30, 20, 10, 0, 20, 10, 0]
    """
    check_falling(levels)
    falls = [t for t in levels if t >= 0]
    if not 1 <= jump < len(falls):
        raise JincError(f"jump must be 1 to {len(falls) - 1}, fewer than the levels, got {jump}")
    if times < 1:
        raise JincError(f"times must be 1 or more, got {times}")
    walk: list[int] = []
    for k, t in enumerate(falls):
        walk.append(t)
        if k >= jump and (len(falls) - 1 - k) % jump == 0:
            walk += falls[k - jump : k + 1] * (times - 1)
    return walk


@dataclass(frozen=True)
class from_noise:
    """Start from pure noise, in place of `sdedit_start`; the first of the levels is its level."""

    levels: Sequence[int]

    def __call__(
        self, schedule: Schedule, photo: Images, *, noise: Noise
    ) -> tuple[Images, list[int]]:
        """Return white noise shaped like the photograph, and the levels."""
        return noise(photo), list(self.levels)
