"""The blocks of the residual U-Net: a linear residual stream, and nonlinear branches.

All nonlinearities are in branches that are added to the stream. So the stream carries the image's
own amplitude and band from end to end, and resampling acts on stream and branch alike.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.nn.blocks import attention
from jinc.nn.configs import Config
from jinc.nn.convolutions import make_conv
from jinc.nn.layers import make_activation, make_downsample, make_upsample
from jinc.signal.padding import Padding

_Layer = TypeVar("_Layer", bound=nn.Module)


class ResBlock(nn.Module):
    """A residual block: a branch of two convolutions is added to the stream, with resampling.

    Source: Dhariwal and Nichol 2021 (ADM), section 3.1; BigGAN's blocks.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        embedding: int,
        before: Config,
        after: Config,
        padding: Padding,
        *,
        dropout: float = 0.0,
        resample: nn.Module | None = None,
    ) -> None:
        """`before` and `after` are the designs at the sizes before and after `resample`."""
        super().__init__()
        self.resample = resample or nn.Identity()
        self.activation1 = make_activation(before, padding, F.silu)
        self.activation2 = make_activation(after, padding, F.silu)
        self.norm1 = group_norm(channels_in)
        self.conv1 = make_conv(after, channels_in, channels_out, padding, bias=True)
        self.embed = nn.Linear(embedding, 2 * channels_out)
        self.norm2 = group_norm(channels_out)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zeroed(make_conv(after, channels_out, channels_out, padding, bias=True))
        same = channels_in == channels_out
        self.stream = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Map `[B, C, H, W]` and an embedding `[B, E]` to `[B, C', H', W']`."""
        h = self.conv1(self.resample(self.activation1(self.norm1(x))))
        scale, shift = self.embed(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.activation2(torch.addcmul(shift, self.norm2(h), 1 + scale))
        branch: Tensor = self.conv2(self.dropout(h))
        straight: Tensor = self.stream(self.resample(x))
        return straight + branch


class ResAttention(nn.Module):
    """Self-attention, added to the stream.

    Source: Ho et al. 2020 (DDPM), appendix B; heads of a fixed size as in ADM.
    """

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = count_heads(channels, head_channels)
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to the same shape, any H and W."""
        batch, channels, height, width = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).flatten(1, 2)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(tokens).chunk(3, dim=-1)
        )
        seen: Tensor = self.project(attention(q, k, v).transpose(1, 2).flatten(2))
        return x + seen.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """A residual block, with optional attention after it."""

    def __init__(self, block: ResBlock, attend: ResAttention | None) -> None:
        super().__init__()
        self.block = block
        self.attend = attend or nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Map `[B, C, H, W]` and an embedding `[B, E]` to `[B, C', H, W]`."""
        y: Tensor = self.attend(self.block(x, embedding))
        return y


def linear_downsample(config: Config, padding: Padding) -> nn.Module:
    """Make the downsampling of a configuration; its baseline, which must be linear, is a mean."""
    if config.filters_resampling:
        return make_downsample(config, padding)
    return nn.AvgPool2d(2)


def linear_upsample(config: Config, padding: Padding) -> nn.Module:
    """Make the upsampling of a configuration; its baseline repeats each pixel 2×2 times."""
    if config.filters_resampling:
        return make_upsample(config, padding)
    return nn.Upsample(scale_factor=2, mode="nearest")


def group_norm(channels: int) -> nn.GroupNorm:
    """Make a GroupNorm of 32 groups, or as many as have four channels or more each.

    A channel that is normalised alone loses the strength of its feature.
    """
    groups = math.gcd(32, channels)
    while groups > 1 and channels // groups < 4:
        groups //= 2
    return nn.GroupNorm(groups, channels)


def count_heads(channels: int, head_channels: int) -> int:
    """Return the number of heads of a size, at least one; refuse an uneven division."""
    if channels > head_channels and channels % head_channels:
        raise JincError(
            f"head_channels: {channels} channels are no whole number of {head_channels}"
        )
    return max(1, channels // head_channels)


def zeroed(layer: _Layer) -> _Layer:
    """Initialise a layer to zero, so that its branch adds nothing at first."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer
