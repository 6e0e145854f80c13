"""Frames: where up is, as two channels of coordinates that turn, move and mirror with the image.

A network whose layers commute with rotations cannot know where up is. As an input it takes the
coordinates of each pixel in a frame of the scene. Images that are trained in the upright frame can
then be generated in any other. Coordinates are computed, never resampled.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from jinc.types import Images

CHANNELS = 2
"""Coordinates of a pixel."""

FLAT = 0.75
"""Share of half the side within which coordinates are exact; they fall to 0 at the whole of it, so
that the corners of the square say nothing about its sides."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The frames of B images, or one for all: mirrored first, then turned, then shifted.

    Args:
        angle: radians, counter-clockwise as displayed, about the centre, `[B]` or `[1]`.
        offset: pixels down and right, periodic, `[B, 2]` or `[1, 2]`.
        mirrored: whether left and right are exchanged, boolean, `[B]` or `[1]`.
    """

    angle: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    offset: Tensor = field(default_factory=lambda: torch.zeros(1, 2, dtype=torch.float64))
    mirrored: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.bool))

    def rows(self, places: Tensor | slice) -> Self:
        """Return the frames of some images."""
        return type(self)(*(each if len(each) == 1 else each[places] for each in self._parts()))

    def expanded(self, count: int) -> Self:
        """Repeat a frame for so many images."""
        return type(self)(*(each.expand(count, *each.shape[1:]) for each in self._parts()))

    @classmethod
    def joined(cls, frames: Sequence[Self]) -> Self:
        """Concatenate the frames of several batches."""
        return cls(*(torch.cat(each) for each in zip(*(f._parts() for f in frames), strict=True)))

    def coordinates(self, x: Images) -> Tensor:
        """Return the coordinates (right, down) of every pixel in the frame of its image.

        Half the shorter side is 1. They are 0 beyond that distance from the origin.

        Args:
            x: images `[B, C, H, W]`, of whose shape, device and type they are.

        Returns:
            `[B, 2, H, W]`.
        """
        (height, width), half = x.shape[-2:], min(x.shape[-2:]) / 2
        down, right = (
            _periodic(_centred(size) - far[:, None].cpu().double(), size) / half
            for size, far in zip((height, width), self.offset.unbind(1), strict=True)
        )
        down, right = down[:, :, None], right[:, None]
        angle = self.angle.cpu().double()[:, None, None]
        sign = torch.where(self.mirrored.cpu(), -1.0, 1.0)[:, None, None]
        radius = torch.hypot(down, right)
        window = (math.pi / 2 * ((radius - FLAT) / (1 - FLAT)).clamp(0, 1)).cos() ** 2
        across = sign * (angle.cos() * right - angle.sin() * down)
        along = angle.sin() * right + angle.cos() * down
        found = torch.stack([across * window, along * window], dim=1)
        return found.to(x).expand(len(x), -1, -1, -1)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.angle, self.offset, self.mirrored


def _centred(size: int) -> Tensor:
    """Return the places of pixels from the centre, float64, `[size]`."""
    return torch.arange(size, dtype=torch.float64) - (size - 1) / 2


def _periodic(place: Tensor, period: int) -> Tensor:
    """Return places on a circle, from −period/2 to period/2."""
    return (place + period / 2) % period - period / 2
