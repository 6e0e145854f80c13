"""Unitary transforms of images into waves: Fourier for periodic images, cosines for edges.

The cosine transform (DCT-II) is Fourier's of the image and its mirror image side by side, so there
is no jump at the edges.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from jinc.signal.spectrum import radial_frequency
from jinc.signal.tables import cached_table

WavesName: TypeAlias = Literal["fourier", "cosine"]


class Waves(NamedTuple):
    """A unitary transform of real images.

    Args:
        transform: `[..., H, W]` to coefficients, `[..., H, W]`.
        inverse: back to real images.
        frequency: `(H, W)` to the length of every wave's frequency vector, cycles per pixel,
            `[H, W]`, float64.
        per_cycle: waves of a row for each of its cycles.
    """

    transform: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    frequency: Callable[[int, int], Tensor]
    per_cycle: int


def cosine_transform(x: Tensor) -> Tensor:
    """Apply the unitary DCT-II to rows and columns of `[..., H, W]`."""
    rows, columns = (_cosines(size, x.dtype, x.device) for size in x.shape[-2:])
    return rows @ x @ columns.T


def inverse_cosine_transform(x: Tensor) -> Tensor:
    """Undo `cosine_transform`."""
    rows, columns = (_cosines(size, x.dtype, x.device) for size in x.shape[-2:])
    return rows.T @ x @ columns


def _fourier(x: Tensor) -> Tensor:
    waves: Tensor = torch.fft.fft2(x, norm="ortho")
    return waves


def _inverse_fourier(x: Tensor) -> Tensor:
    image: Tensor = torch.fft.ifft2(x, norm="ortho").real
    return image


def _cosine_frequency(height: int, width: int) -> Tensor:
    rows, columns = (torch.arange(n, dtype=torch.float64) / (2 * n) for n in (height, width))
    return torch.hypot(rows[:, None], columns)


@cached_table
def _cosines(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the orthogonal matrix of the DCT-II, one wave a row, `[size, size]`."""
    place = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * place[:, None] * (place + 0.5)) * math.sqrt(2 / size)
    matrix[0] *= math.sqrt(0.5)
    return matrix.to(device, dtype)


WAVES: Mapping[WavesName, Waves] = {
    "fourier": Waves(_fourier, _inverse_fourier, radial_frequency, 1),
    "cosine": Waves(cosine_transform, inverse_cosine_transform, _cosine_frequency, 2),
}
