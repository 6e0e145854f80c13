"""Views that are one line each (flips, turns, shifts and the negative), and groups of them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion.views.view import View
from jinc.errors import JincError
from jinc.plain import exact
from jinc.signal import rotate, shift
from jinc.types import Images

LARGEST = 1e9
"""Radians or pixels: a float still has seven digits after the point."""


@dataclass(frozen=True)
class identity(View):
    """The image as it is."""

    def __call__(self, x: Images) -> Images:
        """The same."""
        return x

    def inverse(self, x: Images) -> Images:
        """The same."""
        return x

    @property
    def inverted(self) -> View:
        """The same."""
        return self


class _OwnInverse(View):
    """A view that undoes itself."""

    def inverse(self, x: Images) -> Images:
        """The view once more."""
        return self(x)

    @property
    def inverted(self) -> View:
        """The view itself."""
        return self


@dataclass(frozen=True)
class hflip(_OwnInverse):
    """Mirror left to right."""

    def __call__(self, x: Images) -> Images:
        """Reverse every row."""
        return x.flip(-1)


@dataclass(frozen=True)
class vflip(_OwnInverse):
    """Mirror top to bottom."""

    def __call__(self, x: Images) -> Images:
        """Reverse every column."""
        return x.flip(-2)


@dataclass(frozen=True)
class negate(_OwnInverse):
    """Swap dark and light, and every colour with its opposite."""

    def __call__(self, x: Images) -> Images:
        """Change the sign."""
        return -x


@dataclass(frozen=True)
class quarter_turns(View):
    """Turn by quarter turns, counter-clockwise, exactly.

    Args:
        turns: any whole number; images must be square where it is odd.
    """

    turns: int = 1

    def __call__(self, x: Images) -> Images:
        """Turn."""
        return turn_quarters(x, self.turns)

    def inverse(self, x: Images) -> Images:
        """Turn back."""
        return turn_quarters(x, -self.turns)

    @property
    def inverted(self) -> View:
        """As many the other way."""
        return quarter_turns(-self.turns)


@dataclass(frozen=True)
class rotation(View):
    """Turn square images by any angle, without loss.

    Args:
        angle: radians, counter-clockwise; its name and the command line have degrees. Beyond ¾ of
            half the side from the centre, the corners of a periodic image meet.
    """

    angle: float

    def __post_init__(self) -> None:
        check_amount("angle", self.angle)

    @property
    def name(self) -> str:
        """`rotate`, and the angle in degrees."""
        return f"rotate {_degrees(self.angle)}"

    def __call__(self, x: Images) -> Images:
        """Turn by three shears."""
        return rotate(x, self.angle)

    def inverse(self, x: Images) -> Images:
        """Turn back by the transposed shears."""
        return rotate(x, -self.angle)

    @property
    def inverted(self) -> View:
        """The turn by the opposite angle."""
        return rotation(-self.angle)


@dataclass(frozen=True)
class fourier_shift(View):
    """Move periodic images by any distance, without loss.

    Args:
        down: pixels.
        right: pixels.
    """

    down: float
    right: float = 0.0

    def __post_init__(self) -> None:
        check_amount("down", self.down)
        check_amount("right", self.right)

    @property
    def name(self) -> str:
        """`shift`, and the pixels down and to the right."""
        return f"shift {exact(self.down)} {exact(self.right)}"

    def __call__(self, x: Images) -> Images:
        """Move."""
        return shift(x, self.down, self.right)

    def inverse(self, x: Images) -> Images:
        """Move back."""
        return shift(x, -self.down, -self.right)

    @property
    def inverted(self) -> View:
        """The opposite way."""
        return fourier_shift(-self.down, -self.right)

    def enlarged(self, factor: int) -> View:
        """As many more pixels."""
        return fourier_shift(factor * self.down, factor * self.right)


def _degrees(angle: float) -> str:
    """Write the shortest number of degrees that is read as an angle again.

    There and back, degrees are rounded by one place at most. Some angles are those of no degrees in
    floats, and nobody can have typed them: they get the nearest.
    """
    nearest = math.degrees(angle)
    near = (nearest, math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf))
    same = [exact(degrees) for degrees in near if math.radians(degrees) == angle]
    return min(same, key=len, default=exact(nearest))


def turn_quarters(x: Images, turns: int | Tensor) -> Images:
    """Turn by quarter turns, exactly.

    Args:
        x: `[B, C, H, W]`, square unless `turns` is one even number.
        turns: any whole number, counter-clockwise; one for all, or `[B]`.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: images that are not square.
    """
    height, width = x.shape[-2:]
    if height != width and (isinstance(turns, Tensor) or turns % 2):
        raise JincError(f"images: {height}×{width} cannot be turned, they must be square")
    if not isinstance(turns, Tensor):
        return x.rot90(turns % 4, (-2, -1))
    each = (turns % 4).to(x.device).view(-1, 1, 1, 1)
    for k in (1, 2, 3):
        x = torch.where(each == k, x.rot90(k, (-2, -1)), x)
    return x


def check_amount(name: str, amount: float | Tensor) -> None:
    """Refuse amounts that are no number, or so large that floats no longer tell parts of a turn.

    Args:
        name: of the argument.
        amount: one, or `[B]`.
    """
    if not (torch.as_tensor(amount).abs() <= LARGEST).all():
        raise JincError(f"{name}: {amount} is not a number between ±1e9")


def c4() -> tuple[View, ...]:
    """The four quarter turns, exactly a group."""
    return (identity(), *(quarter_turns(k) for k in (1, 2, 3)))


def d4() -> tuple[View, ...]:
    """The eight symmetries of a square, exactly a group: quarter turns, mirrored or not."""
    return (*c4(), *(hflip().then(turn) for turn in c4()))


def rotations(count: int) -> tuple[View, ...]:
    """Turns by whole multiples of 1/count of a full turn; quarter turns among them are exact.

    Args:
        count: how many, ≥ 1. Unless it is 1, 2 or 4, they are a group only as closely as two
            turns on a grid of pixels are one: each has its inverse exactly, products differ.

    Returns:
        `count` views, from just above minus half a turn to half a turn.

    Raises:
        JincError: fewer than one.
    """
    if count < 1:
        raise JincError(f"rotations: must be 1 or more, got {count}")
    return tuple(_part_of_a_turn(k, count) for k in range(-((count - 1) // 2), count // 2 + 1))


def _part_of_a_turn(k: int, count: int) -> View:
    """Turn by k/count of a full turn."""
    if 4 * k % count == 0:
        return quarter_turns(4 * k // count)
    return rotation(2 * math.pi * k / count)
