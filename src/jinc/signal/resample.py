"""Resampling: alias-free by factors of two, and by whole factors.

The alias-free functions have slow, obvious twins in `reference`. Four facts make these fast:

1. Zero-stuffing followed by a filter is a transposed convolution of stride 2, and a filter followed
   by dropping samples is a convolution of stride 2: nothing is computed to be multiplied by zero
   or to be thrown away. Depthwise and in channels_last they run at the speed of memory.
2. On small maps a CPU is fastest if the whole filter, padding included, is one matrix product.
3. With even taps the ways up and down are each other's transpose, up to the gain, with any padding:
   a gradient passes through a filter like an image in the other direction.
4. On GPUs one kernel of `fused` computes each. Where it does not serve, the four new pixels of each
   pixel are four channels of a plain convolution of stride 1, put in their places afterwards: there
   a transposed depthwise convolution took twenty times as long in the layout of channels first.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.fused import resamplers
from jinc.signal.padding import Padding, extend
from jinc.signal.tables import cached_table
from jinc.signal.transforms import transformed

Phase = Literal["half", "cosited"]
PHASES: tuple[Phase, ...] = ("half", "cosited")

SMALL = 64
"""Pixels of the largest coarse map on which CPUs filter by one matrix product."""

Resample: TypeAlias = Callable[[Tensor, Tensor, int, Padding], Tensor]
"""`(x, kernel, start, padding)` to a map of twice or half the size."""


def upsample(
    x: Tensor,
    kernel: Tensor,
    *,
    gain: float = 4.0,
    phase: Phase = "half",
    padding: Padding = "zeros",
) -> Tensor:
    """Double the resolution: put zeros between the samples, then low-pass.

    Args:
        x: `[batch, channels, height, width]`.
        kernel: taps `[K, K]`, symmetric, on the fine grid.
        gain: factor of the taps; 4 makes up for the zeros, 1 is what was published.
        phase: `half` puts the four new pixels of a pixel symmetrically about its centre, at ±¼,
            and needs even K; `cosited` puts one of them on the old one (for even K, half a fine
            pixel off it), as published.
        padding: what lies beyond the edges of `x`.

    Returns:
        `[batch, channels, 2·height, 2·width]`.

    Raises:
        JincError: phase `half` with odd taps, or an unknown phase or padding.
    """
    taps = kernel.shape[-1]
    start = upsampling_start(taps, phase)
    if phase == "half" and resamplers.serve(x, kernel):
        up: Tensor = resamplers.upsample(x, gain * kernel, padding)
        return up
    if x.is_cuda:
        return upsample_interleaved(x, gain * kernel, start, padding)
    if _is_small(x, kernel, x.shape[-2:].numel()):
        return _by_matrix(_upsample, x, gain * kernel, start, padding)
    return _upsample(x, gain * kernel, start, padding)


def upsample_interleaved(x: Tensor, kernel: Tensor, start: int, padding: Padding) -> Tensor:
    """Double the resolution by four filters, one for each of the four new pixels of a pixel.

    In y[2a + p] = Σ_d h[2d + p + s] x[a − d], every p of 0 and 1 has taps of its own, every second
    of h, from d = −⌊(s+1)/2⌋ to ⌊(K−1−s)/2⌋.

    Args:
        x: `[batch, channels, height, width]`.
        kernel: taps `[K, K]`, symmetric, with their gain.
        start: s.
        padding: what lies beyond the edges of `x`.

    Returns:
        `[batch, channels, 2·height, 2·width]`.
    """
    taps, channels = kernel.shape[-1], x.shape[1]
    after, before = (start + 1) // 2, (taps - 1 - start) // 2
    size = before + 1 + after
    first = start - 2 * after  # the index of h at the lowest d, for p = 0
    ends = (-first, first + 2 * size - taps)
    x = x.contiguous()
    phases = F.pad(kernel, (*ends, *ends)).view(size, 2, size, 2).flip(0, 2).permute(1, 3, 0, 2)
    weight = phases.reshape(4, 1, size, size).to(x).repeat(channels, 1, 1, 1)
    if padding != "zeros" or before != after:
        x, before = extend(x, before, after, padding), 0
    return F.pixel_shuffle(F.conv2d(x, weight, padding=before, groups=channels), 2)


def downsample(x: Tensor, kernel: Tensor, *, padding: Padding = "zeros") -> Tensor:
    """Halve the resolution: low-pass, then keep every second sample.

    With even taps the kept samples stand at the centres of 2×2 blocks, which undoes the phase
    `half` of `upsample`; with odd taps they stand on the first pixel of each block.

    Args:
        x: `[batch, channels, height, width]`, height and width even.
        kernel: taps `[K, K]`, symmetric, on the fine grid.
        padding: what lies beyond the edges of `x`.

    Returns:
        `[batch, channels, height/2, width/2]`.

    Raises:
        JincError: odd height or width, or an unknown padding.
    """
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        raise JincError(f"image size: {height}×{width} cannot be halved, both must be even")
    taps = kernel.shape[-1]
    start = (taps - 1) // 2
    if resamplers.serve(x, kernel):
        half: Tensor = resamplers.downsample(x, kernel, padding)
        return half
    if _is_small(x, kernel, height * width // 4):
        return _by_matrix(_downsample, x, kernel, start, padding)
    fast = padding != "zeros" and taps % 2 == 0 and not kernel.requires_grad
    if fast and not torch.compiler.is_compiling() and not transformed():
        down: Tensor = _Downsampled.apply(x, kernel, padding)  # type: ignore[no-untyped-call]
        return down
    return _downsample(x, kernel, start, padding)


def block_mean(x: Tensor, factor: int) -> Tensor:
    """Downsample by a whole factor: every pixel is the mean of a block.

    With `repeat_pixels` it is a pair: the mean undoes the repetition, which is up to a factor its
    transpose. So `x − repeat(mean(x))` is orthogonal to all images that are constant on blocks.

    Args:
        x: `[B, C, H, W]`, H and W multiples of the factor.
        factor: pixels a side of a block, ≥ 1.

    Returns:
        `[B, C, H/factor, W/factor]`.
    >>> block_mean(torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]), 2).item()
    3.0
    """
    height, width = x.shape[-2:]
    if height % factor or width % factor:
        raise JincError(f"image size: {height}×{width} cannot be divided by {factor}")
    return F.avg_pool2d(x, factor)


def repeat_pixels(x: Tensor, factor: int) -> Tensor:
    """Upsample by a whole factor: every pixel becomes a block.

    Args:
        x: `[B, C, H, W]`.
        factor: pixels a side of a block, ≥ 1.

    Returns:
        `[B, C, factor·H, factor·W]`.
    """
    return x.repeat_interleave(factor, -2).repeat_interleave(factor, -1)


def bicubic(x: Tensor, factor: int) -> Tensor:
    """Upsample by cubic convolution, every pixel at the centre of its block, as Pillow does.

    It reproduces parabolas, and commutes with flips and quarter turns.

    Args:
        x: `[B, C, H, W]`; beyond the edges weights are renormalised.
        factor: how many times larger, ≥ 1.

    Returns:
        `[B, C, factor·H, factor·W]`.

    Source: Keys 1981, "Cubic convolution interpolation", a = −½.
    """
    # Only the antialiased form has a = −½; torch's other one has −¾, which overshoots more.
    return F.interpolate(x, scale_factor=factor, mode="bicubic", antialias=True)


def in_fast_layout(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Filter maps in channels_last on CPUs, several times faster there, and return their layout."""
    if x.device.type != "cpu" or transformed():  # vmap knows no memory formats
        return function(x)
    if x.is_contiguous(memory_format=torch.channels_last):
        return function(x)
    return function(x.contiguous(memory_format=torch.channels_last)).contiguous()


