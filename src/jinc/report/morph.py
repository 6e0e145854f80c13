"""Animations from an image to its view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import enlargement, to_uint8
from jinc.diffusion import View, fourier_shift, identity, rotation
from jinc.diffusion.views.view import parts_of
from jinc.report.pieces import Pieces, grid, rigid_pieces, turned_sheet
from jinc.types import Images

SEEN = 256
"""Least length of the longer side, pixels."""
MOVING = 20
"""Frames of a motion, including both ends."""
HELD = 10
"""Repetitions of an image before it moves."""

Frame: TypeAlias = NDArray[np.uint8]


def view_film(images: Images, views: Sequence[View]) -> list[list[Frame]]:
    """Animate images from the first view to each other view, and back.

    Turned, flipped and rearranged pictures move as sheets of paper do, on white; shifted ones on
    a torus; all others fade.

    Args:
        images: `[N, C, H, W]` in [−1, 1], C being 1 or 3.
        views: two or more.

    Returns:
        for each picture frames `[height, width, C]` of one shape, which can be repeated.
    """
    base, *others = views
    size = (images.shape[-2], images.shape[-1])
    paths = [
        [_Motion.of(p, size) for p in parts_of(base.inverted.then(view)) if p != identity()]
        for view in others
    ]
    margin = max((motion.margin for path in paths for motion in path), default=0)
    films: list[list[Frame]] = []
    for image in images[:, None]:
        film: list[Frame] = []
        for path in paths:
            there, seen = [], base(image)
            for motion in path:
                there += [motion.frame(seen, share, margin) for share in _SHARES[:-1]]
                seen = motion.view(seen)
            film += _there_and_back(there, base(image), seen, margin)
        films.append(film)
    return films


def fade_film(seen: Sequence[Images]) -> list[list[Frame]]:
    """Animate images `[N, C, H, W]` that fade into one another, and back, as `view_film` does."""
    films: list[list[Frame]] = []
    for images in zip(*(each[:, None] for each in seen), strict=True):
        there = [
            _on_white(_faded(first, last, share), 0)
            for first, last in pairwise(images)
            for share in _SHARES[:-1]
        ]
        films.append(_there_and_back(there, images[0], images[-1], 0))
    return films


_SHARES = [share**2 * (3 - 2 * share) for share in np.linspace(0, 1, MOVING).tolist()]
"""Shares of a motion, slower at its ends."""


def _there_and_back(there: list[Frame], first: Images, last: Images, margin: int) -> list[Frame]:
    """Frames of a motion with a pause at both ends."""
    ends = [HELD * [_on_white(each, margin)] for each in (first, last)]
    return [*ends[0], *there[1:], *ends[1], *there[:0:-1]]


@dataclass(frozen=True, eq=False)
class _Motion:
    """A motion from an image to its view: of rigid pieces, or else a shift or a fade."""

    view: View
    pieces: Pieces | None = None
    _maps: dict[tuple[float, int], NDArray[np.int64]] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, view: View, size: tuple[int, int]) -> Self:
        """Find the motion of a view of images of a height and width."""
        if isinstance(view, rotation):
            return cls(view, turned_sheet(*size, view.angle))
        numbers = torch.arange(math.prod(size), dtype=torch.float64).view(1, 1, *size)
        seen = view(numbers).round()
        if torch.equal(seen.flatten().sort().values, numbers.flatten()):
            return cls(view, rigid_pieces(seen[0, 0].numpy().astype(np.int64)))
        return cls(view)

    @property
    def margin(self) -> int:
        """Pixels by which the corners of turning pieces leave the picture, at most."""
        if self.pieces is None:
            return 0
        height, width = self.pieces.owner.shape
        z, beyond = grid(height, width), 0.0
        for share in (0.25, 0.5, 0.75, 1.0):
            place = self.pieces.places(share, z, self.pieces.owner)
            over = abs(place.real).max() - (width - 1) / 2, abs(place.imag).max() - (height - 1) / 2
            beyond = max(beyond, *over)
        return math.ceil(beyond + 0.5) if beyond > 1e-9 else 0

    def frame(self, x: Images, share: float, margin: int) -> Frame:
        """Draw `[1, C, H, W]` after a share of the motion, with so many pixels around it."""
        if self.pieces is not None:
            colours = to_uint8(x)[0].flatten(1).T.numpy()
            on_white = np.concatenate([colours, np.full_like(colours[:1], 255)])
            frame: Frame = on_white[self._map(self.pieces, share, margin)]
            return frame
        if isinstance(self.view, fourier_shift):
            part = fourier_shift(share * self.view.down, share * self.view.right)
            return _on_white(part(x), margin)
        return _on_white(_faded(x, self.view(x), share), margin)

    def _map(self, pieces: Pieces, share: float, margin: int) -> NDArray[np.int64]:
        """Return which pixel is seen at each place of a frame; −1 for none."""
        if (share, margin) not in self._maps:
            height, width = pieces.owner.shape
            scale = enlargement((height, width), SEEN)
            fine = 2 * scale  # parts of pixels, half a place apart: none is missed at any angle
            numbers = np.arange(height * width).reshape(height, width)
            number, owner = (
                each.repeat(fine, 0).repeat(fine, 1).ravel() for each in (numbers, pieces.owner)
            )
            place = pieces.places(share, grid(height, width, fine).ravel(), owner)
            row = np.floor(scale * (height / 2 + margin - place.imag)).astype(np.int64)
            column = np.floor(scale * (width / 2 + margin + place.real)).astype(np.int64)
            seen = np.full([scale * (side + 2 * margin) for side in (height, width)], -1)
            above = np.argsort(~pieces.still[owner], kind="stable")  # what moves hides the rest
            seen[row[above], column[above]] = number[above]
            self._maps[share, margin] = seen
        return self._maps[share, margin]


def _faded(first: Images, last: Images, share: float) -> Images:
    return (1 - share) * first + share * last


def _on_white(x: Images, margin: int) -> Frame:
    """Place an image `[1, C, H, W]` on white."""
    scale = enlargement(x.shape[-2:], SEEN)
    large = to_uint8(x)[0].permute(1, 2, 0).numpy().repeat(scale, 0).repeat(scale, 1)
    around = (scale * margin, scale * margin)
    return np.pad(large, (around, around, (0, 0)), constant_values=255)
