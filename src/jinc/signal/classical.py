"""Denoising without learning, to compare with: a Gaussian blur and a median."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.filters import centred_positions
from jinc.signal.padding import Edges, extend


def gaussian_blur(
    x: Tensor, taps: int = 3, std_px: float = 0.8, padding: Edges = "reflect"
) -> Tensor:
    """Average every pixel with its neighbours, under Gaussian weights.

    The Gaussian is sampled at whole pixels and divided by its sum: a constant stays as it is.

    Args:
        x: `[batch, channels, height, width]`, float.
        taps: weights along each axis, odd.
        std_px: standard deviation of the Gaussian, pixels, > 0.
        padding: what lies beyond the edges, as in `extend`; `zeros` darkens them, `mirror` gives
            torchvision's blur.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: taps even or below 1, std_px out of range, or an unknown padding.

    >>> dot = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
    >>> gaussian_blur(dot)
    tensor([[[[0.0000, 0.2390, 0.5220, 0.2390, 0.0000]]]])
    """
    reach = _reach(taps, "taps")
    if not 0 < std_px < math.inf:
        raise JincError(f"std_px: {std_px} is not a finite number above 0")
    # Softmax divides by the sum; a Gaussian as narrow as a needle leaves the middle weight.
    weights = torch.softmax(-((centred_positions(taps) / std_px) ** 2) / 2, dim=0).to(x)
    wide = extend(x, reach, reach, padding)
    lines = wide.reshape(-1, 1, *wide.shape[-2:])
    lines = F.conv2d(F.conv2d(lines, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    return lines.reshape(x.shape)


def median(x: Tensor, size: int = 3, padding: Edges = "reflect") -> Tensor:
    """Replace every pixel by the median of the square about it, which spares edges.

    Differentiable: the gradient goes to the pixel that was the median.

    Args:
        x: `[batch, channels, height, width]`, float; size² copies of it are made.
        size: pixels a side of the square, odd.
        padding: what lies beyond the edges, as in `extend`; `reflect` is scipy's own.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: size even or below 1, or an unknown padding.

    >>> median(torch.tensor([[[[0.0, 0.0, 9.0, 0.0, 1.0, 1.0]]]]))
    tensor([[[[0., 0., 0., 1., 1., 1.]]]])
    """
    reach = _reach(size, "size")
    wide = extend(x, reach, reach, padding)
    squares = wide.unfold(-2, size, 1).unfold(-2, size, 1)
    return squares.flatten(-2).median(dim=-1).values


def _reach(size: int, name: str) -> int:
    """Return how far an odd window reaches to either side of its middle."""
    if size < 1 or size % 2 == 0:
        raise JincError(f"{name}: {size} is not an odd number above 0, so it has no middle pixel")
    return size // 2
