"""Flips, rotations, shifts and the negative as views, and groups of them."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion.views.view import View
from jinc.errors import JincError
from jinc.plain import exact
from jinc.signal import rotate, shift
from jinc.types import Images

LARGEST = 1e9
"""Largest angle (radians) or shift (pixels): a float still has seven digits after the point."""


class _Closed(View):
    """A view whose inverse is one of the same class."""

    @property
    @abstractmethod
    def inverted(self) -> View: ...

    def inverse(self, x: Images) -> Images:
        return self.inverted(x)


class _Involution(_Closed):
    """A view that is its own inverse."""

    @property
    def inverted(self) -> View:
        return self


@dataclass(frozen=True)
class identity(_Involution):
    """The image unchanged."""

    def __call__(self, x: Images) -> Images:
        return x


@dataclass(frozen=True)
class hflip(_Involution):
    """Mirror left to right."""

    def __call__(self, x: Images) -> Images:
        return x.flip(-1)


@dataclass(frozen=True)
class vflip(_Involution):
    """Mirror top to bottom."""

    def __call__(self, x: Images) -> Images:
        return x.flip(-2)


@dataclass(frozen=True)
class negate(_Involution):
    """Swap dark and light, and every colour with its complement."""

    def __call__(self, x: Images) -> Images:
        return -x


@dataclass(frozen=True)
class quarter_turns(_Closed):
    """Rotate by quarter turns, exactly.

    Args:
        turns: any whole number, counter-clockwise; images must be square if it is odd.
    """

    turns: int = 1

    def __call__(self, x: Images) -> Images:
        return turn_quarters(x, self.turns)

    @property
    def inverted(self) -> View:
        return quarter_turns(-self.turns)


@dataclass(frozen=True)
class rotation(_Closed):
    """Rotate square images by any angle, without loss.

    Args:
        angle: radians, counter-clockwise, within ±1e9; in names it is in degrees. Beyond ¾ of half
            the side from the centre, the corners of the periodic image meet.
    """

    angle: float

    def __post_init__(self) -> None:
        check_amount("angle", self.angle)

    @property
    def name(self) -> str:
        return f"rotate {_degrees(self.angle)}"

    def __call__(self, x: Images) -> Images:
        return rotate(x, self.angle)

    @property
    def inverted(self) -> View:
        return rotation(-self.angle)


@dataclass(frozen=True)
class fourier_shift(_Closed):
    """Shift periodic images by any distance, without loss.

    Args:
        down: pixels, within ±1e9.
        right: pixels, within ±1e9.
    """

    down: float
    right: float = 0.0

    def __post_init__(self) -> None:
        check_amount("down", self.down)
        check_amount("right", self.right)

    @property
    def name(self) -> str:
        return f"shift {exact(self.down)} {exact(self.right)}"

    def __call__(self, x: Images) -> Images:
        return shift(x, self.down, self.right)

    @property
    def inverted(self) -> View:
        return fourier_shift(-self.down, -self.right)

    def enlarged(self, factor: int) -> View:
        return fourier_shift(factor * self.down, factor * self.right)


def _degrees(angle: float) -> str:
    """Write the shortest number of degrees that converts back to the same angle.

    The conversion rounds by one float at most. Some angles are those of no float in degrees, and
    so were never typed: they get the nearest.
    """
    nearest = math.degrees(angle)
    near = (nearest, math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf))
    same = [exact(degrees) for degrees in near if math.radians(degrees) == angle]
    return min(same, key=len, default=exact(nearest))


def turn_quarters(x: Images, turns: int | Tensor) -> Images:
    """Rotate by quarter turns, exactly.

    Args:
        x: `[B, C, H, W]`, square unless `turns` is one even number.
        turns: whole numbers, counter-clockwise; one for all, or `[B]`.

    Raises:
        JincError: images that are not square.
    """
    height, width = x.shape[-2:]
    if height != width and (isinstance(turns, Tensor) or turns % 2):
        raise JincError(
            f"images: {height}×{width} cannot be rotated; quarter turns need square images"
        )
    if not isinstance(turns, Tensor):
        return x.rot90(turns % 4, (-2, -1))
    each = (turns % 4).to(x.device).view(-1, 1, 1, 1)
    for k in (1, 2, 3):
        x = torch.where(each == k, x.rot90(k, (-2, -1)), x)
    return x


def check_amount(name: str, amount: float | Tensor) -> None:
    """Refuse NaN, and amounts so large that floats no longer resolve parts of a turn."""
    if not (torch.as_tensor(amount).abs() <= LARGEST).all():
        raise JincError(f"{name}: {amount} is not a number between ±1e9")


def c4() -> tuple[View, ...]:
    """The four quarter turns, exactly a group."""
    return (identity(), *(quarter_turns(k) for k in (1, 2, 3)))


def d4() -> tuple[View, ...]:
    """The eight symmetries of a square, exactly a group: quarter turns, mirrored or not."""
    return (*c4(), *(hflip().then(turn) for turn in c4()))


def rotations(count: int) -> tuple[View, ...]:
    """Rotations by the multiples of 1/count of a full turn; quarter turns among them are exact.

    Args:
        count: ≥ 1. For any other than 1, 2 and 4 they form a group only approximately: each has
            an exact inverse, but two rotations of a pixel grid are not quite one by their sum.

    Returns:
        `count` views, from just above minus half a turn to half a turn.
    """
    if count < 1:
        raise JincError(f"rotations: must be 1 or more, got {count}")
    return tuple(
        quarter_turns(4 * k // count) if 4 * k % count == 0 else rotation(2 * math.pi * k / count)
        for k in range(-((count - 1) // 2), count // 2 + 1)
    )
