"""Data augmentation, and augmentation labels to condition a network on.

A conditioned network learns from augmented images without generating them: with the labels of no
augmentation, its samples look like the data. The idea is that of EDM (arXiv 2206.00364, appendix
F.2).
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion import QuarterTurns, Rotation
from jinc.errors import JincError, unknown
from jinc.signal import extend, rotate, shift
from jinc.signal.rotate import UNTORN
from jinc.signal.tables import to_device
from jinc.types import Images

AugmentationKind: TypeAlias = Literal[
    "hflip", "vflip", "quarter_turns", "rotation", "hshift", "vshift", "spin"
]


@dataclass(frozen=True)
class Augmentation:
    """Random augmentations, applied one after the other.

    Each kind has one parameter, 0 for the identity: 1 for a flip; the number of quarter turns, 0 to
    3; the angle of a rotation, radians counter-clockwise; the share of the side that an image is
    shifted by, to the right or down.

    `hshift`, `vshift` and `spin` make shift- and rotation-invariant data, whose ideal denoiser is
    equivariant, so that any deviation is the network's.

    Args:
        kinds: `hflip` mirrors half of the images left to right, `vflip` half of them top to bottom,
            `quarter_turns` turns by 0, 90, 180 or 270°, `rotation` turns half of them by any angle
            and leaves the other half upright, as sampling needs them. `hshift` and `vshift` shift
            all circularly by any distance; `spin` turns all by any angle inside a round window,
            black outside.

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
                raise unknown(f"augment: unknown augmentation '{kind}'", kind, _KINDS)
            if kind in self.kinds[:place]:
                raise JincError(f"augment: '{kind}' is named twice")

    @property
    def numbers(self) -> int:
        """Length of the label: 1 for a flip, 2 for a turn or shift."""
        return sum(_KINDS[kind].numbers for kind in self.kinds)

    def draw(self, random: np.random.Generator, count: int) -> Tensor:
        """Draw parameters for each image, float32, `[count, kinds]`.

        The generator advances by one number per parameter.
        """
        even = torch.from_numpy(random.random((count, len(self.kinds))))
        for place, kind in enumerate(self.kinds):
            even[:, place] = _KINDS[kind].draw(even[:, place])
        return even.float()

    def apply(self, x0: Images, parameters: Tensor) -> Images:
        """Augment images.

        Flips and quarter turns are exact, and parameters 0 change nothing, but for the window of
        `spin`. Rotations and shifts are linear and keep all frequencies, so that edges ring, and
        values may leave [−1, 1], the more the sharper the image. The corners of a rotated image are
        filled by reflection.

        Args:
            x0: clean images, `[B, C, H, W]`; square for turns.
            parameters: as drawn, `[B, kinds]`, on the host.

        Returns:
            `[B, C, H, W]`.
        """
        height, width = x0.shape[-2:]
        turning = [kind for kind in self.kinds if kind in ("quarter_turns", "rotation", "spin")]
        if turning and height != width:
            size = f"{height}×{width}"
            raise JincError(f"augment: {turning[0]} needs square images, these are {size}")
        there = to_device(parameters, x0.device)
        for place, kind in enumerate(self.kinds):
            x0 = _KINDS[kind].apply(x0, there[:, place], parameters[:, place])
        return x0

    def labels(self, parameters: Tensor) -> Tensor:
        """Return the labels that a network is conditioned on; zeros, exactly, for the identity.

        A flip is 0 or 1. A turn is (cos θ − 1, sin θ), so that 359° is near 0°; a shift likewise,
        the side being 360°. Parameters `[B, kinds]` give float32 `[B, numbers]`.
        """
        labels = [_KINDS[kind].label(parameters[:, k]) for k, kind in enumerate(self.kinds)]
        return torch.cat([*labels, parameters.new_zeros(len(parameters), 0)], dim=1).float()


ALL_SYMMETRIES = ["half_pixel", "shift", "rotation", "quarter_turns", "flip"]


def symmetries(kinds: Collection[str]) -> list[str]:
    """Name the moves under which images of these augmentations keep their distribution.

    Where two exclude each other, the one applied last counts: the window of `spin` ends all shifts,
    and after shifts there is no centre to rotate about.
    """
    kinds = {*kinds}
    shifted, spun = {"hshift", "vshift"} <= kinds, "spin" in kinds
    turned = spun or "quarter_turns" in kinds
    mirrored = kinds & {"hflip", "vflip"}
    holds = {
        "half_pixel": shifted and not spun,
        "shift": shifted and not spun,
        "rotation": spun and not kinds & {"hshift", "vshift"},
        "quarter_turns": turned,
        "flip": len(mirrored) == 2 or (turned and len(mirrored) == 1),
    }
    return [name for name, held in holds.items() if held]


class _Kind(NamedTuple):
    """How uniform numbers in [0, 1) become parameters `[B]`, and these images and labels.

    `apply` takes parameters on the device of the images and on the host.
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
    """Rotate images extended to twice their side by reflection.

    A reflected image repeats after twice its side, and makes a torus without an edge. The corners
    of the middle are at 0.71 of half the large side; shears tear it beyond 0.92 (`Rotation.mask`).
    """
    (turned,) = known.nonzero(as_tuple=True)
    if len(turned) == 0:
        return x
    turned = to_device(turned, x.device)
    size = x.shape[-1]
    around = (size + 1) // 2
    large = Rotation(angles[turned])(extend(x[turned], around, around, "reflect"))
    middle = slice(around, around + size)
    return x.index_copy(0, turned, large[..., middle, middle])


def _spin(x: Images, angles: Tensor, known: Tensor) -> Images:
    """Rotate the inside of a round window, whose edge is two pixels soft."""
    size = x.shape[-1]
    place = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    radius = torch.hypot(place[:, None], place[None, :])
    window = torch.sin(((UNTORN * size / 2 - radius) / 2).clamp(0, 1) * (math.pi / 2)) ** 2
    return rotate((x + 1) * window, angles) - 1


def _circle(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos() - 1, angles.sin()], dim=1)


_KINDS: dict[str, _Kind] = {
    "hflip": _Kind(1, _half, _flip(-1), lambda flipped: flipped[:, None]),
    "vflip": _Kind(1, _half, _flip(-2), lambda flipped: flipped[:, None]),
    "quarter_turns": _Kind(
        2,
        lambda u: (4 * u).floor(),
        lambda x, turns, known: QuarterTurns(turns)(x),
        lambda turns: _circle(turns * (math.pi / 2)).round(),  # whole but for rounding
    ),
    "rotation": _Kind(2, _half_any_angle, _turn, _circle),
    "hshift": _Kind(
        2,
        lambda u: u,
        lambda x, shares, known: shift(x, 0.0, shares * x.shape[-1]),
        lambda shares: _circle(2 * math.pi * shares),
    ),
    "vshift": _Kind(
        2,
        lambda u: u,
        lambda x, shares, known: shift(x, shares * x.shape[-2], 0.0),
        lambda shares: _circle(2 * math.pi * shares),
    ),
    "spin": _Kind(2, lambda u: 2 * math.pi * u, _spin, _circle),
}
