"""Views that permute pixels: exact in every type, on every device."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.diffusion.views.plain import check_amount
from jinc.diffusion.views.view import View
from jinc.errors import JincError
from jinc.signal import disc
from jinc.types import Images


class Permutation(View):
    """A view given by the source of every pixel."""

    @abstractmethod
    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        """The source of every pixel, `[H, W]`: each of 0 … HW − 1 once, counted row by row."""

    def __call__(self, x: Images) -> Images:
        return _fetch(x, _places(self, *x.shape[-2:], x.device)[0])

    def inverse(self, x: Images) -> Images:
        return _fetch(x, _places(self, *x.shape[-2:], x.device)[1])


@dataclass(frozen=True)
class pixel_permutation(Permutation):
    """Shuffle all pixels, or all squares of a few pixels.

    Args:
        seed: of the shuffling, ≥ 0.
        side: pixels a side of the squares, which must divide the image, ≥ 1.
    """

    seed: int = 0
    side: int = 1

    def __post_init__(self) -> None:
        check_least("seed", self.seed, 0)
        check_least("side", self.side, 1)

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        if height % self.side or width % self.side:
            raise JincError(f"images: {height}×{width} cannot be cut into squares of such a side")
        return _shuffled(height, width, self.side, self.side, self.seed)

    def enlarged(self, factor: int) -> View:
        return pixel_permutation(self.seed, factor * self.side)


@dataclass(frozen=True)
class patch_permutation(Permutation):
    """Cut into equal rectangles, and shuffle them.

    Args:
        patches: along each side, which they must divide, ≥ 1.
        seed: of the shuffling, ≥ 0.
    """

    patches: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_least("patches", self.patches, 1)
        check_least("seed", self.seed, 0)

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        return _shuffled(height, width, *cell(height, width, self.patches), self.seed)


@dataclass(frozen=True)
class skew(Permutation):
    """Roll every column down in proportion to its distance right of the middle.

    Args:
        amount: pixels down per pixel to the right, up to 10⁹ either way. Fractions of a pixel are
            dropped; column W // 2 stays.

    Source: the skew of visual anagrams (arXiv 2311.17919).
    """

    amount: float = 1.5

    def __post_init__(self) -> None:
        check_amount("skew", self.amount)

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        down = np.trunc(self.amount * (np.arange(width) - width // 2)).astype(np.int64)
        rows = (np.arange(height)[:, None] - down) % height
        sources: NDArray[np.int64] = rows * width + np.arange(width)
        return sources


@dataclass(frozen=True)
class inner_circle(Permutation):
    """Rotate a centred disc by quarter turns.

    Args:
        turns: quarter turns, counter-clockwise, any whole number. Where height and width differ by
            an odd number, the disc is half a pixel off the centre.
        radius: in halves of the shorter side, above 0 up to 1.

    Source: the inner circle of visual anagrams (arXiv 2311.17919): half a turn, ¾ of the half side.
    """

    turns: int = 2
    radius: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.radius <= 1:
            raise JincError(f"inner_circle: radius must be above 0 up to 1, got {self.radius}")

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        size = min(height, width)
        top, left = (height - size) // 2, (width - size) // 2
        sources = in_order(height, width)
        square = sources[top : top + size, left : left + size]
        inside = disc(size, self.radius).numpy()
        square[:] = np.where(inside, np.rot90(square, self.turns), square)
        return sources


@dataclass(frozen=True)
class square_hinge(Permutation):
    """Rotate the tiles of a checkerboard by quarter turns, clockwise and counter-clockwise in turn.

    It is what becomes of a board whose tiles are hinged at their corners, opened and closed again.

    Args:
        tiles: along each side, ≥ 1; images must be square. If they do not divide the side, the
            last rows and columns stay: one of each for 3 tiles at 64×64.

    Source: the square hinge of visual anagrams (arXiv 2311.17919).
    """

    tiles: int = 3

    def __post_init__(self) -> None:
        check_least("tiles", self.tiles, 1)

    def sources(self, height: int, width: int) -> NDArray[np.int64]:
        check_square(height, width)
        if self.tiles > height:
            raise JincError(f"images: {height}×{width} have fewer pixels a side than tiles")
        side, sources = height // self.tiles, in_order(height, width)
        board = sources[: side * self.tiles, : side * self.tiles]
        tiles = as_cells(board, side, side)
        clockwise = np.add.outer(range(self.tiles), range(self.tiles))[..., None, None] % 2 == 0
        board[:] = from_cells(np.where(clockwise, *(np.rot90(tiles, k, (2, 3)) for k in (-1, 1))))
        return sources


def in_order(height: int, width: int) -> NDArray[np.int64]:
    """The identity permutation, `[H, W]`."""
    return np.arange(height * width, dtype=np.int64).reshape(height, width)


def as_cells(image: NDArray[np.int64], tall: int, wide: int) -> NDArray[np.int64]:
    """Cut `[H, W]` into `[H / tall, W / wide, tall, wide]`."""
    height, width = image.shape
    return image.reshape(height // tall, tall, width // wide, wide).swapaxes(1, 2)


def from_cells(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Undo `as_cells`."""
    rows, columns, tall, wide = cells.shape
    return cells.swapaxes(1, 2).reshape(rows * tall, columns * wide)


def cell(height: int, width: int, count: int) -> tuple[int, int]:
    """Height and width of a cell when each side is divided into `count`."""
    if height % count or width % count:
        raise JincError(f"images: {height}×{width} cannot be cut into {count}×{count} equal parts")
    return height // count, width // count


def check_square(height: int, width: int) -> None:
    """Refuse images that are not square."""
    if height != width:
        raise JincError(f"images: {height}×{width} has no square parts, they must be square")


def check_least(name: str, number: int, least: int) -> None:
    """Refuse numbers that are too small."""
    if number < least:
        raise JincError(f"{name}: must be {least} or more, got {number}")


def _shuffled(height: int, width: int, tall: int, wide: int, seed: int) -> NDArray[np.int64]:
    """Permute rectangles of an image at random."""
    cells = as_cells(in_order(height, width), tall, wide)
    flat = cells.reshape(-1, tall, wide)
    order = np.random.default_rng(seed).permutation(len(flat))
    return from_cells(flat[order].reshape(cells.shape))


def _fetch(x: Images, places: Tensor) -> Images:
    return x.flatten(-2).index_select(-1, places).view(x.shape)


@lru_cache(maxsize=64)
def _places(
    view: Permutation, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The permutation and its inverse, `[HW]` each."""
    sources = view.sources(height, width).ravel()
    return torch.from_numpy(sources).to(device), torch.from_numpy(np.argsort(sources)).to(device)
