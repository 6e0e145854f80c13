"""A jigsaw puzzle that can be put together in two ways."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jinc.diffusion.views.permutations import (
    Permutation,
    cell,
    check_least,
    check_square,
    from_cells,
    in_order,
)
from jinc.errors import JincError

_SMALLEST = 4
"""Pixels: smaller cells have no room for a tab."""


@dataclass(frozen=True)
class puzzle(Permutation):
    """Cut into the pieces of a puzzle, and permute pieces of equal shape.

    Pieces with tabs to the left and right alternate with pieces with tabs above and below, so that
    all inner pieces have one shape up to a quarter turn; an edge piece fits other edges, and, for
    even numbers, a corner piece other corners. Pieces are rotated to fit their new place.

    Args:
        pieces: along each side, ≥ 1, which they must divide into cells of 4 pixels or more; images
            must be square.
        seed: of the permutation, ≥ 0.
    """

    pieces: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_least("pieces", self.pieces, 1)
        check_least("seed", self.seed, 0)

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        check_square(height, width)
        side, _ = cell(height, width, self.pieces)
        if side < _SMALLEST:
            raise JincError(f"images: {height}×{width} leave {side} pixels a side to each piece")
        random = np.random.default_rng(self.seed)
        owners = _owners(self.pieces, side)
        masks = _windows(owners, self.pieces) == np.arange(self.pieces**2)[:, None, None]
        pixels = _windows(in_order(height, width), self.pieces)
        sources = np.empty(height * width, dtype=np.int64)
        for equals in _equals(masks):
            for place, piece in zip(equals, random.permutation(equals), strict=True):
                turns = random.choice(_turns(masks[piece], masks[place]))
                fitted = np.rot90(pixels[piece], turns)
                sources[pixels[place][masks[place]]] = fitted[masks[place]]
        return sources.reshape(height, width)


def _owners(pieces: int, side: int) -> NDArray[np.int64]:
    """The piece of each pixel, `[H, W]`: its cell's, or the one whose tab reaches into the cell.

    A cell with an even sum of row and column has tabs on its left and right, and receives those of
    its neighbours above and below; other cells are the other way round.
    """
    number = in_order(pieces, pieces)
    owners = np.broadcast_to(number[..., None, None], (pieces, pieces, side, side)).copy()
    for row, column in np.ndindex(pieces, pieces):
        inside = owners[row, column]
        if (row + column) % 2 == 0:  # tabs come in from above and below
            ways = [((row - 1, column), 0), ((row + 1, column), 2)]
        else:  # from the left and right
            ways = [((row, column - 1), 1), ((row, column + 1), 3)]
        for (i, j), turns in ways:
            if 0 <= i < pieces and 0 <= j < pieces:
                inside[np.rot90(_tab(side), turns)] = number[i, j]
    return from_cells(owners)


def _tab(side: int) -> NDArray[np.bool_]:
    """A tab that reaches down into a cell `[side, side]`: a disc, 0.32 of the side deep."""
    depth = np.arange(side)[:, None] + 0.5
    across = np.arange(side) - (side - 1) / 2
    tab: NDArray[np.bool_] = (depth - 0.14 * side) ** 2 + across**2 <= (0.18 * side) ** 2
    return tab


def _windows(image: NDArray[np.int64], pieces: int) -> NDArray[np.int64]:
    """Every cell with half a cell around it, `[pieces², size, size]`; −1 outside the image."""
    side = len(image) // pieces
    margin = side // 2
    padded = np.pad(image, margin, constant_values=-1)
    size = side + 2 * margin
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return windows[::side, ::side].reshape(-1, size, size)


def _turns(piece: NDArray[np.bool_], place: NDArray[np.bool_]) -> list[int]:
    """The quarter turns by which a piece fits a place."""
    return [k for k in range(4) if np.array_equal(np.rot90(piece, k), place)]


def _equals(masks: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Group the numbers of pieces by shape."""
    left = list(range(len(masks)))
    while left:
        same = [number for number in left if _turns(masks[number], masks[left[0]])]
        left = [number for number in left if number not in same]
        yield same
