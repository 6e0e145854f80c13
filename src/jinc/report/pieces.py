"""Rearranged images as rigid pieces that move, rotate and flip."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TURNS = np.array([0, 1, -1, 2, 0, 0, 1, 1]) * math.pi / 2
_FLIPS = np.array([0, 0, 0, 0, 1, 2, 1, 2])
"""The eight symmetries of a square: flipped left to right (1), top to bottom (2) or not (0), and
then turned, radians."""

_PREFERENCE = 4
"""Pixels that could belong to a turned piece or to one that only moves take the latter, unless the
former is so many times as large."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """A picture cut into P pieces, each of which is flipped, turned and moved as a whole.

    Places are complex numbers, pixels to the right plus i times pixels up from the centre.

    Args:
        owner: which piece each pixel belongs to, 0 … P−1, `[H, W]`.
        flip: whether it is flipped left to right (1), top to bottom (2) or not (0), `[P]`.
        turn: by how much it is turned, radians, counter-clockwise, `[P]`.
        start: where its centre is before, `[P]`.
        end: where its centre is after, `[P]`.
    """

    owner: NDArray[np.int64]
    flip: NDArray[np.int64]
    turn: NDArray[np.float64]
    start: NDArray[np.complex128]
    end: NDArray[np.complex128]

    def places(
        self, share: float, z: NDArray[np.complex128], owner: NDArray[np.int64]
    ) -> NDArray[np.complex128]:
        """Return where points of pieces are after a share of the motion, 0 … 1.

        Several pieces of which some turn move apart meanwhile, so that they do not hide each other:
        as far as squares need that turn in opposite directions, hinged at their corners.

        Args:
            share: of the motion.
            z: the points before, of any shape.
            owner: of each, likewise.
        """
        narrowed = math.cos(math.pi * share)
        across = np.where(self.flip == 1, narrowed, 1)[owner]
        along = np.where(self.flip == 2, narrowed, 1)[owner]
        room = 1.0
        if len(self.turn) > 1 and self.turn.any():
            room = math.cos(math.pi / 2 * share) + math.sin(math.pi / 2 * share)
        centre = room * ((1 - share) * self.start + share * self.end)
        point = z - self.start[owner]
        point = across * point.real + 1j * along * point.imag
        moved: NDArray[np.complex128] = (
            np.exp(1j * share * self.turn)[owner] * point + centre[owner]
        )
        return moved

    @property
    def still(self) -> NDArray[np.bool_]:
        """Which pieces stay where they are, `[P]`."""
        still: NDArray[np.bool_] = (self.flip == 0) & (self.turn == 0) & (self.start == self.end)
        return still


def turned_sheet(height: int, width: int, angle: float) -> Pieces:
    """Return a whole picture of so many pixels that is turned, radians counter-clockwise."""
    centre, turn = np.zeros(1, np.complex128), np.array([math.remainder(angle, 2 * math.pi)])
    owner = np.zeros((height, width), np.int64)
    return Pieces(owner, np.zeros(1, np.int64), turn, centre, centre)


def rigid_pieces(sources: NDArray[np.int64]) -> Pieces:
    """Find the pieces in which a permutation moves pixels.

    Each pixel goes to the largest connected set that it can belong to and one rigid motion moves.

    Args:
        sources: where every pixel comes from, `[H, W]`: each of 0 … HW − 1 once, row by row.
    """
    z = grid(*sources.shape)
    to = np.empty_like(z)
    to[np.unravel_index(sources, z.shape)] = z
    largest, owner = np.zeros(z.shape), np.zeros(z.shape, np.int64)
    for place, (turn, flip) in enumerate(zip(_TURNS, _FLIPS, strict=True)):
        flipped = (z, -z.conj(), z.conj())[flip]
        apart = np.rint(2 * (to - np.exp(1j * turn) * flipped))  # whole numbers, for any size
        part = _connected(apart)
        size = np.bincount(part.ravel())[part] * (1 if place else _PREFERENCE)
        owner = np.where(size > largest, place * z.size + part, owner)
        largest = np.maximum(size, largest)
    names, owner = np.unique(owner, return_inverse=True)
    owner, moves = owner.reshape(z.shape), names // z.size
    return Pieces(owner, _FLIPS[moves], _TURNS[moves], _centres(z, owner), _centres(to, owner))


def grid(height: int, width: int, fine: int = 1) -> NDArray[np.complex128]:
    """Return places of pixels split along each side, `[fine·height, fine·width]`."""
    rows, columns = ((np.arange(fine * n) + 0.5) / fine - n / 2 for n in (height, width))
    places: NDArray[np.complex128] = columns - 1j * rows[:, None]
    return places


def _connected(motions: NDArray[np.complex128]) -> NDArray[np.int64]:
    """Number the connected parts of equal values, `[H, W]`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = np.arange(motions.size).reshape(motions.shape)
    pairs = [
        (number[one][same], number[other][same])
        for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1]))
        for same in [motions[one] == motions[other]]
    ]
    ends = tuple(np.concatenate(end) for end in zip(*pairs, strict=True))
    joined = coo_array((np.ones(len(ends[0]), np.int8), ends), (motions.size, motions.size))
    _, part = connected_components(joined, directed=False)
    return np.asarray(part, np.int64).reshape(motions.shape)


def _centres(z: NDArray[np.complex128], owner: NDArray[np.int64]) -> NDArray[np.complex128]:
    """The mean place of every piece."""
    count = np.bincount(owner.ravel())
    sums = (np.bincount(owner.ravel(), part.ravel()) for part in (z.real, z.imag))
    right, up = (each / count for each in sums)
    centres: NDArray[np.complex128] = right + 1j * up
    return centres
