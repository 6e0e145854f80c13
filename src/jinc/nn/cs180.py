"""The small U-Net of a course on diffusion, with a vector as its bottleneck, and BatchNorm.

As a single-step denoiser its only input is the image; time shifts, and classes scale, the features
at two places. It has one image size, and the vector is expanded at a fixed position: alias-free
resampling cannot make all of it equivariant.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.nn.checks import check_designs
from jinc.nn.conditioning import Conditioning
from jinc.nn.configs import Config
from jinc.nn.convolutions import Conv, make_conv
from jinc.nn.layers import Activation, make_activation, make_downsample, make_upsample
from jinc.nn.levels import ConfigLike
from jinc.nn.network import Network
from jinc.signal import extend
from jinc.signal.padding import Padding
from jinc.types import Images, Steps


class CS180UNet(Network):
    """Predict from images of one size: the clean image from it alone, or the noise at a step.

    Args:
        config: name of a configuration (`A`, which is the published network), or of one for each
            of its three levels (`D@12,D@6`), or the configuration itself.
        channels: of the images, ≥ 1.
        width: hidden width D, ≥ 1.
        image_size: height and width in pixels, a multiple of 4.
        classes: number of class labels; 0 for none.
        augmentations: size of the augmentation input; 0 for none.
        timesteps: the number T that steps are divided by; 0 for a network without steps, which
            ignores the numbers `[B]` in their place.
        padding: what lies beyond the edges: `zeros` (published), `reflect` or `circular`. The
            ideal filter is always circular.

    Source: CS 180 (UC Berkeley), project 5, part B.
    """

    kind: ClassVar[str] = "cs180"

    width: int
    image_size: int
    timesteps: int

    def __init__(
        self,
        config: ConfigLike = "A",
        *,
        channels: int = 1,
        width: int = 64,
        image_size: int = 28,
        classes: int = 0,
        augmentations: int = 0,
        timesteps: int = 300,
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        sizes = {"channels": channels, "width": width, "image_size": image_size}
        sizes |= {"classes": classes, "augmentations": augmentations, "timesteps": timesteps}
        self.configure(config, padding, {"channels": 1, "width": 1, "image_size": 4}, **sizes)
        if image_size % 4:
            raise JincError(f"image_size: {image_size} is not a multiple of 4; it is halved twice")
        check_designs(self.config, 3, self.kind)

        pooled = image_size // 4
        fine, half, quarter = map(self.config.at, range(3))
        self.first = _conv_block(channels, width, fine, padding)
        self.down1 = _down_block(width, width, fine, half, padding)
        self.down2 = _down_block(width, 2 * width, half, quarter, padding)
        # One pixel is no image: there is nothing that could alias.
        self.flatten = nn.Sequential(nn.AvgPool2d(pooled), Activation(F.gelu))
        self.unflatten = nn.Sequential(
            nn.ConvTranspose2d(2 * width, 2 * width, pooled, pooled),
            nn.BatchNorm2d(2 * width),
            make_activation(quarter, padding),
        )
        self.tell1 = _Modulation(2 * width, timesteps, classes, augmentations)
        self.up1 = _up_block(4 * width, width, half, padding)
        self.tell2 = _Modulation(width, timesteps, classes, augmentations)
        self.up2 = _up_block(2 * width, width, fine, padding)
        self.joined = _conv_block(2 * width, width, fine, padding)
        self.last = make_conv(fine, width, channels, padding, bias=True)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it

    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict as `Network.forward` does."""
        fine = self.first(x_t.contiguous(memory_format=torch.channels_last))
        half = self.down1(fine)
        quarter = self.down2(half)
        x = self.unflatten(self.flatten(quarter))
        x = self.up1(torch.cat([self.tell1(x, t, condition), quarter], dim=1))
        x = self.up2(torch.cat([self.tell2(x, t, condition), half], dim=1))
        predicted: Tensor = self.last(self.joined(torch.cat([x, fine], dim=1)))
        return predicted

    def check_size(self, height: int, width: int) -> None:
        """Refuse every size but the one the network was made for."""
        size = self.image_size
        if (height, width) != (size, size):
            raise JincError(
                f"image_size: this network was made for {size}×{size}, not {height}×{width}"
            )


