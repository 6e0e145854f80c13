"""Images larger than a denoiser was trained for, denoised in overlapping tiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True)
class Tiles:
    """Overlapping tiles of one size that cover an image, spread evenly from edge to edge.

    Args:
        size: height and width of the image, pixels.
        tile: height and width of a tile, no larger than the image.
        overlap: least number of pixels shared by neighbours, from 0 to below a tile.
        unit: tiles begin at multiples of it, ≥ 1; it divides all other sizes.

    >>> [rows.start for rows, _ in Tiles((100, 32), (32, 32), overlap=8, unit=4).places]
    [0, 24, 44, 68]
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    overlap: int
    unit: int = 1

    def __post_init__(self) -> None:
        if self.unit < 1 or any(n % self.unit for n in (*self.size, *self.tile, self.overlap)):
            raise JincError(f"tiles: {self._words} are no multiples of {self.unit}")
        if any(tile > size for tile, size in zip(self.tile, self.size, strict=True)):
            raise JincError(f"tiles: {self._words} are larger than the image")
        pairs = zip(self.tile, self.size, strict=True)
        least = min((tile for tile, size in pairs if tile < size), default=math.inf)
        if not 0 <= self.overlap < least:
            raise JincError(f"overlap: {self.overlap} is not from 0 to below a tile, {least}")

    @cached_property
    def places(self) -> list[tuple[slice, slice]]:
        """Rows and columns of each tile, from the top left on."""
        rows, columns = (
            [slice(start, start + tile) for start in starts]
            for starts, tile in zip(self._starts, self.tile, strict=True)
        )
        return [(row, column) for row in rows for column in columns]

    @cached_property
    def weights(self) -> Tensor:
        """Blending weights of each tile, `[tiles, 1, h, w]`, float64; they add up to 1 everywhere.

        Where tiles overlap, one fades into the other along a squared sine.
        """
        down, across = (
            _fading(starts, tile, size)
            for starts, tile, size in zip(self._starts, self.tile, self.size, strict=True)
        )
        products = down[:, None, :, None] * across[None, :, None, :]
        return products.flatten(0, 1)[:, None]

    @property
    def _starts(self) -> tuple[list[int], list[int]]:
        height, width = (
            _starts(size // self.unit, tile // self.unit, self.overlap // self.unit)
            for size, tile in zip(self.size, self.tile, strict=True)
        )
        return [self.unit * start for start in height], [self.unit * start for start in width]

    @property
    def _words(self) -> str:
        (height, width), (h, w) = self.size, self.tile
        return f"{h}×{w} of {height}×{width}, overlapping by {self.overlap},"


@dataclass(frozen=True, eq=False)
class tiled(Effect):
    """Denoise a large image tile by tile at every step, and blend the predictions.

    Tiles share their noise and the state after every step, so that neighbours agree long before the
    end and there is no seam, as there is between images generated one by one. Parts farther apart
    than a tile are independent, except through what conditions the denoisers.

    Args:
        denoisers: one for each tile, in the order of `Tiles.places`; or one for all.
        tiles: their layout.

    Source: MultiDiffusion (arXiv 2302.08113), section 3; with weights that fade, Mixture of
        Diffusers (arXiv 2302.02412).

    >>> half = tiled([lambda x_t, t: x_t / 2], Tiles((8, 12), (8, 8), overlap=4))
    >>> float(half(torch.ones(1, 1, 8, 12), torch.tensor([5])).std())
    0.0
    """

    denoisers: Sequence[Denoiser]
    tiles: Tiles
    _weights: dict[tuple[torch.dtype, torch.device], Tensor] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        if len(self.denoisers) not in (1, len(self.tiles.places)):
            count = len(self.tiles.places)
            raise JincError(f"tiled: {len(self.denoisers)} denoisers for {count} tiles")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        if tuple(x_t.shape[-2:]) != self.tiles.size:
            (height, width), (h, w) = self.tiles.size, x_t.shape[-2:]
            raise JincError(f"tiled: tiles of {height}×{width} cannot cover images of {h}×{w}")
        places = self.tiles.places
        each = self.denoisers if len(self.denoisers) > 1 else [self.denoisers[0]] * len(places)
        return [
            Branch(denoiser, x_t[..., rows, columns], t)
            for denoiser, (rows, columns) in zip(each, places, strict=True)
        ]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        x0_hat = torch.zeros_like(x_t)
        weights = self._weights_like(x_t)
        for answer, weight, place in zip(answers, weights, self.tiles.places, strict=True):
            x0_hat[..., *place] += weight * answer
        return x0_hat

    def _weights_like(self, x: Images) -> Tensor:
        """The weights in the images' type and on their device, copied once."""
        kind = x.dtype, x.device
        if kind not in self._weights:
            self._weights[kind] = self.tiles.weights.to(x)
        return self._weights[kind]


def _starts(size: int, tile: int, overlap: int) -> list[int]:
    """Starts of as few tiles as cover a line, evenly spaced."""
    count = 1 + math.ceil((size - tile) / (tile - overlap)) if size > tile else 1
    return [round(place * (size - tile) / max(1, count - 1)) for place in range(count)]


def _fading(starts: Sequence[int], tile: int, size: int) -> Tensor:
    """Blending weights of the tiles of a line, `[tiles, tile]`."""
    middle = torch.arange(tile, dtype=torch.float64) + 0.5
    weights = torch.ones(len(starts), tile, dtype=torch.float64)
    for place, (left, right) in enumerate(pairwise(starts)):
        shared = left + tile - right
        if shared:
            rise = torch.sin((middle / shared).clamp(max=1) * (math.pi / 2)) ** 2
            weights[place + 1] *= rise
            weights[place] *= rise.flip(0)
    total = torch.zeros(size, dtype=torch.float64)
    for weight, start in zip(weights, starts, strict=True):
        total[start : start + tile] += weight
    return torch.stack([w / total[s : s + tile] for w, s in zip(weights, starts, strict=True)])
