"""How images came to be: some of the states of a sampler, as a strip and as frames."""

from collections.abc import Iterable, Iterator, Sequence
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
"""Pixels that the longer side of an image has at least in a strip."""

HELD = 12
"""Times that the last frame of an animation is shown."""


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
        """Choose fewer states evenly, the first and the last among them."""
        places = spread(len(self.levels), frames)
        levels = tuple(self.levels[place] for place in places)
        return Trajectory(levels, self.x_t[places], self.x0_hat[places])

    def strip(self, scale: int | None = None) -> NDArray[np.uint8]:
        """Lay the states of each image out in a row, the predictions that led to them below.

        Args:
            scale: times that pixels are repeated; None for images that can be looked at.

        Returns:
            `[height, width, 3]`.
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
        """Return a grid of all images for each state, the predictions that led to it below.

        Args:
            columns: images beside one another; None for about a square.
            scale: times that pixels are repeated; None for images that can be looked at.
        """
        usual = enlargement(self.x_t.shape[-2:], 2 * SEEN)
        both = zip(self.x_t, self.x0_hat, strict=True)
        return [
            np.concatenate([image_grid(images, columns, scale=scale or usual) for images in pair])
            for pair in both
        ]

    def save(self, file: str | Path, fps: float = 12) -> None:
        """Save the strip as PNG, or an animation whose last frame stays for a while.

        Args:
            file: ends in .png, or in what `save_animation` takes.
            fps: frames a second.

        Raises:
            JincError: another ending, or the file cannot be written.
        """
        if Path(file).suffix.lower() == ".png":
            save_png(file, self.strip())
            return
        frames = self.frames()
        save_animation(file, frames + frames[-1:] * (HELD - 1), fps)


class Recorder:
    """Keeps some of the steps that pass by, evenly, the first and the last among them.

    It is for who wants the images too; `trajectory` is for who wants nothing else. States are kept
    as bytes on the CPU, and no more of them than asked for.

    Args:
        steps: how many will pass.
        frames: how many to keep, all if there are fewer; 1 keeps the last.
        images: how many images of each to keep, the first ones; None for all.

    Raises:
        JincError: no steps, or no frames.

    >>> from jinc.diffusion import Schedule, sample
    >>> recorder = Recorder(steps=50, frames=3)
    >>> walk = sample(lambda x, t: 0 * x, Schedule.linear(), torch.randn(1, 1, 8, 8), steps=50)
    >>> images = [step.x_t for step in recorder.watch(walk)][-1]
    >>> recorder.trajectory().levels
    (979, 469, -1)
    """

    def __init__(self, steps: int, frames: int = 10, images: int | None = None) -> None:
        """Choose which to keep."""
        if steps < 1 or frames < 1:
            raise JincError(f"a trajectory of {frames} frames of {steps} steps shows nothing")
        self._wanted, self._images = set(spread(steps, frames)), images
        self._kept: list[tuple[int, Tensor, Tensor]] = []
        self._seen = 0

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Let steps pass, and keep those that are wanted."""
        for step in steps:
            self.see(step)
            yield step

    def see(self, step: Step) -> None:
        """Keep a step if it is wanted."""
        if self._seen in self._wanted:
            kept = slice(self._images)
            states, predictions = to_uint8(step.x_t[kept]), to_uint8(step.x0_hat[kept])
            self._kept.append((step.t, states.cpu(), predictions.cpu()))
        self._seen += 1

    def trajectory(self) -> Trajectory:
        """Return what was kept.

        Raises:
            JincError: nothing has passed.
        """
        if not self._kept:
            raise JincError("a trajectory of no step shows nothing")
        levels, states, predictions = zip(*self._kept, strict=True)
        return Trajectory(tuple(levels), torch.stack(states), torch.stack(predictions))


def trajectory(steps: Sequence[Step], frames: int = 10) -> Trajectory:
    """Choose some steps evenly, the first and the last among them.

    Args:
        steps: of a sampler, such as `[*sample(...)]`; a start may stand before them, as
            `Step(t, x_t, x_t)`.
        frames: how many, all if there are fewer; 1 takes the last.

    Raises:
        JincError: no steps, or no frames.
    """
    recorder = Recorder(len(steps), frames)
    for _ in recorder.watch(steps):
        pass
    return recorder.trajectory()


def joined(parts: Sequence[Trajectory]) -> Trajectory:
    """Put images that were made one batch after another beside one another.

    Args:
        parts: trajectories through the same levels.

    Raises:
        JincError: none, or their levels differ.
    """
    if len({part.levels for part in parts}) != 1:
        raise JincError("trajectories through different levels cannot be joined")
    states, predictions = (
        torch.cat([getattr(part, each) for part in parts], 1) for each in ("x_t", "x0_hat")
    )
    return Trajectory(parts[0].levels, states, predictions)


def spread(count: int, wanted: int) -> list[int]:
    """Choose places evenly, the first and the last among them.

    Args:
        count: how many places there are, ≥ 1.
        wanted: how many are chosen, ≥ 1; all if there are fewer, the last if it is one.

    >>> spread(10, 4), spread(3, 9), spread(5, 1)
    ([0, 3, 6, 9], [0, 1, 2], [4])
    """
    wanted = min(wanted, count)
    if wanted == 1:
        return [count - 1]
    return [(2 * k * (count - 1) + wanted - 1) // (2 * (wanted - 1)) for k in range(wanted)]
