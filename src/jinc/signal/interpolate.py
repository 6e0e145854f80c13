"""Rotation by interpolation, for comparison with `rotate.rotate_unitary`.

None of these is orthogonal: each rotation takes power from the high frequencies, and a thousand
small ones leave little of white noise.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def rotate_spline(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate by cubic B-spline interpolation, as arXiv 2411.09174 does.

    Args:
        x: `[batch, channels, height, width]`, periodic.
        angle: radians, counter-clockwise, `[batch]`.

    Returns:
        Shaped like `x`; equal to `scipy.ndimage.rotate(order=3, mode="grid-wrap", reshape=False)`.

    Source: Unser 1999, "Splines: a perfect fit for signal and image processing".
    """
    return _interpolate(_spline_coefficients(x), angle, _cubic_spline, reach=2)


def rotate_bilinear(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate by bilinear interpolation; arguments and result as of `rotate_spline`."""
    return _interpolate(x, angle, lambda d: 1 - d, reach=1)


def rotate_lanczos(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate by the Lanczos kernel of three lobes; arguments and result as of `rotate_spline`."""
    return _interpolate(x, angle, _lanczos3, reach=3)


def _cubic_spline(d: Tensor) -> Tensor:
    near = 2 / 3 - d**2 + d**3 / 2
    return torch.where(d < 1, near, (2 - d).clamp_min(0) ** 3 / 6)


def _lanczos3(d: Tensor) -> Tensor:
    return torch.where(d < 3, torch.sinc(d) * torch.sinc(d / 3), 0.0)


def _spline_coefficients(x: Tensor) -> Tensor:
    """Divide by the response of the cubic B-spline, 2/3 + cos(ω)/3, on both axes."""
    height, width = x.shape[-2:]
    fy = torch.fft.fftfreq(height, dtype=x.dtype, device=x.device)[:, None]
    fx = torch.fft.rfftfreq(width, dtype=x.dtype, device=x.device)
    response = (2 + torch.cos(2 * math.pi * fy)) * (2 + torch.cos(2 * math.pi * fx)) / 9
    coefficients: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) / response, s=(height, width))
    return coefficients


def _interpolate(
    x: Tensor, angle: Tensor, weight: Callable[[Tensor], Tensor], reach: int
) -> Tensor:
    """Weight the (2·reach)² pixels around the source of each pixel; weights sum to one."""
    height, width = x.shape[-2:]
    from_y, from_x = _sources(height, width, angle.to(x))
    rows, columns = _neighbours(from_y, weight, reach), _neighbours(from_x, weight, reach)
    flat = x.flatten(2)
    turned = torch.zeros_like(flat)
    for row, row_weight in rows:
        for column, column_weight in columns:
            place = (row % height * width + column % width).flatten(1)
            pixels = flat.gather(2, place[:, None].expand_as(flat))
            turned = turned + (row_weight * column_weight).flatten(1)[:, None] * pixels
    return turned.view_as(x)


def _sources(height: int, width: int, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sources of all pixels, rows and columns, `[batch, height, width]` each."""
    y = torch.arange(height, dtype=angle.dtype, device=angle.device) - (height - 1) / 2
    x = torch.arange(width, dtype=angle.dtype, device=angle.device) - (width - 1) / 2
    y, x = torch.meshgrid(y, x, indexing="ij")
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return sin * x + cos * y + (height - 1) / 2, cos * x - sin * y + (width - 1) / 2


def _neighbours(
    place: Tensor, weight: Callable[[Tensor], Tensor], reach: int
) -> list[tuple[Tensor, Tensor]]:
    """Return index and weight of the 2·reach pixels around a position on a line."""
    first = place.floor()
    at = [first + k for k in range(1 - reach, reach + 1)]
    weights = [weight((place - each).abs()) for each in at]
    total = torch.stack(weights).sum(0)
    return [(each.long(), w / total) for each, w in zip(at, weights, strict=True)]
