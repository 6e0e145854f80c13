"""Classical denoisers: a Gaussian blur, a median filter and non-local means."""

import math
from itertools import product
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.filters import centred_positions
from jinc.signal.padding import Edges, extend


def gaussian_blur(
    x: Tensor, taps: int = 3, std_px: float = 0.8, padding: Edges = "reflect"
) -> Tensor:
    """Gaussian blur, with weights sampled at whole pixels and divided by their sum.

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
    """Median filter over squares, which preserves edges.

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
    """Half width of an odd window."""
    if size < 1 or size % 2 == 0:
        raise JincError(f"{name}: {size} is not an odd number above 0, so it has no middle pixel")
    return size // 2


Weighting = Literal["uniform", "gaussian"]


def non_local_means(
    x: Tensor,
    strength: float,
    noise_std: float = 0.0,
    *,
    patch: int = 5,
    reach: int = 6,
    weighting: Weighting = "uniform",
    padding: Edges = "reflect",
) -> Tensor:
    """Non-local means: average over neighbouring pixels, weighted by the similarity of patches.

    A pixel at a shift s has weight `exp(−max(0, d_s² − 2σ²)/h²)`, where d_s² is the mean square
    difference of the patches around the two over all channels, which share the weight. 2σ² is the
    difference of two equal patches by noise alone.

    Args:
        x: `[batch, channels, height, width]`, float.
        strength: h, in the unit of x, > 0; 0.8 σ is suitable if σ is given.
        noise_std: σ of the noise in x, ≥ 0; 0 if unknown.
        patch: pixels a side of a patch, odd.
        reach: largest shift along each axis, pixels, ≥ 0.
        weighting: of a patch: `uniform`, or `gaussian` of deviation (patch − 1)/4.
        padding: what lies beyond the edges, as in `extend`.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: strength, noise_std, patch or reach out of range, or an unknown word.

    Source: Buades, Coll and Morel, A non-local algorithm for image denoising (CVPR 2005); with the
        noise taken off as in their IPOL article (2011), section 2.

    >>> step = torch.tensor([[[[0.0, 0.1, 0.0, 5.0, 5.1, 5.0]]]])
    >>> non_local_means(step, strength=1.0, patch=1, reach=5)
    tensor([[[[0.0331, 0.0336, 0.0331, 5.0331, 5.0336, 5.0331]]]])
    """
    _check(strength, noise_std, patch, reach)
    lines = _line(patch, weighting)
    height, width = x.shape[-2:]
    half = patch // 2
    # Sums of many small weights: more digits than half precision has.
    wide = extend(
        x.to(torch.promote_types(x.dtype, torch.float32)), reach + half, reach + half, padding
    )
    here = wide[..., reach : reach + height + 2 * half, reach : reach + width + 2 * half]
    total, answer = torch.zeros_like(here[:, :1, :height, :width]), 0 * here[..., :height, :width]
    for down, right in product(range(2 * reach + 1), repeat=2):
        there = wide[..., down : down + height + 2 * half, right : right + width + 2 * half]
        apart = _patch_mean((here - there).square().mean(1, keepdim=True), lines)
        weight = torch.exp(-(apart - 2 * noise_std**2).clamp_min(0) / strength**2)
        total = total + weight
        answer = answer + weight * there[..., half : half + height, half : half + width]
    return (answer / total).to(x.dtype)


def _line(patch: int, weighting: Weighting) -> Tensor:
    """Weights of a patch along one axis, `[patch]`, of sum 1."""
    if weighting not in get_args(Weighting):
        raise JincError(f"weighting: {weighting!r} is neither uniform nor gaussian")
    if weighting == "uniform" or patch == 1:
        return torch.full((patch,), 1 / patch, dtype=torch.float64)
    std_px = (patch - 1) / 4
    return torch.softmax(-((centred_positions(patch) / std_px) ** 2) / 2, dim=0)


def _patch_mean(x: Tensor, line: Tensor) -> Tensor:
    """Average `[B, 1, H, W]` over patches inside the image, one axis after the other."""
    weights = line.to(x)
    return F.conv2d(F.conv2d(x, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))


def _check(strength: float, noise_std: float, patch: int, reach: int) -> None:
    if not 0 < strength < math.inf:
        raise JincError(f"strength: {strength} is not a finite number above 0")
    if not 0 <= noise_std < math.inf:
        raise JincError(f"noise_std: {noise_std} is not a finite number of at least 0")
    if patch < 1 or patch % 2 == 0:
        raise JincError(f"patch: {patch} is not an odd number above 0, so it has no middle pixel")
    if reach < 0:
        raise JincError(f"reach: {reach} is negative")
