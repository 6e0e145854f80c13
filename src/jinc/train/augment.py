"""Showing a network more images than there are, and telling it what was done to them.

A network that is told learns the augmented images without taking them for the data's own: told
that nothing was done, it makes images that look as the data do. The idea is that of EDM
(arXiv 2206.00364, appendix F.2).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion import QuarterTurns, Rotation
from jinc.errors import JincError, unknown
from jinc.signal import extend, rotate, shift
from jinc.signal.precision import brought
from jinc.signal.rotate import UNTORN
from jinc.types import Images

AugmentationKind: TypeAlias = Literal[
    "hflip", "vflip", "quarter_turns", "rotation", "hshift", "vshift", "spin"
]


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images, each kind at random and after the one before.

    Parameters are one number a kind, 0 where nothing is done: 1 for a flip; the number of quarter
    turns, 0 to 3; the angle of a rotation, radians counter-clockwise; the share of the side that
    an image is shifted by, to the right or down.

    The last three kinds make data without a place or an upright of their own, of which the ideal
    denoiser is equivariant: what a network lacks of it is the network's fault.

    Args:
        kinds: `hflip` mirrors half of the images left to right, `vflip` half of them top to bottom,
            `quarter_turns` turns by 0, 90, 180 or 270°, `rotation` turns half of them by any angle;
            the other half stays, for upright is what sampling will ask for. `hshift` and `vshift`
            shift all by any distance, and what leaves at an edge enters at the other; `spin` shows
            all in a round window, black around it, and turns them by any angle.

    Raises:
        JincError: an unknown kind, or one named twice.

    >>> augmentation = Augmentation(("hflip", "rotation"))
    >>> augmentation.numbers
    3
    >>> augmentation.labels(torch.tensor([[0.0, 0.0], [1.0, math.pi / 2]])).round().tolist()
    [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0]]
    """

    kinds: tuple[AugmentationKind, ...]

    def __post_init__(self) -> None:
        for place, kind in enumerate(self.kinds):
            if kind not in _KINDS:
                raise unknown(f"augment: no augmentation is called '{kind}'", kind, _KINDS)
            if kind in self.kinds[:place]:
                raise JincError(f"augment: '{kind}' is named twice")

    @property
    def numbers(self) -> int:
        """How many numbers tell the network: 1 for a flip, 2 for a turn."""
        return sum(_KINDS[kind].numbers for kind in self.kinds)

    def draw(self, random: np.random.Generator, count: int) -> Tensor:
        """Draw what is done to each image.

        Args:
            random: what to draw from; it moves on by one number for each parameter.
            count: images in the batch.

        Returns:
            parameters, float32, `[count, kinds]`.
        """
        even = torch.from_numpy(random.random((count, len(self.kinds))))
        columns = zip(self.kinds, even.unbind(1), strict=True)
        return _side_by_side([_KINDS[kind].draw(u) for kind, u in columns], even).float()

    def apply(self, x0: Images, parameters: Tensor) -> Images:
        """Do it.

        Flips and quarter turns are exact, and an image with parameters 0 is not touched, but for
        the window of `spin`. A rotation or shift is linear, and keeps all frequencies; so edges
        ring, and values may leave [−1, 1], the more the sharper the image. What enters at the
        corners of a rotation is the image's own reflection.

        Args:
            x0: clean images, `[B, C, H, W]`; square, if they are to be turned.
            parameters: as drawn, `[B, kinds]`; on the host, where a look at them waits for nothing.

        Returns:
            `[B, C, H, W]`.

        Raises:
            JincError: images to be turned are not square.
        """
        height, width = x0.shape[-2:]
        turning = [kind for kind in self.kinds if kind in ("quarter_turns", "rotation", "spin")]
        if turning and height != width:
            raise JincError(
                f"augment: {turning[0]} needs square images, these are {height}×{width}"
            )
        there = brought(parameters, x0.device)
        for kind, amounts, known in zip(
            self.kinds, there.unbind(1), parameters.unbind(1), strict=True
        ):
            x0 = _KINDS[kind].apply(x0, amounts, known)
        return x0

    def labels(self, parameters: Tensor) -> Tensor:
        """Put what was done into numbers for the network; zeros, exactly, for nothing.

        A flip is 0 or 1. A turn is (cos θ − 1, sin θ), in which 359° is near 0°; a shift likewise,
        the whole side being 360°.

        Args:
            parameters: as drawn, `[B, kinds]`.

        Returns:
            float32, `[B, numbers]`.
        """
        columns = zip(self.kinds, parameters.unbind(1), strict=True)
        labels = [_KINDS[kind].label(amounts) for kind, amounts in columns]
        return torch.cat([*labels, parameters.new_zeros(len(parameters), 0)], dim=1).float()


