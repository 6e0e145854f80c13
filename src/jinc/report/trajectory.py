"""Trajectories of samplers, from noise to images, as a strip and as frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import (
    contact_sheet,
    enlargement,
    image_grid,
    save_animation,
    save_png,
    to_uint8,
)
from jinc.diffusion import Step
from jinc.errors import JincError

SEEN = 64
"""Least length of the longer side of an image in a strip, pixels."""

HELD = 12
"""Repetitions of the last frame of an animation."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States of a sampler, from the noisiest to the images.

    Args:
        levels: t of each state, −1 for clean, `[K]`.
        x_t: the states, uint8, `[K, B, C, H, W]`.
        x0_hat: the predictions that led to them, uint8, likewise.
    """

    levels: tuple[int, ...]
    x_t: Tensor
    x0_hat: Tensor

    def thinned(self, frames: int) -> "Trajectory":
        """Select evenly spaced states, including the first and the last."""
        places = spread(len(self.levels), frames)
        levels = tuple(self.levels[place] for place in places)
        return Trajectory(levels, self.x_t[places], self.x0_hat[places])

    def strip(self, scale: int | None = None) -> NDArray[np.uint8]:
        """Lay out the states of each image in a row, above the predictions that led to them.

        Each pixel is repeated `scale` times, by default to a visible size.
        """
        pairs = torch.stack([self.x_t, self.x0_hat], 2)  # [K, B, 2, C, H, W]
        images = pairs.flatten(1, 2).transpose(0, 1)
        usual = enlargement(images.shape[-2:], SEEN)
        names = ["state", "prediction"] * pairs.shape[1]
        words = ["clean" if t == -1 else f"t = {t}" for t in self.levels]
        return contact_sheet(images, names, words, scale or usual)

    def frames(
        self, columns: int | None = None, scale: int | None = None
    ) -> list[NDArray[np.uint8]]:
        """Return a grid of all images for each state, above the predictions that led to it.

        Args:
            columns: images in a row; None for about a square.
            scale: repetitions of each pixel; None for a visible size.
        """
        size = scale or enlargement(self.x_t.shape[-2:], 2 * SEEN)
        return [
            np.concatenate([image_grid(images, columns, scale=size) for images in pair])
            for pair in zip(self.x_t, self.x0_hat, strict=True)
        ]

    def save(self, file: str | Path, fps: float = 12) -> None:
        """Save the strip as .png, or an animation that pauses at the last frame."""
        if Path(file).suffix.lower() == ".png":
            save_png(file, self.strip())
            return
        frames = self.frames()
        save_animation(file, frames + frames[-1:] * (HELD - 1), fps)


class Recorder:
    """Records evenly spaced steps of a running sampler, including the first and the last.

    States are stored as bytes on the CPU.

    Args:
        steps: total number of steps.
        frames: number to record, all if there are fewer; 1 records the last.
        images: number of images of each step to record, the first ones; None for all.

    >>> from jinc.diffusion import Schedule, sample
    >>> recorder = Recorder(steps=50, frames=3)
    >>> walk = sample(lambda x, t: 0 * x, Schedule.linear(), torch.randn(1, 1, 8, 8), steps=50)
    >>> images = [step.x_t for step in recorder.watch(walk)][-1]
    >>> recorder.trajectory().levels
    (979, 469, -1)
    """

    def __init__(self, steps: int, frames: int = 10, images: int | None = None) -> None:
        if steps < 1 or frames < 1:
            raise JincError(f"a trajectory of {frames} frames of {steps} steps shows nothing")
        self._wanted, self._images = set(spread(steps, frames)), images
        self._recorded: list[tuple[int, Tensor, Tensor]] = []
        self._seen = 0

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield steps unchanged, and record some of them."""
        for step in steps:
            self.see(step)
            yield step

    def see(self, step: Step) -> None:
        """Record a step if it is one of those selected."""
        if self._seen in self._wanted:
            first = slice(self._images)
            states, predictions = to_uint8(step.x_t[first]), to_uint8(step.x0_hat[first])
            self._recorded.append((step.t, states.cpu(), predictions.cpu()))
        self._seen += 1

    def trajectory(self) -> Trajectory:
        """Return what was recorded."""
        if not self._recorded:
            raise JincError("a trajectory of no step shows nothing")
        levels, states, predictions = zip(*self._recorded, strict=True)
        return Trajectory(tuple(levels), torch.stack(states), torch.stack(predictions))


def spread(count: int, wanted: int) -> list[int]:
    """Select `wanted` evenly spaced indices of `count`, both ≥ 1, including the first and the last.

    All are selected if there are fewer, and the last if one is wanted.

    >>> spread(10, 4), spread(3, 9), spread(5, 1)
    ([0, 3, 6, 9], [0, 1, 2], [4])
    """
    wanted = min(wanted, count)
    if wanted == 1:
        return [count - 1]
    return [(2 * k * (count - 1) + wanted - 1) // (2 * (wanted - 1)) for k in range(wanted)]
