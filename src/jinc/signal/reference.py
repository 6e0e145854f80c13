"""Slow references of `resample` and `activation`, step by step, for tests and benchmarks."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from jinc.signal.padding import Padding, extend
from jinc.signal.resample import Phase, upsampling_start


def zero_stuff(x: Tensor) -> Tensor:
    """Put a zero after every sample, in both directions: `[..., H, W]` to `[..., 2H, 2W]`."""
    y = x.new_zeros(*x.shape[:-2], 2 * x.shape[-2], 2 * x.shape[-1])
    y[..., ::2, ::2] = x
    return y


def weigh_neighbours(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate every channel with the taps, without padding."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.to(x).expand(channels, 1, *kernel.shape), groups=channels)


def upsample(
    x: Tensor,
    kernel: Tensor,
    *,
    gain: float = 4.0,
    phase: Phase = "half",
    padding: Padding = "zeros",
) -> Tensor:
    """As `resample.upsample`: extend, insert zeros, filter, crop."""
    taps = kernel.shape[-1]
    height, width = x.shape[-2:]
    halo = taps  # more than enough on either side
    stuffed = zero_stuff(extend(x, halo, halo, padding))
    filtered = weigh_neighbours(stuffed, gain * kernel.flip(0, 1))
    first = 2 * halo - (taps - 1 - upsampling_start(taps, phase))
    return filtered[..., first : first + 2 * height, first : first + 2 * width]


def downsample(x: Tensor, kernel: Tensor, *, padding: Padding = "zeros") -> Tensor:
    """As `resample.downsample`: extend, filter at full resolution, keep every second pixel."""
    taps = kernel.shape[-1]
    before = (taps - 1) // 2
    return weigh_neighbours(extend(x, before, taps - 1 - before, padding), kernel)[..., ::2, ::2]


def filtered_activation(
    x: Tensor,
    kernel: Tensor,
    activation: Callable[[Tensor], Tensor] = F.gelu,
    *,
    kappa: float = 0.5,
    gain: float = 4.0,
    phase: Phase = "half",
    padding: Padding = "zeros",
    kernel_up: Tensor | None = None,
) -> Tensor:
    """As `activation.filtered_activation`, by its formula."""
    u = upsample(
        x, kernel if kernel_up is None else kernel_up, gain=gain, phase=phase, padding=padding
    )
    in_band = downsample(activation(u), kernel, padding=padding)
    return in_band + kappa * (x - downsample(u, kernel, padding=padding))
