"""Resampling with ideal filters, by FFT: what finite taps approach.

The image is taken as one period of a periodic one, whatever its size. The Nyquist line of an even
size stands for both signs of its frequency; half of it goes to each, so that real stays real and
the way down is the transpose of the way up.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.tables import cached_table

Band = Literal["square", "disc"]
BANDS: tuple[Band, ...] = ("square", "disc")


def ideal_upsample(x: Tensor, *, band: Band = "square") -> Tensor:
    """Double the resolution by trigonometric interpolation, the new pixels at ±¼ of the old.

    Args:
        x: `[..., height, width]`, periodic, any float type.
        band: `square` keeps the whole spectrum; `disc` what lies within the Nyquist frequency
            in every direction.

    Returns:
        `[..., 2·height, 2·width]`.

    Raises:
        JincError: an unknown band.
    """
    y = _limit(_wide(x), band)
    return _double_along(_double_along(y, -2), -1).to(x.dtype)


def ideal_downsample(x: Tensor, *, band: Band = "square") -> Tensor:
    """Halve the resolution without aliasing: the transpose of `ideal_upsample`, over four.

    Args:
        x: `[..., height, width]`, periodic, any float type, height and width even.
        band: as in `ideal_upsample`.

    Returns:
        `[..., height/2, width/2]`.

    Raises:
        JincError: odd height or width, or an unknown band.
    """
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        raise JincError(f"image size: {height}×{width} cannot be halved, both must be even")
    return _limit(_halve_along(_halve_along(_wide(x), -2), -1), band).to(x.dtype)


def ideal_filtered_activation(
    x: Tensor,
    activation: Callable[[Tensor], Tensor] = F.gelu,
    *,
    kappa: float = 0.5,
    band: Band = "square",
) -> Tensor:
    """Apply a pointwise nonlinearity at twice the resolution, between ideal filters.

    Args:
        x: `[..., height, width]`, periodic, any float type.
        activation: pointwise σ.
        kappa: slope outside the band, as in `activation.filtered_activation`.
        band: as in `ideal_upsample`.

    Returns:
        Shaped like `x`: D σ(U x) + κ (x − D U x).

    Raises:
        JincError: an unknown band.
    """
    u = ideal_upsample(x, band=band)
    return ideal_downsample(activation(u) - kappa * u, band=band) + kappa * x


def _wide(x: Tensor) -> Tensor:
    """Convert half precision, which has no FFT, to float32."""
    return x if x.dtype == torch.float64 else x.float()


def _double_along(x: Tensor, dim: int) -> Tensor:
    """Interpolate at n/2 − ¼: y[n] = (1/N) Σ_k X_k exp(2πi k (n/2 − ¼)/N)."""
    size = x.shape[dim]
    spectrum = torch.fft.rfft(x, dim=dim) * _along(_doubling(size, x.dtype, x.device), dim)
    doubled: Tensor = torch.fft.irfft(spectrum, n=2 * size, dim=dim)
    return 2 * doubled


def _halve_along(x: Tensor, dim: int) -> Tensor:
    """Cut the spectrum and sample at 2m + ½; `irfft` takes the real part of the Nyquist line."""
    size = x.shape[dim] // 2
    spectrum = torch.fft.rfft(x, dim=dim).narrow(dim, 0, size // 2 + 1)
    spectrum = spectrum * _along(_quarter_shift(size, x.dtype, x.device).conj(), dim)
    halved: Tensor = torch.fft.irfft(spectrum, n=size, dim=dim)
    return 0.5 * halved


@cached_table
def _quarter_shift(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return exp(−2πi f/4) for the frequencies f = k/size of a real line, `[size // 2 + 1]`."""
    phase = torch.fft.rfftfreq(size, dtype=dtype, device=device) * (-math.pi / 2)
    return torch.polar(torch.ones_like(phase), phase)


@cached_table
def _doubling(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """As `_quarter_shift`, halved for the Nyquist line of an even size."""
    table = _quarter_shift(size, dtype, device)
    if size % 2:
        return table
    return torch.cat([table[:-1], 0.5 * table[-1:]])


@cached_table
def _within_nyquist(height: int, width: int, device: torch.device) -> Tensor:
    """Mark the frequencies of a real image up to ½ in every direction."""
    fy = torch.fft.fftfreq(height, device=device)[:, None]
    fx = torch.fft.rfftfreq(width, device=device)
    return torch.hypot(fy, fx) <= 0.5


def _along(line: Tensor, dim: int) -> Tensor:
    return line[:, None] if dim == -2 else line


def _limit(x: Tensor, band: Band) -> Tensor:
    """Project onto the band: the whole square, or the disc within the Nyquist frequency."""
    if band == "square":
        return x
    if band != "disc":
        raise JincError(f"band: {band!r} is not one of {', '.join(BANDS)}")
    inside = _within_nyquist(x.shape[-2], x.shape[-1], x.device)
    limited: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * inside, s=x.shape[-2:])
    return limited
