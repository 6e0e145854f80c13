"""Filters of lines of pixels as matrices."""

import torch
from torch import Tensor

from jinc.signal.padding import Padding, source_index


def filter_matrix(taps: Tensor, size: int, padding: Padding) -> Tensor:
    """Return the matrix that correlates a line of pixels with taps, its padding included.

    Args:
        taps: an odd number of them, `[2R + 1]`.
        size: pixels of a line, ≥ 1.
        padding: what lies beyond its ends.

    Returns:
        `[size, size]`, of the type of the taps.

    >>> filter_matrix(torch.tensor([1.0, 2.0, 0.0]), 3, "circular")
    tensor([[2., 0., 1.],
            [1., 2., 0.],
            [0., 1., 2.]])
    """
    radius = len(taps) // 2
    band = torch.zeros(size, size + 2 * radius).to(taps)
    for row, line in enumerate(band):
        line[row : row + len(taps)] = taps
    if padding == "zeros":
        return band[:, radius : radius + size]
    source = source_index(size, radius, radius, padding, taps.device)
    return taps.new_zeros(size, size).index_add_(1, source, band)
