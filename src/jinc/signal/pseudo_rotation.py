"""What a turn by interpolation takes from an image, taken without turning it.

To compare an image that was turned by interpolation with one that was made turned, the second has
to be given the loss of the first: or else what is measured is the interpolation.
"""

import math

import numpy as np
import torch
from torch import Tensor

from jinc.signal.interpolate import LANCZOS, lanczos


def pseudo_rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Give images the loss of a Lanczos turn by an angle, and leave them where they are.

    To turn is to put the kernel k on every pixel and to look in turned places. Upright again, that
    is a filter whose response is the kernel's, turned: `K(R⁻¹ f)`, K being the Fourier transform of
    k(x) k(y). What aliases when the places are looked at is left out.

    Args:
        x: `[batch, channels, height, width]`, periodic, in the frame that the turn leads to.
        angle: radians, counter-clockwise, `[batch]` or `[1]`.

    Returns:
        Shaped like `x`.

    Source: the idea is that of EQ-R in StyleGAN3 (arXiv 2106.12423, appendix E.3).
    """
    height, width = x.shape[-2:]
    down = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    right = torch.fft.fftfreq(width, dtype=torch.float64)[None, :]
    cos, sin = (each.double().cpu()[:, None, None] for each in (angle.cos(), angle.sin()))
    # The frame before the turn: as displayed, y points downwards.
    response = lanczos_response(cos * right - sin * down) * lanczos_response(
        sin * right + cos * down
    )
    filtered: Tensor = torch.fft.ifft2(torch.fft.fft2(x) * response[:, None].to(x)).real
    return filtered


def lanczos_response(frequency: Tensor) -> Tensor:
    """Return the Fourier transform of the Lanczos kernel of three lobes.

    Args:
        frequency: cycles per pixel, `[...]`, float64.

    Returns:
        `∫ k(d) cos(2π f d) dd / ∫ k(d) dd`, `[...]`, by Gauss's rule of 64 points.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    place = torch.from_numpy((nodes + 1) * (LANCZOS / 2))
    kernel = lanczos(place) * torch.from_numpy(weights)
    waves = torch.cos(2 * math.pi * frequency[..., None] * place)
    return (waves * kernel).sum(-1) / kernel.sum()
