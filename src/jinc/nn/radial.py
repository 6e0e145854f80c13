"""Convolutions that commute with rotations: kernels that depend on the radius alone.

A kernel is a sum of few fixed radial functions on a disc of 5×5 pixels,

    k(r) = Σ_m w_m B_m(r),

B_0 the delta, which passes everything, and B_1 … B_3 Gaussians of σ = 0.65, 1 and 1.4 px, cut at
r = 2.5 px and divided by their sum. It has four weights where a 3×3 kernel has nine. Quarter turns
and flips map the disc onto itself, so they commute with it exactly, and other rotations as far as
the pixel grid allows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.signal import extend
from jinc.signal.padding import Padding
from jinc.signal.tables import cached_table

STDS_PX = (0.65, 1.0, 1.4)
"""Standard deviations of the Gaussians."""

RADIUS = 2
"""Of the 5×5 support, in whole pixels."""


class RadialConv(nn.Module):
    """Convolve with radial kernels of 5×5 pixels.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        padding: what lies beyond the edges.
        stride: 1, or 2 to keep every second pixel.
        bias: whether a constant is added to each channel.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        padding: Padding,
        *,
        stride: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.beyond, self.stride = padding, stride
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in, 1 + len(STDS_PX)))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C', H/stride, W/stride]`."""
        kernel = torch.einsum("oim,mhw->oihw", self.weight, radial_basis(x.dtype, x.device))
        inside = RADIUS if self.beyond == "zeros" else 0
        if self.beyond != "zeros":
            x = extend(x, RADIUS, RADIUS, self.beyond)
        return F.conv2d(x, kernel, self.bias, stride=self.stride, padding=inside)


@cached_table
def radial_basis(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the delta and the Gaussians, `[4, 5, 5]`; each adds up to 1."""
    line = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)
    square = line[:, None] ** 2 + line**2
    basis = [(square == 0).double()]
    for std in STDS_PX:
        rings = torch.exp(-square / (2 * std**2)) * (square <= (RADIUS + 0.5) ** 2)
        basis.append(rings / rings.sum())
    return torch.stack(basis).to(device, dtype)
