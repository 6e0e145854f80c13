"""The blocks of the U-Net of arXiv 2411.09174, with injected resamplers and activations."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.nn.configs import Config
from jinc.nn.convolutions import make_conv
from jinc.nn.layers import make_activation, make_downsample, make_upsample
from jinc.signal.padding import Padding

EMBEDDING = 256
"""Width of the embedding of steps and labels."""


class DoubleConv(nn.Module):
    """Convolve, normalise, activate, convolve, normalise; with an optional residual path."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        config: Config,
        padding: Padding,
        *,
        mid: int | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        mid = mid or channels_out
        self.residual = residual
        self.conv1 = make_conv(config, channels_in, mid, padding)
        self.norm1 = nn.GroupNorm(1, mid)
        self.conv2 = make_conv(config, mid, channels_out, padding)
        self.norm2 = nn.GroupNorm(1, channels_out)
        self.activation = make_activation(config, padding)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C', H, W]`."""
        y = self.norm2(self.conv2(self.activate(self.conv1(x))))
        return self.join(x, y) if self.residual else y

    def activate(self, h: Tensor) -> Tensor:
        """Normalise and activate the output of the first convolution."""
        activated: Tensor = self.activation(self.norm1(h))
        return activated

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        """Join the residual path, and activate."""
        joined: Tensor = self.activation(x + y)
        return joined


class DoubleConvNormInside(DoubleConv):
    """The published D+norm: normalisation in the upsampled domain, the second one once more."""

    def activate(self, h: Tensor) -> Tensor:
        """Normalise between upsampling and the nonlinearity."""
        activated: Tensor = self.activation(h, self.norm1)
        return activated

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        """Join, and normalise again between upsampling and the nonlinearity."""
        joined: Tensor = self.activation(x + y, self.norm2)
        return joined


def double_conv(
    channels_in: int,
    channels_out: int,
    config: Config,
    padding: Padding,
    *,
    mid: int | None = None,
    residual: bool = False,
) -> DoubleConv:
    """Make the double convolution of a configuration."""
    kind = DoubleConvNormInside if config.norm_inside else DoubleConv
    return kind(channels_in, channels_out, config, padding, mid=mid, residual=residual)


class Down(nn.Module):
    """Halve the resolution, convolve, and add the embedding."""

    def __init__(
        self, channels_in: int, channels_out: int, fine: Config, coarse: Config, padding: Padding
    ):
        super().__init__()
        self.resample = make_downsample(fine, padding)
        self.conv1 = double_conv(channels_in, channels_in, coarse, padding, residual=True)
        self.conv2 = double_conv(channels_in, channels_out, coarse, padding)
        self.embed = nn.Linear(EMBEDDING, channels_out)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Map `[B, C, H, W]` and `[B, 256]` to `[B, C', H/2, W/2]`."""
        y: Tensor = self.conv2(self.conv1(self.resample(x)))
        shift: Tensor = self.embed(F.silu(embedding))
        return y + shift[:, :, None, None]


class Up(nn.Module):
    """Double the resolution, concatenate the skip, convolve, and add the embedding."""

    def __init__(self, channels_in: int, channels_out: int, config: Config, padding: Padding):
        super().__init__()
        self.resample = make_upsample(config, padding)
        self.conv1 = double_conv(channels_in, channels_in, config, padding, residual=True)
        self.conv2 = double_conv(channels_in, channels_out, config, padding, mid=channels_in // 2)
        self.embed = nn.Linear(EMBEDDING, channels_out)

    def forward(self, x: Tensor, skip: Tensor, embedding: Tensor) -> Tensor:
        """Map `[B, C, H, W]`, a skip of twice the size and `[B, 256]` to `[B, C', 2H, 2W]`."""
        y: Tensor = self.conv2(self.conv1(torch.cat([skip, self.resample(x)], dim=1)))
        shift: Tensor = self.embed(F.silu(embedding))
        return y + shift[:, :, None, None]


class SelfAttention(nn.Module):
    """Self-attention over all pixels of a map: a pre-norm transformer block."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.Linear(channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to the same shape, any H and W."""
        batch, channels, height, width = x.shape
        tokens: Tensor = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norm(tokens)).chunk(3, dim=-1)
        )
        seen = attention(q, k, v).transpose(1, 2).flatten(2)
        tokens = tokens + self.project(seen)
        tokens = tokens + self.feed_forward(tokens)
        return tokens.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend, `[B, heads, pixels, size]` each.

    The CPU's kernel works in vectors of 16 numbers and is slow on narrower heads; zeros beside
    them change no product, and the scale stays that of the true size.
    """
    size = q.shape[-1]
    if q.device.type != "cpu" or size >= 16:
        return F.scaled_dot_product_attention(q, k, v)
    q, k, v = (F.pad(part, (0, 16 - size)) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, scale=size**-0.5)[..., :size]
