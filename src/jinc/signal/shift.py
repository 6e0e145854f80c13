"""Moving periodic images by any number of pixels, by Fourier's shift theorem, without loss.

Every shift here is orthogonal and a whole number of pixels is a roll. The Nyquist line of an even
size has one real number for two frequencies, and no fraction of a shift keeps both its reality and
its power: moved by s it is multiplied by (−1)^round(s).
"""

import math

import torch
from torch import Tensor


def shift_rows(x: Tensor, pixels: float | Tensor) -> Tensor:
    """Move every row to the right, each by its own amount.

    Args:
        x: `[..., height, width]`, float32 or float64, rows periodic.
        pixels: how far, any real number; a number, or a tensor that broadcasts to `x.shape[:-1]`.

    Returns:
        Shaped like `x`.
    """
    width = x.shape[-1]
    s = torch.as_tensor(pixels, dtype=x.dtype, device=x.device)[..., None]
    frequency = torch.fft.rfftfreq(width, dtype=x.dtype, device=x.device)
    turn = torch.polar(torch.ones_like(s * frequency), -2 * math.pi * frequency * s)
    if width % 2 == 0:
        nyquist = 1 - 2 * (s.round() % 2)
        turn = torch.cat([turn[..., :-1], nyquist.to(turn.dtype)], dim=-1)
    moved: Tensor = torch.fft.irfft(torch.fft.rfft(x) * turn, n=width)
    return moved


def shift(x: Tensor, down: float | Tensor, right: float | Tensor) -> Tensor:
    """Move periodic images.

    Args:
        x: `[batch, channels, height, width]`, float32 or float64.
        down: pixels, any real number; one for all, or `[batch]`.
        right: pixels, likewise.

    Returns:
        Shaped like `x`; the transpose, which is the inverse, moves by (−down, −right).

    Source: the shift theorem of the discrete Fourier transform.
    """
    return shift_rows(shift_rows(x, _each_row(right)).mT, _each_row(down)).mT


def _each_row(pixels: float | Tensor) -> float | Tensor:
    """Lay one amount an image along `[batch, channels, rows]`."""
    return pixels[:, None, None] if isinstance(pixels, Tensor) and pixels.ndim == 1 else pixels