class _Kind(NamedTuple):
    """One kind of augmentation.

    Args:
        numbers: of its label.
        draw: from even numbers in [0, 1) to parameters, `[B]`.
        apply: to images, with parameters `[B]` where the images are, and the same on the host.
        label: of parameters, `[B, numbers]`.
    """

    numbers: int
    draw: Callable[[Tensor], Tensor]
    apply: Callable[[Images, Tensor, Tensor], Images]
    label: Callable[[Tensor], Tensor]


def _half(u: Tensor) -> Tensor:
    """1 for half of the images."""
    return (u < 0.5).to(u.dtype)


def _half_any_angle(u: Tensor) -> Tensor:
    """−π … π for half of the images."""
    return torch.where(u < 0.5, 0.0, 4 * math.pi * (u - 0.75))


def _flip(axis: int) -> Callable[[Images, Tensor, Tensor], Images]:
    def flip(x: Images, flipped: Tensor, known: Tensor) -> Images:
        return torch.where(flipped.view(-1, 1, 1, 1) != 0, x.flip(axis), x)

    return flip


def _turn(x: Images, angles: Tensor, known: Tensor) -> Images:
    """Turn, each image laid out to twice its side as in a room of mirrors.

    A mirrored image repeats after twice its side, and makes a torus without an edge. The corners of
    the middle are at 0.71 of half the large side; shears tear it beyond 0.92 (`Rotation.mask`).
    """
    (turned,) = known.nonzero(as_tuple=True)
    if len(turned) == 0:
        return x
    turned = brought(turned, x.device)
    size = x.shape[-1]
    around = (size + 1) // 2
    large = Rotation(angles[turned])(extend(x[turned], around, around, "reflect"))
    middle = slice(around, around + size)
    return x.index_copy(0, turned, large[..., middle, middle])


def _spin(x: Images, angles: Tensor, known: Tensor) -> Images:
    """Turn what is seen in a round window, whose edge is two pixels soft."""
    size = x.shape[-1]
    place = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    radius = torch.hypot(place[:, None], place[None, :])
    window = torch.sin(((UNTORN * size / 2 - radius) / 2).clamp(0, 1) * (math.pi / 2)) ** 2
    return rotate((x + 1) * window, angles) - 1


def _hshift(x: Images, shares: Tensor, known: Tensor) -> Images:
    return shift(x, 0.0, shares * x.shape[-1])


def _vshift(x: Images, shares: Tensor, known: Tensor) -> Images:
    return shift(x, shares * x.shape[-2], 0.0)


def _any(most: float) -> Callable[[Tensor], Tensor]:
    return lambda u: most * u


def _circle(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos() - 1, angles.sin()], dim=1)


_KINDS: dict[str, _Kind] = {
    "hflip": _Kind(1, _half, _flip(-1), lambda flipped: flipped[:, None]),
    "vflip": _Kind(1, _half, _flip(-2), lambda flipped: flipped[:, None]),
    "quarter_turns": _Kind(
        2,
        lambda u: (4 * u).floor(),
        lambda x, turns, known: QuarterTurns(turns)(x),
        lambda turns: _circle(turns * (math.pi / 2)).round(),  # whole numbers, but for rounding
    ),
    "rotation": _Kind(2, _half_any_angle, _turn, _circle),
    "hshift": _Kind(2, _any(1.0), _hshift, lambda shares: _circle(2 * math.pi * shares)),
    "vshift": _Kind(2, _any(1.0), _vshift, lambda shares: _circle(2 * math.pi * shares)),
    "spin": _Kind(2, _any(2 * math.pi), _spin, _circle),
}


def _side_by_side(columns: list[Tensor], like: Tensor) -> Tensor:
    """Columns `[B]` as `[B, columns]`, also where there is none."""
    return torch.stack(columns, dim=1) if columns else like
