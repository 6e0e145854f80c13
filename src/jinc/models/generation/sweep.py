"""Sweeps: the same images rotated or shifted by one amount after another during sampling.

Configuration E of arXiv 2411.09174: the state moves a little after every step. All amounts start
from the noise of the image. Fresh noise moves with the image, so that a sweep shows one moving
object, as far as the network is equivariant; or, as published, it stays in place. Models with a
frame (`signal.frame`) generate the moved images instead, from moved noise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeAlias

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
from jinc.diffusion.samplers.sampler import After
from jinc.diffusion.timesteps import only_level
from jinc.errors import JincError
from jinc.models.generation.plan import SamplingPlan, rows_together
from jinc.models.pixel_model import PixelModel
from jinc.models.trained import Model
from jinc.types import Images, Noise


class Start(NamedTuple):
    """What the images of a sweep start from.

    Args:
        model: generates them.
        noise: of the start, and of every step.
        after: moves the state after every step; None to leave it.
    """

    model: PixelModel
    noise: Noise
    after: After | None = None


Way: TypeAlias = Callable[[PixelModel, Moving, Noise], Start]
"""How images move: `by_state`, `by_frame` or `by_both`."""


def by_state(
    model: PixelModel,
    moving: Moving,
    noise: Noise,
    drawn: Callable[[Noise, Moving], following] = following,
) -> Start:
    """Move the state a little after every step; fresh noise is `following` it, or `staying`."""
    along = drawn(noise, moving)
    return Start(model, along, along.after)


def by_frame(model: PixelModel, moving: Moving, noise: Noise, mirrored: bool = False) -> Start:
    """Move the noise and the frame of the model, and generate the images where they end.

    Args:
        model: a `Model` with a frame.
        moving: the movement.
        noise: of unmoved images.
        mirrored: whether to mirror the images left to right before they move.

    Raises:
        JincError: the model has no frame.
    """
    whole, share = moving.lossless(), moving.made(-1)
    frame = replace(moving.frame(share), mirrored=torch.tensor([mirrored]))

    def moved(like: Images) -> Images:
        drawn = noise(like)
        return whole.by(drawn.flip(-1) if mirrored else drawn, share)

    return Start(_framed(model).in_frames(lambda t: frame), moved)


def by_both(model: PixelModel, moving: Moving, noise: Noise) -> Start:
    """Move the state a little after every step, and the frame of the model with it.

    Raises:
        JincError: the model has no frame.
    """
    _, along, after = by_state(model, moving, noise)
    frames = _framed(model).in_frames(lambda t: moving.frame(moving.made(only_level(t))))
    return Start(frames, along, after)


def _framed(model: PixelModel) -> Model:
    """Return a model that may have a frame."""
    if not isinstance(model, Model):
        raise JincError("frame: this model has none; only networks trained with --frame have")
    return model


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
    way: Way = by_state,
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
        way: how images move.
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
        moving = sweep.moving(which, levels)
        moved, noise, after = way(model, moving, SeededNoise(plan.seed, numbers))
        size = (len(batch), model.channels, height, width)
        x_T, denoiser = noise(torch.empty(size, device=model.device)), plan.denoiser(moved, numbers)
        for step in plan.sample(
            denoiser, model.schedule, x_T, steps=levels, noise=noise, after=after
        ):
            if back and step.t == -1:
                step = replace(step, x_t=moving.by(step.x_t, -moving.made(-1), moving.made(-1)))
            yield batch, step


def _each(amounts: Sequence[float], which: Sequence[int]) -> torch.Tensor:
    """`[B]`, on the CPU in float64, where the tables of movements are computed."""
    return torch.tensor([amounts[i] for i in which], dtype=torch.float64)
