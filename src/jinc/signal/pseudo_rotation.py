"""Turning without a grid in the way, and what that takes from an image, taken without turning.

An image that was turned and one that was made turned can be compared when both have lost the same:
or else what is measured is the turning.
"""

import math

import torch
from torch import Tensor

from jinc.signal.rotate import UNTORN, rotate
from jinc.signal.spectrum import radial_frequency

PASS = 0.36
"""Cycles per pixel up to which `pseudo_rotate` leaves all as it is."""

STOP = UNTORN / 2
"""Cycles per pixel from which it leaves nothing, 0.46: the frequencies that no shear carries over
the edge of the spectrum, for the reason that no pixel is carried over that of the image."""


def rotate_in_band(x: Tensor, angle: float | Tensor) -> Tensor:
    """Turn what a pixel grid can hold at every angle, and leave out the rest.

    Within that band three shears are a rotation of the plane: two turns are the turn by the sum.

    Args:
        x: `[batch, channels, size, size]`, float32 or float64, periodic.
        angle: radians, counter-clockwise; one for all, or `[batch]`.

    Returns:
        Shaped like `x`; right where the torus does not tear (`UNTORN`).

    Raises:
        JincError: as `rotate`.
    """
    return rotate(pseudo_rotate(x), angle)


def pseudo_rotate(x: Tensor) -> Tensor:
    """Take from images what `rotate_in_band` takes, and leave them where they are.

    Args:
        x: `[..., height, width]`, periodic.

    Returns:
        Shaped like `x`, below 0.36 cycles per pixel as it was, and nothing from 0.46 on, in all
        directions alike, so that it commutes with turns.

    Source: the idea is that of EQ-R in StyleGAN3 (arXiv 2106.12423, appendix E.3).
    """
    frequency = radial_frequency(*x.shape[-2:])
    fall = ((frequency - PASS) / (STOP - PASS)).clamp(0, 1)
    gain = torch.cos(fall * (math.pi / 2)) ** 2
    kept: Tensor = torch.fft.ifft2(torch.fft.fft2(x) * gain.to(x)).real
    return kept
