"""Low-pass filters for pixel grids: the jinc and the sinc under Kaiser windows.

Cutoffs are in cycles per pixel of the grid the taps live on, (0, 0.5]. Everything is designed in
float64; cast the taps once, when they meet the images.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from jinc.errors import JincError

Window = Literal["outer", "radial"]


def cutoff_from_radians(omega_c: float) -> float:
    """Convert a cutoff in radians per pixel, (0, π], to cycles per pixel.

    >>> cutoff_from_radians(math.pi / 2)
    0.25
    """
    return omega_c / (2 * math.pi)


def default_kaiser_beta(taps: int) -> float:
    """Return the default Kaiser β: 2, and 3 from 12 taps on, which allow a deeper stop band."""
    return 3.0 if taps >= 12 else 2.0


def jinc(radius: Tensor, cutoff: float) -> Tensor:
    """Evaluate the impulse response of the ideal low-pass whose pass band is a disc.

    Args:
        radius: distances in pixels, any shape, ≥ 0.
        cutoff: radius of the disc, cycles per pixel, (0, 0.5].

    Returns:
        ω_c J₁(ω_c r) / (2π r) with the limit ω_c²/4π at r = 0, in float64, shaped like `radius`.

    Source: arXiv 2411.09174, the jinc filter; J₁ is the Bessel function of the first kind.
    """
    omega_c = 2 * math.pi * cutoff
    r = radius.double()
    away = omega_c * _bessel_j1(omega_c * r) / (2 * math.pi * r.clamp_min(1e-300))
    return torch.where(r > 0, away, omega_c**2 / (4 * math.pi))


def _bessel_j1(x: Tensor) -> Tensor:
    """Compute J₁ by Bessel's integral: the mean of cos(τ − x sin τ) over a period.

    Means of so many equally spaced points are exact to rounding. torch's own J₁ is only good to
    4.6e-7 (near 5), and scipy takes longer to import than a filter to compute.
    """
    points = 2 * math.ceil(x.max().item()) + 40 if x.numel() else 1
    angles = (2 * math.pi * k / points for k in range(points))
    return sum((torch.cos(a - x * math.sin(a)) for a in angles), torch.zeros_like(x)) / points


def kaiser(position: Tensor, half_width: float, beta: float) -> Tensor:
    """Evaluate the Kaiser window I₀(β √(1 − (p/R)²)) / I₀(β), zero beyond the half width R.

    Args:
        position: distances from the centre, pixels, any shape.
        half_width: R, pixels, > 0.
        beta: shape of the window, ≥ 0; 0 is the rectangle.

    Returns:
        Window values in [0, 1], float64, shaped like `position`.
    """
    inside = 1 - (position.double() / half_width) ** 2
    x, peak = beta * inside.clamp_min(0).sqrt(), torch.tensor(beta, dtype=torch.float64)
    # I₀(x) = i0e(x) exp(x), and I₀ alone overflows from β = 700 on.
    value = torch.special.i0e(x) / torch.special.i0e(peak) * torch.exp(x - peak)
    return torch.where(inside >= -1e-12, value, 0.0)


def design_jinc(
    taps: int,
    cutoff: float,
    kaiser_beta: float | None = None,
    window: Window = "outer",
    normalize: bool = True,
) -> Tensor:
    """Design a low-pass whose pass band is a disc, the same in every direction.

    Args:
        taps: filter size K, ≥ 1; even sizes have their centre between pixels.
        cutoff: radius of the pass band, cycles per pixel, (0, 0.5]; ¼ is half-band.
        kaiser_beta: shape of the Kaiser window, ≥ 0; None takes `default_kaiser_beta(taps)`.
        window: `outer` multiplies two one-dimensional windows spanning the taps (the paper);
            `radial` is one window of the distance, R = K/2.
        normalize: divide the taps by their sum, so that the gain at zero frequency is one.

    Returns:
        Taps `[K, K]`, float64, symmetric under flips and transposition.

    Raises:
        JincError: taps, cutoff, kaiser_beta or window out of range.

    Source: arXiv 2411.09174, section on jinc filters under a Kaiser window.

    >>> round(design_jinc(3, 0.25, kaiser_beta=2, normalize=False).sum().item(), 5)
    0.52023
    """
    p = _positions(taps, cutoff)
    beta = _checked_beta(taps, kaiser_beta)
    radius = torch.hypot(p[:, None], p[None, :])
    if window == "outer":
        edge = _outer_window(p, taps, beta)
        shape = edge[:, None] * edge[None, :]
    elif window == "radial":
        shape = kaiser(radius, taps / 2, beta)
    else:
        raise JincError(f"window: {window!r} is neither 'outer' nor 'radial'")
    kernel = jinc(radius, cutoff) * shape
    return kernel / kernel.sum() if normalize else kernel


def design_kaiser_sinc(
    taps: int, cutoff: float, kaiser_beta: float | None = None, normalize: bool = True
) -> Tensor:
    """Design a separable low-pass whose pass band is a square.

    Args:
        taps: filter size K, ≥ 1.
        cutoff: half side of the pass band, cycles per pixel, (0, 0.5].
        kaiser_beta: shape of the Kaiser window, ≥ 0; None takes `default_kaiser_beta(taps)`.
        normalize: divide the taps by their sum, so that the gain at zero frequency is one.

    Returns:
        Taps `[K, K]`, float64: the outer product of one windowed sinc with itself.

    Raises:
        JincError: taps, cutoff or kaiser_beta out of range.
    """
    p = _positions(taps, cutoff)
    line = 2 * cutoff * torch.sinc(2 * cutoff * p)
    line = line * _outer_window(p, taps, _checked_beta(taps, kaiser_beta))
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum() if normalize else kernel


def frequency_response(kernel: Tensor, fx: Tensor, fy: Tensor) -> Tensor:
    """Evaluate the gain of symmetric taps at given frequencies, phase taken about their centre.

    Args:
        kernel: taps `[K, K]`, symmetric under flips.
        fx: horizontal frequencies, cycles per pixel, any shape.
        fy: vertical frequencies, the same shape.

    Returns:
        Real gains, float64, shaped like `fx`; 1 is unchanged, negative turns the phase by π.
    """
    p = 2 * math.pi * centred_positions(kernel.shape[-1])
    cos_x = torch.cos(fx.double()[..., None] * p)
    cos_y = torch.cos(fy.double()[..., None] * p)
    return torch.einsum("...y,yx,...x->...", cos_y, kernel.double(), cos_x)


def centred_positions(taps: int) -> Tensor:
    """Return the positions of K taps, pixels from their centre, `[K]`: −(K−1)/2 … (K−1)/2."""
    return torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2


def _positions(taps: int, cutoff: float) -> Tensor:
    if taps < 1:
        raise JincError(f"taps: {taps} is not a filter size, which is at least 1")
    if not 0 < cutoff <= 0.5:
        raise JincError(f"cutoff: {cutoff} is outside (0, 0.5] cycles per pixel")
    return centred_positions(taps)


def _checked_beta(taps: int, kaiser_beta: float | None) -> float:
    beta = default_kaiser_beta(taps) if kaiser_beta is None else kaiser_beta
    if not 0 <= beta < math.inf:
        raise JincError(f"kaiser_beta: {kaiser_beta} is not a finite number ≥ 0")
    return beta


def _outer_window(p: Tensor, taps: int, beta: float) -> Tensor:
    """A Kaiser window whose ends are at the first and the last tap."""
    return kaiser(p, max((taps - 1) / 2, 0.5), beta)