class FCBlock(nn.Sequential):
    """Linear, GELU, linear: `[B, size]` to `[B, channels]`."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__(nn.Linear(size, channels), nn.GELU(), nn.Linear(channels, channels))


class _Modulation(nn.Module):
    """Condition features: classes scale them, time and augmentation shift them."""

    def __init__(self, channels: int, timesteps: int, classes: int, augmentations: int) -> None:
        super().__init__()
        self.timesteps, self.classes = timesteps, classes
        self.time = FCBlock(1, channels) if timesteps else None
        self.label = FCBlock(classes, channels) if classes else None
        self.augment = nn.Linear(augmentations, channels, bias=False) if augmentations else None

    def forward(self, x: Tensor, t: Steps, condition: Conditioning) -> Tensor:
        """Map `[B, C, H, W]` to the same shape: c · x + t."""
        if self.label is not None:
            x = x * self.label(self._one_hot(x, condition.labels))[:, :, None, None]
        if self.time is not None:
            elapsed = (t[:, None] / self.timesteps).to(x.dtype)
            x = x + self.time(elapsed)[:, :, None, None]
        if self.augment is not None and condition.augment is not None:
            x = x + self.augment(condition.augment)[:, :, None, None]
        return x

    def _one_hot(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Return `[B, classes]`, zeros for `NO_CLASS`."""
        if labels is None:
            return x.new_zeros(len(x), self.classes)
        known = (labels >= 0)[:, None]
        return (F.one_hot(labels.clamp_min(0), self.classes) * known).to(x.dtype)


class _TransposedConv(nn.ConvTranspose2d):
    """Double the resolution by 4×4 taps, with any padding."""

    def __init__(self, channels_in: int, channels_out: int, padding: Padding) -> None:
        # A pixel put beyond the edge adds two fine ones, which are cut off again.
        inside = 1 if padding == "zeros" else 3
        super().__init__(channels_in, channels_out, 4, stride=2, padding=inside)
        self.beyond = padding

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C', 2H, 2W]`."""
        if self.beyond != "zeros":
            x = extend(x, 1, 1, self.beyond)
        return super().forward(x, output_size)


def _conv_block(ins: int, outs: int, config: Config, padding: Padding) -> nn.Sequential:
    """Two convolutions: `[B, ins, H, W]` to `[B, outs, H, W]`."""
    return nn.Sequential(
        _normed(make_conv(config, ins, outs, padding, bias=True), outs, config, padding),
        _normed(make_conv(config, outs, outs, padding, bias=True), outs, config, padding),
    )


def _down_block(
    ins: int, outs: int, fine: Config, coarse: Config, padding: Padding
) -> nn.Sequential:
    """Downsampling block: `[B, ins, H, W]` to `[B, outs, H/2, W/2]`."""
    halve: nn.Module = Conv(ins, outs, padding, stride=2, bias=True)
    if fine.filters_resampling:
        conv = make_conv(fine, ins, outs, padding, bias=True)
        halve = nn.Sequential(conv, make_downsample(fine, padding))
    block = _conv_block(outs, outs, coarse, padding)
    return nn.Sequential(_normed(halve, outs, coarse, padding), block)


def _up_block(ins: int, outs: int, config: Config, padding: Padding) -> nn.Sequential:
    """Upsampling block: `[B, ins, H, W]` to `[B, outs, 2H, 2W]`."""
    double: nn.Module = _TransposedConv(ins, outs, padding)
    if config.filters_resampling:
        conv = make_conv(config, ins, outs, padding, bias=True)
        double = nn.Sequential(make_upsample(config, padding), conv)
    block = _conv_block(outs, outs, config, padding)
    return nn.Sequential(_normed(double, outs, config, padding), block)


def _normed(conv: nn.Module, channels: int, config: Config, padding: Padding) -> nn.Sequential:
    """Normalise and activate after a convolution."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), make_activation(config, padding))
