"""Rotation within the disc of frequencies that a pixel grid can represent at every angle.

A rotated image and an image of a rotated scene can be compared only if the same frequencies are
removed from both. StyleGAN3's own filters for this are in `signal.stylegan3`; they depend on the
angle, and are less exact.
"""

import math

import torch
from torch import Tensor

from jinc.signal.rotate import UNTORN, rotate
from jinc.signal.spectrum import radial_frequency

PASS = 0.36
"""Cycles per pixel up to which `pseudo_rotate` changes nothing."""

STOP = UNTORN / 2
"""Cycles per pixel from which it removes everything, 0.46: no shear moves a lower frequency over an
edge of the spectrum, as it moves no pixel within `UNTORN` over one of the image."""


def rotate_in_band(x: Tensor, angle: float | Tensor) -> Tensor:
    """Rotate the frequencies that a pixel grid represents at every angle, and remove the others.

    Within that band three shears are a rotation of the plane: rotations compose.

    Args:
        x: `[batch, channels, size, size]`, float32 or float64, periodic.
        angle: radians, counter-clockwise; one for all, or `[batch]`.

    Returns:
        Shaped like `x`; exact within `UNTORN`.
    """
    return rotate(pseudo_rotate(x), angle)


def pseudo_rotate(x: Tensor) -> Tensor:
    """Remove the frequencies that `rotate_in_band` removes, without rotation.

    Args:
        x: `[..., height, width]`, periodic.

    Returns:
        Shaped like `x`: unchanged below 0.36 cycles per pixel and 0 from 0.46 on, in all
        directions alike, so that it commutes with rotations.

    Source: after EQ-R of StyleGAN3 (arXiv 2106.12423, appendix E.3), whose band is not a disc.
    """
    frequency = radial_frequency(*x.shape[-2:])
    fall = ((frequency - PASS) / (STOP - PASS)).clamp(0, 1)
    gain = torch.cos(fall * (math.pi / 2)) ** 2
    kept: Tensor = torch.fft.ifft2(torch.fft.fft2(x) * gain.to(x)).real
    return kept
