"""Sweeps: the same images rotated or shifted by one amount after another during sampling.

Configuration E of arXiv 2411.09174: the state moves a little after every step. All amounts start
from the noise of the image. Fresh noise moves with the image, so that a sweep shows one moving
object, as far as the network is equivariant; or, as published, it stays in place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import torch

from jinc.diffusion import (
    Moving,
    SeededNoise,
    Step,
    following,
    rotating,
    shifting,
    steady,
    warn_of_signal,
)
from jinc.diffusion.samplers.motion import Pace
from jinc.errors import JincError
from jinc.models.generation.plan import SamplingPlan, rows_together
from jinc.models.pixel_model import PixelModel
from jinc.types import Noise

Drawn: TypeAlias = Callable[[Noise, Moving], following]
"""How fresh noise relates to a movement: `following` or `staying`."""


class Sweep(Protocol):
    """Amounts to move by, one after another."""

    def __len__(self) -> int:
        """How many amounts there are."""

    def moving(self, which: Sequence[int], levels: Sequence[int]) -> Moving:
        """Return the movement of a batch.

        Args:
            which: for each image, the index of its amount.
            levels: the falling levels that the sampler visits.
        """


@dataclass(frozen=True)
class turns:
    """Rotations; a `Sweep`.

    Args:
        angles: radians, counter-clockwise, one after another.
        method: of `signal.rotate`.
        pace: progress of the rotation during sampling.
    """

    angles: Sequence[float]
    method: str = "unitary"
    pace: Pace = steady

    def __len__(self) -> int:
        """How many angles there are."""
        return len(self.angles)

    def moving(self, which: Sequence[int], levels: Sequence[int]) -> Moving:
        """Rotate each image by its own angle."""
        return rotating(_each(self.angles, which), levels, self.method, self.pace)


@dataclass(frozen=True)
class shifts:
    """Shifts; a `Sweep`.

    Args:
        down: pixels, one after another, any real numbers.
        right: pixels, as many.
        pace: progress of the shift during sampling.
    """

    down: Sequence[float]
    right: Sequence[float]
    pace: Pace = steady

    def __post_init__(self) -> None:
        """Compare the numbers of amounts."""
        if len(self.down) != len(self.right):
            raise JincError(f"shifts: {len(self.down)} down, but {len(self.right)} right")

    def __len__(self) -> int:
        """How many shifts there are."""
        return len(self.down)

    def moving(self, which: Sequence[int], levels: Sequence[int]) -> Moving:
        """Shift each image by its own amount."""
        return shifting(_each(self.down, which), _each(self.right, which), levels, self.pace)


def sweep_images(
    model: PixelModel,
    sweep: Sweep,
    plan: SamplingPlan,
    *,
    drawn: Drawn = following,
    back: bool = False,
) -> Iterator[tuple[range, Step]]:
    """Generate the images of a plan, each once for every amount of a sweep.

    Row r is image `r // len(sweep)`, moved by amount `r % len(sweep)`. Where that is nothing, it is
    the image of `generate_images`, up to rounding.

    Args:
        model: generates the images.
        sweep: the amounts, `turns` or `shifts`.
        plan: which images, and how; its batch counts rows (default: 64, or fewer of more than
            64×64 pixels).
        drawn: how fresh noise relates to the movement: `following` or `staying`.
        back: whether to move the finished images back: with an equivariant network and a lossless
            operator, all amounts then give one image.

    Yields:
        After every step of every batch, its rows, and the step, `[n, C, H, W]`.

    Raises:
        JincError: images that cannot be moved so, or invalid steps.
    """
    warn_of_signal(model.schedule)
    amounts, levels = len(sweep), plan.levels(model.schedule)
    height, width = model.image_size
    rows = plan.batch or rows_together(model.image_size)
    for first in range(0, plan.number * amounts, rows):
        batch = range(first, min(first + rows, plan.number * amounts))
        numbers = [row // amounts for row in batch]
        which = [row % amounts for row in batch]
        moving, noise = sweep.moving(which, levels), SeededNoise(plan.seed, numbers)
        size = (len(batch), model.channels, height, width)
        x_T = noise(torch.empty(size, device=model.device))
        denoiser, along = plan.denoiser(model, numbers), drawn(noise, moving)
        for step in plan.sample(
            denoiser, model.schedule, x_T, steps=levels, noise=along, after=along.after
        ):
            if back and step.t == -1:
                step = replace(step, x_t=moving.by(step.x_t, -moving.made(-1), moving.made(-1)))
            yield batch, step


def _each(amounts: Sequence[float], which: Sequence[int]) -> torch.Tensor:
    """`[B]`, on the CPU in float64, where the tables of movements are computed."""
    return torch.tensor([amounts[i] for i in which], dtype=torch.float64)
