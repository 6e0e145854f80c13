"""Filtered activations of other projects in plain torch operations, by their published formulas.

Filters are separable: sincs under Kaiser windows, 12 taps on the fine grid, half a sample out of
phase as in ours, so that nothing drifts.
"""

import math
from collections.abc import Callable, Iterator

import torch.nn.functional as F
from torch import Tensor

from jinc.signal import design_kaiser_sinc
from jinc.signal.reference import zero_stuff

TAPS = 12
NEAR, FAR = TAPS // 2 - 1, TAPS // 2
"""Pixels beyond the edges that filters of the fine grid reach."""

STYLEGAN3 = design_kaiser_sinc(TAPS, 0.25, 3.474).sum(0)
"""Taps along an axis, for critical sampling.

Kaiser's formula gives 40.7 dB and this β for 12 taps and a transition band of √2 − 1 cycles per
pixel.
"""

ALIAS_FREE_TORCH = design_kaiser_sinc(TAPS, 0.25, 4.664).sum(0)
"""Taps along an axis; β is that of 51 dB."""


def along_axes(taps: Tensor, x: Tensor) -> Iterator[tuple[Tensor, tuple[int, int]]]:
    """Yield the kernels for all channels of maps, along rows, then columns, and strides of 2."""
    for shape, stride in (((1, -1), (1, 2)), ((-1, 1), (2, 1))):
        yield taps.to(x).view(1, 1, *shape).expand(x.shape[1], 1, -1, -1), stride


def leaky_relu(x: Tensor) -> Tensor:
    """Multiply negative values by 0.2, and all by √2, which keeps the power of noise."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def stylegan3(x: Tensor, activation: Callable[[Tensor], Tensor] = leaky_relu) -> Tensor:
    """Put zeros between pixels, filter, activate, filter, and take every second pixel.

    Source: arXiv 2106.12423, section 3; zeros lie beyond the edges.
    """
    fine = F.pad(zero_stuff(x), (FAR, NEAR, FAR, NEAR))
    for kernel, _ in along_axes(2 * STYLEGAN3, x):
        fine = F.conv2d(fine, kernel, groups=x.shape[1])
    fine = F.pad(activation(fine), (NEAR, FAR, NEAR, FAR))
    for kernel, _ in along_axes(STYLEGAN3, x):
        fine = F.conv2d(fine, kernel, groups=x.shape[1])
    return fine[..., ::2, ::2]


def alias_free_torch(x: Tensor, activation: Callable[[Tensor], Tensor] = F.gelu) -> Tensor:
    """Filter by transposed convolutions of stride 2, activate, filter by convolutions of stride 2.

    Source: github.com/junjun3518/alias-free-torch; edge pixels repeat beyond the edges.
    """
    edge, channels = TAPS // 4, x.shape[1]
    fine = F.pad(x, (edge,) * 4, mode="replicate")
    for kernel, stride in along_axes(2 * ALIAS_FREE_TORCH, x):
        crop = [(2 * edge + NEAR) * (step - 1) for step in stride]
        fine = F.conv_transpose2d(fine, kernel, stride=stride, padding=crop, groups=channels)
    fine = F.pad(activation(fine), (NEAR,) * 4, mode="replicate")
    for kernel, stride in along_axes(ALIAS_FREE_TORCH, x):
        fine = F.conv2d(fine, kernel, stride=stride, groups=channels)
    return fine