def upsampling_start(taps: int, phase: Phase) -> int:
    """Return s of y[n] = Σ_m h[n + s − 2m] x[m], the transposed convolution behind `upsample`."""
    if phase == "cosited":
        return taps // 2
    if phase != "half":
        raise JincError(f"phase: {phase!r} is not one of {', '.join(PHASES)}")
    if taps % 2:
        raise JincError(f"phase: 'half' needs an even number of taps, not {taps}")
    return taps // 2 - 1


def _upsample(x: Tensor, kernel: Tensor, start: int, padding: Padding) -> Tensor:
    """Double the resolution by a transposed convolution."""
    taps = kernel.shape[-1]
    spare = 2 - taps + 2 * start
    if padding != "zeros":
        halo = max((taps - 1 - start) // 2, (start + 1) // 2)
        x = extend(x, halo, halo, padding)
        start += 2 * halo
    # conv_transpose2d may add one line at the end, `spare`; even cosited taps need two.
    first = max(spare - 1, 0)
    y = F.conv_transpose2d(
        x,
        _depthwise(kernel, x),
        stride=2,
        padding=start - first,
        output_padding=spare - first,
        groups=x.shape[1],
    )
    return y[..., first:, first:]


def _downsample(x: Tensor, kernel: Tensor, start: int, padding: Padding) -> Tensor:
    """Halve the resolution by a convolution, whose taps begin `start` pixels before each block."""
    if padding != "zeros":
        x = extend(x, start, max(kernel.shape[-1] - 2 - start, 0), padding)
        start = 0
    return F.conv2d(x, _depthwise(kernel, x), stride=2, padding=start, groups=x.shape[1])


class _Downsampled(torch.autograd.Function):
    """Halve the resolution with even taps; the gradient is upsampled, with gain 1.

    Without it the gradient is filtered on an image that is extended to all sides, and folded.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, padding: Padding) -> Tensor:
        ctx.kernel, ctx.padding = kernel, padding
        return _downsample(x, kernel, (kernel.shape[-1] - 1) // 2, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return upsample(gradient, ctx.kernel, gain=1.0, padding=ctx.padding), None, None


def _is_small(x: Tensor, kernel: Tensor, pixels: int) -> bool:
    """Whether a constant filter is best one matrix product, for a coarse map of so many pixels."""
    small = x.device.type == "cpu" and pixels <= SMALL and not kernel.requires_grad
    return small and not torch.compiler.is_compiling()


def _by_matrix(
    resample: Resample, x: Tensor, kernel: Tensor, start: int, padding: Padding
) -> Tensor:
    """Resample by one product of a matrix and all pixels of every channel."""
    batch, channels, height, width = x.shape
    taps = tuple(kernel.flatten().tolist())
    matrix = _matrix(resample, taps, start, padding, height, width, x.dtype)
    twice = len(matrix) > height * width
    size = (2 * height, 2 * width) if twice else (height // 2, width // 2)
    if not transformed() and x.is_contiguous(memory_format=torch.channels_last):
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        return (matrix @ pixels).view(batch, *size, channels).permute(0, 3, 1, 2)
    return (x.flatten(2) @ matrix.T).view(batch, channels, *size)


@cached_table
def _matrix(
    resample: Resample,
    taps: tuple[float, ...],
    start: int,
    padding: Padding,
    height: int,
    width: int,
    dtype: torch.dtype,
) -> Tensor:
    """Return what `resample` makes of an image of each single pixel, a column each."""
    size = math.isqrt(len(taps))
    kernel = torch.tensor(taps, dtype=torch.float64, device="cpu").view(size, size)
    pixels = torch.eye(height * width, dtype=torch.float64, device="cpu")
    images = resample(pixels.view(-1, 1, height, width), kernel, start, padding)
    return images.flatten(1).T.contiguous().to(dtype)


def _depthwise(kernel: Tensor, x: Tensor) -> Tensor:
    """Repeat the taps for every channel of x, in its type."""
    return kernel.to(x).expand(x.shape[1], 1, *kernel.shape)
