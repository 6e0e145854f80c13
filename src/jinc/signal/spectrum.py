"""Radial power spectra of images."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from jinc.errors import JincError

CORNER = math.sqrt(0.5)
"""The highest frequency of a pixel grid, cycles per pixel: ½ along both axes at once."""


class RadialSpectrum(NamedTuple):
    """A radial power spectrum.

    Args:
        frequency: middle of each bin, cycles per pixel, `[bins]`, from 0 to √½.
        power: mean of |X|² over the waves of the bin, `[..., bins]`; for white noise its variance.
        waves: number of waves of the bin, `[bins]`; in all height × width.
    """

    frequency: Tensor
    power: Tensor
    waves: Tensor


def radial_power_spectrum(x: Tensor, bins: int | None = None) -> RadialSpectrum:
    """Compute the power of images by the length of the frequency vector.

    The transform is unitary: power, weighted by `waves`, adds up to the sum of squares (Parseval).

    Args:
        x: `[..., height, width]`, float32 or float64, taken as periodic.
        bins: rings of equal width from 0 to √½, the corner of the spectrum; by default as wide as
            the distance of two waves.

    Raises:
        JincError: fewer than one bin, or so many that some hold no wave.

    >>> stripes = torch.tensor([[1.0, -1.0], [1.0, -1.0]])  # ½ cycle a pixel along one axis
    >>> radial_power_spectrum(stripes, bins=2)[1:]
    (tensor([0.0000, 1.3333]), tensor([1, 3]))
    """
    height, width = x.shape[-2:]
    bins = max(1, math.floor(CORNER * min(height, width))) if bins is None else bins
    if bins < 1:
        raise JincError(f"bins: {bins} is fewer than one")
    # Rounding must not carry the corner beyond the last ring.
    ring = (radial_frequency(height, width) * (bins / CORNER)).floor().long().clamp(max=bins - 1)
    waves = ring.flatten().bincount(minlength=bins)
    if not waves.all():
        raise JincError(f"bins: {bins} are too many for {height}×{width}, some would hold no wave")
    power = spectral_power(x).flatten(-2)
    total = power.new_zeros(*power.shape[:-1], bins)
    total = total.index_add(-1, ring.flatten().to(x.device), power)
    frequency = (torch.arange(bins, dtype=torch.float64) + 0.5) * (CORNER / bins)
    return RadialSpectrum(frequency, total / waves.to(total), waves)


def top_band_power(x: Tensor, lowest: float = 0.375) -> Tensor:
    """Average the power of the highest frequencies, which interpolation loses first.

    Args:
        x: `[..., height, width]`, float32 or float64, taken as periodic.
        lowest: lower end of the band, cycles per pixel, 0 to √½; by default ¾ of the Nyquist
            frequency.

    Returns:
        Mean of |X|² over the waves of the band, `[...]`; 1 for white noise of variance 1.

    Raises:
        JincError: a band that holds no wave.
    """
    height, width = x.shape[-2:]
    band = radial_frequency(height, width) >= lowest
    if not band.any():
        raise JincError(f"lowest: no wave of {height}×{width} has {lowest} cycles per pixel")
    return spectral_power(x)[..., band.to(x.device)].mean(-1)


def radial_frequency(height: int, width: int) -> Tensor:
    """Return the length of every frequency vector, cycles per pixel, float64, `[height, width]`."""
    fy = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    return torch.hypot(fy, torch.fft.fftfreq(width, dtype=torch.float64)[None, :])


def spectral_power(x: Tensor) -> Tensor:
    """Return |X|² of the unitary transform of real images, shaped like `x`."""
    spectrum: Tensor = torch.fft.fft2(x, norm="ortho")
    return spectrum.real**2 + spectrum.imag**2
