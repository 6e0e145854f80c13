"""Random moves, one for each image, under which networks are to be equivariant.

All are orthogonal, so that white noise stays white. Drawing is separate from applying: processes
that share a batch draw all of it, and each takes its rows.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion.views.plain import hflip, turn_quarters, vflip
from jinc.errors import unknown
from jinc.signal import disc, rotate, shift
from jinc.signal.frame import Frame
from jinc.signal.rotate import UNTORN
from jinc.types import Images

MoveKind: TypeAlias = Literal["shift", "rotation", "quarter_turns", "flip"]

MAX_SHIFT = 0.125
"""Of the side: the shifts of EQ-T (StyleGAN3, arXiv 2106.12423)."""


@dataclass(frozen=True, eq=False)
class Move(ABC):
    """An orthogonal map of images, with an amount for each, `[B, …]`."""

    amounts: Tensor

    @classmethod
    @abstractmethod
    def draw(cls, random: np.random.Generator, count: int) -> Self:
        """Draw amounts for `count` images, never the identity."""

    @abstractmethod
    def __call__(self, x: Images) -> Images:
        """Move images `[B, C, H, W]`, float32 or float64, taken as periodic."""

    def rows(self, rows: slice) -> Self:
        """Return the moves of some images."""
        return replace(self, amounts=self.amounts[rows])

    def mask(self, height: int, width: int) -> Tensor | None:
        """Mark the pixels unaffected by the edges, boolean `[height, width]`; None for all."""
        return None

    @abstractmethod
    def frame(self, height: int, width: int) -> Frame:
        """Return the frames that move with upright images of a size."""


class Shift(Move):
    """Shift by amounts (down, right), `[B, 2]`, as shares of height and width."""

    @classmethod
    def draw(cls, random: np.random.Generator, count: int) -> Self:
        """Draw each uniformly from ±`MAX_SHIFT`."""
        return cls(torch.from_numpy(random.uniform(-MAX_SHIFT, MAX_SHIFT, (count, 2))))

    def mask(self, height: int, width: int) -> Tensor | None:
        """Mark a disc that nothing is shifted into; all of an image that is not square."""
        if height != width:
            return None
        return disc(width, 1 - 2 * MAX_SHIFT, self.amounts.device)

    def frame(self, height: int, width: int) -> Frame:
        """Return the shifted frames."""
        return Frame(offset=self.amounts * torch.tensor([height, width]).to(self.amounts))

    def __call__(self, x: Images) -> Images:
        """Shift periodic images."""
        height, width = x.shape[-2:]
        return shift(x, self.amounts[:, 0] * height, self.amounts[:, 1] * width)


@dataclass(frozen=True, eq=False)
class Rotation(Move):
    """Rotate by amounts `[B]`, radians, counter-clockwise.

    Args:
        amounts: the angles.
        method: of `signal.rotate`; only `unitary` is orthogonal.
    """

    method: str = "unitary"

    @classmethod
    def draw(cls, random: np.random.Generator, count: int) -> Self:
        """Draw uniformly from −π … π."""
        return cls(torch.from_numpy(random.uniform(-math.pi, math.pi, count)))

    def frame(self, height: int, width: int) -> Frame:
        """Return the turned frames."""
        return Frame(angle=self.amounts)

    def __call__(self, x: Images) -> Images:
        """Rotate square images."""
        return rotate(x, self.amounts, self.method)

    def mask(self, height: int, width: int) -> Tensor:
        """Mark a disc: pixels beyond it may enter at another edge."""
        return disc(width, UNTORN, self.amounts.device)


class QuarterTurns(Move):
    """Rotate by amounts `[B]`, whole numbers of quarter turns, counter-clockwise."""

    @classmethod
    def draw(cls, random: np.random.Generator, count: int) -> Self:
        """Draw 1, 2 or 3."""
        return cls(torch.from_numpy(random.integers(1, 4, count)))

    def frame(self, height: int, width: int) -> Frame:
        """Return the turned frames."""
        return Frame(angle=self.amounts.double() * (math.pi / 2))

    def __call__(self, x: Images) -> Images:
        """Rotate square images, exactly."""
        return turn_quarters(x, self.amounts)


class Flip(Move):
    """Mirror by amounts `[B]`: 0 left to right, 1 top to bottom."""

    @classmethod
    def draw(cls, random: np.random.Generator, count: int) -> Self:
        """Draw 0 or 1."""
        return cls(torch.from_numpy(random.integers(2, size=count)))

    def frame(self, height: int, width: int) -> Frame:
        """Return the mirrored frames: top to bottom is left to right and half a turn."""
        return Frame(
            angle=self.amounts.double() * math.pi, mirrored=torch.ones_like(self.amounts).bool()
        )

    def __call__(self, x: Images) -> Images:
        """Mirror, exactly."""
        sideways = (self.amounts == 0).to(x.device).view(-1, 1, 1, 1)
        return torch.where(sideways, hflip()(x), vflip()(x))


def random_move(kind: MoveKind, random: np.random.Generator, count: int) -> Move:
    """Draw one move of a kind for each image of a batch.

    Args:
        kind: `shift`, by up to ±12.5 % of the side, or `rotation`, by any angle, both lossless;
            `quarter_turns` or `flip`, which are exact.
        random: source of the amounts.
        count: images in the batch.

    >>> flip = random_move("flip", np.random.default_rng(0), 5)
    >>> x = torch.randn(5, 1, 4, 4)
    >>> torch.equal(flip(x)[2:4], flip.rows(slice(2, 4))(x[2:4]))
    True
    """
    moves: dict[str, type[Move]] = {
        "shift": Shift,
        "rotation": Rotation,
        "quarter_turns": QuarterTurns,
        "flip": Flip,
    }
    if kind not in moves:
        raise unknown(f"no move is called '{kind}'", kind, moves)
    return moves[kind].draw(random, count)
