"""Resampling and activation as modules, and the modules of a configuration.

None has parameters, and taps are non-persistent buffers: the keys and shapes of a network's state
dict do not depend on them.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from jinc.nn.configs import IDEAL, Config
from jinc.signal import (
    downsample,
    filtered_activation,
    ideal_downsample,
    ideal_filtered_activation,
    ideal_upsample,
    upsample,
)
from jinc.signal.ideal import Band
from jinc.signal.padding import Padding, check_padding
from jinc.signal.resample import Phase

Pointwise: TypeAlias = Callable[[Tensor], Tensor]


class AliasFreeUpsample(nn.Module):
    """Double the resolution without images of the spectrum; see `signal.upsample`."""

    kernel: Tensor

    def __init__(
        self,
        kernel: Tensor,
        *,
        gain: float = 4.0,
        phase: Phase = "half",
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        check_padding(padding)
        self.gain, self.phase, self.padding = gain, phase, padding
        self.register_buffer("kernel", kernel.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, 2H, 2W]`."""
        return upsample(x, self.kernel, gain=self.gain, phase=self.phase, padding=self.padding)


class AliasFreeDownsample(nn.Module):
    """Halve the resolution without folding the spectrum; see `signal.downsample`."""

    kernel: Tensor

    def __init__(self, kernel: Tensor, *, padding: Padding = "zeros") -> None:
        super().__init__()
        check_padding(padding)
        self.padding = padding
        self.register_buffer("kernel", kernel.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, H/2, W/2]`."""
        return downsample(x, self.kernel, padding=self.padding)


class AliasFreeActivation(nn.Module):
    """Apply a pointwise nonlinearity at twice the resolution; see `signal.filtered_activation`."""

    kernel: Tensor
    kernel_up: Tensor | None

    def __init__(
        self,
        kernel: Tensor,
        activation: Pointwise = F.gelu,
        *,
        kappa: float = 0.5,
        gain: float = 4.0,
        phase: Phase = "half",
        padding: Padding = "zeros",
        kernel_up: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_padding(padding)
        self.activation, self.kappa = activation, kappa
        self.gain, self.phase, self.padding = gain, phase, padding
        self.register_buffer("kernel", kernel.float(), persistent=False)
        up = None if kernel_up is None else kernel_up.float()
        self.register_buffer("kernel_up", up, persistent=False)

    def forward(self, x: Tensor, norm: Pointwise | None = None) -> Tensor:
        """Activate `[B, C, H, W]`; `norm`, where given, acts just before σ, at twice the size."""
        activation = self.activation
        return self.apply_filtered(x, activation if norm is None else lambda u: activation(norm(u)))

    def apply_filtered(self, x: Tensor, function: Pointwise) -> Tensor:
        """Apply another function than σ to `[B, C, H, W]`, likewise."""
        return filtered_activation(
            x,
            self.kernel,
            function,
            kappa=self.kappa,
            gain=self.gain,
            phase=self.phase,
            padding=self.padding,
            kernel_up=self.kernel_up,
        )


class IdealUpsample(nn.Module):
    """Double the resolution with the ideal filter, the image taken as periodic."""

    def __init__(self, band: Band = "square") -> None:
        super().__init__()
        self.band = band

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, 2H, 2W]`."""
        return ideal_upsample(x, band=self.band)


class IdealDownsample(nn.Module):
    """Halve the resolution with the ideal filter, the image taken as periodic."""

    def __init__(self, band: Band = "square") -> None:
        super().__init__()
        self.band = band

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, H/2, W/2]`."""
        return ideal_downsample(x, band=self.band)


class IdealActivation(nn.Module):
    """Apply a nonlinearity between ideal filters, the image taken as periodic.

    Args:
        activation: pointwise σ.
        kappa: slope of the linear path around it.
        band: as in `signal.ideal_upsample`.
    """

    def __init__(
        self, activation: Pointwise = F.gelu, *, kappa: float = 0.5, band: Band = "square"
    ) -> None:
        super().__init__()
        self.activation, self.kappa, self.band = activation, kappa, band

    def forward(self, x: Tensor) -> Tensor:
        """Activate `[B, C, H, W]`."""
        return ideal_filtered_activation(x, self.activation, kappa=self.kappa, band=self.band)


def make_upsample(config: Config, padding: Padding) -> nn.Module:
    """Make the upsampling of a configuration, `[B, C, H, W]` to `[B, C, 2H, 2W]`."""
    if not config.filters_resampling:
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    if config.taps == IDEAL:
        return IdealUpsample(config.band)
    kernel = config.kernel_up()
    return AliasFreeUpsample(kernel, gain=config.gain, phase=config.phase, padding=padding)


def make_downsample(config: Config, padding: Padding) -> nn.Module:
    """Make the downsampling of a configuration, `[B, C, H, W]` to `[B, C, H/2, W/2]`."""
    if not config.filters_resampling:
        return nn.MaxPool2d(2)
    if config.taps == IDEAL:
        return IdealDownsample(config.band)
    return AliasFreeDownsample(config.kernel(), padding=padding)


def make_activation(config: Config, padding: Padding, activation: Pointwise = F.gelu) -> nn.Module:
    """Make the activation of a configuration, `[B, C, H, W]` to the same."""
    if not config.filters_activation:
        return Activation(activation)
    if config.taps == IDEAL:
        return IdealActivation(activation, kappa=config.kappa, band=config.band)
    return AliasFreeActivation(
        config.kernel(),
        activation,
        kappa=config.kappa,
        gain=config.gain,
        phase=config.phase,
        padding=padding,
        kernel_up=None if config.cutoff_up is None else config.kernel_up(),
    )


class Activation(nn.Module):
    """Apply a pointwise function, unfiltered."""

    def __init__(self, activation: Pointwise) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Activate a tensor of any shape."""
        return self.activation(x)
