"""The alias-free operations that replace those of a converted model."""

from collections.abc import Callable
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from jinc import signal
from jinc.errors import JincError
from jinc.nn.configs import IDEAL, KERNELS, Config
from jinc.nn.layers import AliasFreeActivation, make_activation, make_downsample, make_upsample
from jinc.signal import extend
from jinc.signal.padding import Edges, Padding
from jinc.signal.resample import in_fast_layout

OPERATIONS = "jinc_operations"
"""Name of the operations in a converted module."""


class Operations(nn.Module):
    """Resampling and nonlinearities of a configuration, on maps of any size.

    Converted layers sample where the original ones did. Interpolation and pooling by two put new
    pixels symmetrically about old ones; strided convolutions put them on every second old one, for
    which filters have an odd number of taps (`onto_pixels`).

    Args:
        config: B, C or D of the corrected design; A for padding alone.
        padding: what lies beyond the edges of maps.
    """

    onto_pixels: Tensor

    def __init__(self, config: Config, padding: Padding) -> None:
        super().__init__()
        alias_free = config.letter in "BCD" and config.is_corrected and config.taps != IDEAL
        if config.letter != "A" and not alias_free:
            raise JincError(
                f"config: {config.name} cannot convert a model; choose B, C or D with a number of "
                "taps, such as D@6"
            )
        self.config, self.padding = config, padding
        self.up = make_upsample(config, padding)
        self.down = make_downsample(config, padding)
        self.activation = make_activation(config, padding)
        design = KERNELS[config.filter].design
        taps = design(config.taps + 1, config.cutoff, config.kaiser_beta, normalize=True)
        self.register_buffer("onto_pixels", taps.float(), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move taps with the model, at their precision."""
        super()._apply(lambda taps: taps.to(fn(taps).device), recurse)  # type: ignore[no-untyped-call]
        return self

    def activate(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a nonlinearity to `[B, C, H, W]` at twice the resolution."""
        assert isinstance(self.activation, AliasFreeActivation)  # of C and D
        return self.activation.apply_filtered(x, function)

    def upsample(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, 2H, 2W]`, as interpolation by two does."""
        return in_fast_layout(self.up, x)

    def downsample(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, ⌈H/2⌉, ⌈W/2⌉]`, as pooling of 2×2 blocks does."""
        return in_fast_layout(self.down, self._even(x))

    def upsample_onto_pixels(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, 2H, 2W]`; every second pixel is an old one."""

        def doubled(x: Tensor) -> Tensor:
            return signal.upsample(x, self.onto_pixels, phase="cosited", padding=self.padding)

        return in_fast_layout(doubled, x)

    def every_second(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, C, ⌈H/2⌉, ⌈W/2⌉]`, the first pixel of each block."""

        def halved(x: Tensor) -> Tensor:
            return signal.downsample(x, self.onto_pixels, padding=self.padding)

        return in_fast_layout(halved, self._even(x))

    def low_pass(self, x: Tensor, halvings: int) -> Tensor:
        """Remove from `[B, C, H, W]` what a map halved so many times cannot hold."""
        kernel = self.onto_pixels.to(x).expand(x.shape[1], 1, *self.onto_pixels.shape)

        def filtered(x: Tensor) -> Tensor:
            for spacing in (2**halving for halving in range(halvings)):
                reach = spacing * (kernel.shape[-1] // 2)
                wide = extend(x, reach, reach, self.padding)
                x = F.conv2d(wide, kernel, dilation=spacing, groups=x.shape[1])
            return x

        return in_fast_layout(filtered, x)

    def extended(self, x: Tensor, before: int, after: int) -> Tensor:
        """Extend maps over their edges."""
        return extend(x, before, after, self.padding)

    def _even(self, x: Tensor) -> Tensor:
        """Repeat the last line of maps of odd size."""
        height, width = x.shape[-2:]
        if height % 2 or width % 2:
            edges: Edges = "circular" if self.padding == "circular" else "reflect"
            x = extend(x, 0, 1, edges)[..., : height + height % 2, : width + width % 2]
        return x
