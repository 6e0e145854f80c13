"""The convolutions of a configuration, with any padding."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from jinc.nn.configs import Config
from jinc.nn.radial import RadialConv
from jinc.signal import extend
from jinc.signal.padding import Padding
from jinc.signal.tables import cached_table


class Conv(nn.Conv2d):
    """A convolution with free kernels.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        padding: what lies beyond the edges.
        taps: pixels a side of a kernel, odd.
        stride: 1, or 2 to keep every second pixel.
        bias: whether a constant is added to each channel.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        padding: Padding,
        *,
        taps: int = 3,
        stride: int = 1,
        bias: bool = False,
    ) -> None:
        self.beyond, self.halo = padding, taps // 2
        inside = self.halo if padding == "zeros" else 0
        super().__init__(channels_in, channels_out, taps, stride=stride, padding=inside, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C', H/stride, W/stride]`."""
        convolved: Tensor = self._conv_forward(self.extended(x), self.kernel(), self.bias)
        return convolved

    def kernel(self) -> Tensor:
        """Return the kernels, `[C', C, taps, taps]`."""
        return self.weight

    def extended(self, x: Tensor) -> Tensor:
        """Extend the input, unless zeros are added inside of the convolution."""
        return x if self.beyond == "zeros" else extend(x, self.halo, self.halo, self.beyond)


class SymmetricConv(Conv):
    """A 3×3 convolution whose kernels are means over the eight symmetries of the square."""

    def kernel(self) -> Tensor:
        """Return the mean of the kernels over all quarter turns and flips."""
        orbits = _orbits(self.weight.dtype, self.weight.device)
        mean = torch.einsum("mhw,oihw->oim", orbits, self.weight) / orbits.sum((1, 2))
        kernel = torch.einsum("oim,mhw->oihw", mean, orbits)
        return kernel.contiguous(memory_format=torch.channels_last)


CONVOLUTIONS: Mapping[str, Callable[..., Conv | RadialConv]] = {
    "3x3": Conv,
    "5x5": partial(Conv, taps=5),
    "symmetric": SymmetricConv,
    "radial": RadialConv,
}
"""By `Config.kernels`."""


def make_conv(
    config: Config, channels_in: int, channels_out: int, padding: Padding, *, bias: bool = False
) -> Conv | RadialConv:
    """Make a convolution of a configuration, `[B, C, H, W]` to `[B, C', H, W]`."""
    return CONVOLUTIONS[config.kernels](channels_in, channels_out, padding, bias=bias)


@cached_table
def _orbits(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Mark the pixels of a 3×3 kernel that its symmetries exchange: centre, sides and corners."""
    line = torch.tensor([1.0, 0.0, 1.0])
    distance = line[:, None] + line
    return torch.stack([distance == k for k in range(3)]).to(device, dtype)
