"""Convolutions that commute with rotations: kernels that depend on the radius alone.

A kernel is a sum of few fixed radial functions,

    k(r) = w_0 δ(r) + Σ_m w_m G_m(r),

the delta, which passes everything, and Gaussians of σ = 0.8, 1.2 and 1.8 px. It has four weights
where a 3×3 kernel has nine. Quarter turns and flips commute with it exactly, and other rotations as
far as the pixel grid allows: whatever the weights, the part of the response that depends on the
direction is at least 18 dB below the whole (`tests/nn/test_radial.py`).

A Gaussian is the only radial function that is a product of one of rows and one of columns. So the
convolution is a few matrix products, in which the padding costs nothing:

    y = x W_0 + Σ_m A_m x W_m A_mᵀ,

with W_m `[C, C']` acting on channels, and A_m on the pixels of a line.
"""

import torch
from torch import Tensor, nn

from jinc.signal.lines import filter_matrix
from jinc.signal.padding import Padding
from jinc.signal.tables import cached_table

STDS_PX = (0.8, 1.2, 1.8)
"""Standard deviations of the Gaussians."""

RADIUS = 5
"""Pixels at which they are cut."""

SMALL = 64
"""Pixels of the largest map on which all Gaussians are one matrix."""


class RadialConv(nn.Module):
    """Convolve with radial kernels.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        padding: what lies beyond the edges.
        bias: whether a constant is added to each channel.
    """

    def __init__(
        self, channels_in: int, channels_out: int, padding: Padding, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.beyond = padding
        self.weight = nn.Parameter(torch.empty(1 + len(STDS_PX), channels_in, channels_out))
        nn.init.kaiming_uniform_(self.weight.data.permute(2, 1, 0), a=5**0.5)
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C', H, W]`."""
        height, width = x.shape[-2:]
        pixels = x.movedim(1, -1)
        smooth = _on_a_small_map if height * width <= SMALL else _line_by_line
        y = smooth(pixels, self.weight.to(x.dtype), self.beyond)
        return (y if self.bias is None else y + self.bias.to(x.dtype)).movedim(-1, 1)


def _line_by_line(x: Tensor, weight: Tensor, padding: Padding) -> Tensor:
    """Convolve `[B, H, W, C]`: columns, channels, and rows of each Gaussian."""
    batch, height, width, channels = x.shape
    columns, rows = (gaussians(n, padding, x.dtype, x.device) for n in (height, width))
    y = (x @ weight[0]).flatten(0, 1)
    lines = x.reshape(batch, height, width * channels)
    for down, along, mix in zip(columns, rows, weight[1:], strict=True):
        mixed = (down @ lines).view(-1, channels) @ mix
        y = y + along @ mixed.view(batch * height, width, -1)
    return y.view(batch, height, width, -1)


def _on_a_small_map(x: Tensor, weight: Tensor, padding: Padding) -> Tensor:
    """Convolve `[B, H, W, C]`: all functions of all pixels at once, then channels."""
    height, width = x.shape[1:3]
    bank = _bank(height, width, padding, x.dtype, x.device)
    found = bank @ x.flatten(1, 2)  # [B, HW·4, C]
    return (found.reshape(-1, weight[..., 0].numel()) @ weight.flatten(0, 1)).view(*x.shape[:3], -1)


@cached_table
def gaussians(size: int, padding: Padding, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return each Gaussian as a matrix that filters a line of pixels, `[3, size, size]`."""
    place = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)
    taps = torch.exp(-(place**2) / (2 * torch.tensor(STDS_PX)[:, None] ** 2))
    taps = taps / taps.sum(1, keepdim=True)
    return torch.stack([filter_matrix(line, size, padding) for line in taps]).to(device, dtype)


@cached_table
def _bank(
    height: int, width: int, padding: Padding, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the delta and the Gaussians at every pixel, `[HW·4, HW]`."""
    both = (gaussians(n, padding, torch.float64, device) for n in (height, width))
    maps = [torch.kron(down, along) for down, along in zip(*both, strict=True)]
    one = torch.eye(height * width, dtype=torch.float64, device=device)
    return torch.stack([one, *maps], 1).flatten(0, 1).to(dtype)
