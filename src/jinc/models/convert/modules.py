"""Alias-free forms of modules whose code cannot stay: convolutions that change the resolution.

A rule returns the `forward` of a module under alias-free operations, or None if it does not apply.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import torch.nn.functional as F
from torch import Tensor, nn

from jinc.models.convert.functions import unchanged
from jinc.models.convert.operations import Operations

Rule: TypeAlias = Callable[[nn.Module, str, Operations], Callable[..., Any] | None]
"""`(module, qualified name, operations)` to a method `forward(self, …)`, or None."""


def convolution(module: nn.Module, name: str, operations: Operations) -> Callable[..., Any] | None:
    """Low-pass before strides of 2, 4 …, and extend by the padding of the operations.

    A low-pass commutes with a convolution: this is a convolution at every pixel, a low-pass, and
    every second pixel of it, at a fraction of the cost.
    """
    if not isinstance(module, nn.Conv2d) or type(module).forward is not nn.Conv2d.forward:
        return None

    def forward(self: nn.Conv2d, x: Tensor) -> Tensor:
        if x.ndim != 4:
            return cast(Tensor, unchanged(nn.Conv2d.forward, self, x))
        halvings, extends = _changes(self, operations)
        x = operations.low_pass(x, halvings) if halvings else x
        if not extends:
            return nn.Conv2d.forward(self, x)
        left, right, top, bottom = self._reversed_padding_repeated_twice
        side = max(left, right, top, bottom)
        height, width = x.shape[-2:]
        x = operations.extended(x, side, side)
        x = x[..., side - top : side + height + bottom, side - left : side + width + right]
        settings = (self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
        return F.conv2d(x, *settings) if halvings else unchanged(F.conv2d, x, *settings)

    return forward if any(_changes(module, operations)) else None


def _changes(layer: nn.Conv2d, operations: Operations) -> tuple[int, bool]:
    """Return how often a layer halves the resolution, and whether it is to pad otherwise.

    Not part of the rule alone: adapters make layers of the same class, but with other kernels.
    """
    halvings = _halvings(layer.stride) if operations.config.filters_resampling else 0
    is_circular = layer.padding_mode == operations.padding == "circular"
    pads = any(layer._reversed_padding_repeated_twice) and operations.padding != "zeros"
    return halvings, pads and not is_circular


def transposed_convolution(
    module: nn.Module, name: str, operations: Operations
) -> Callable[..., Any] | None:
    """Double the resolution, then convolve with the same kernel."""
    if not isinstance(module, nn.ConvTranspose2d) or not operations.config.filters_resampling:
        return None
    if module.stride != (2, 2) or module.dilation != (1, 1):
        return None
    sizes = set(zip(module.kernel_size, module.padding, module.output_padding, strict=True))
    if len(sizes) != 1:
        return None
    ((taps, cropped, extra),) = cast(set[tuple[int, int, int]], sizes)

    def forward(self: nn.ConvTranspose2d, x: Tensor, output_size: Any = None) -> Tensor:
        if x.ndim != 4:
            return cast(Tensor, unchanged(nn.ConvTranspose2d.forward, self, x, output_size))
        usual = [2 * (n - 1) + taps - 2 * cropped + extra for n in x.shape[-2:]]
        size = usual if output_size is None else output_size[-2:]
        fine = operations.upsample_onto_pixels(x)
        fine = operations.extended(fine, taps - 1 - cropped, cropped + 1)
        y = F.conv_transpose2d(
            fine, self.weight / 4, self.bias, padding=taps - 1, groups=self.groups
        )
        return y[..., : size[0], : size[1]]

    return forward


def diffusers_resampling(
    module: nn.Module, name: str, operations: Operations
) -> Callable[..., Any] | None:
    """Resample as diffusers' classes of filters, and extend what `Downsample2D` convolves."""
    kind, part = type(module), cast(Any, module)
    if not kind.__module__.startswith("diffusers."):
        return None
    if kind.__qualname__ == "Downsample2D":
        unpadded = part.use_conv and part.padding == 0
        return _extended_downsample(operations) if unpadded else None

    def halved(self: Any, x: Tensor) -> Tensor:
        return operations.downsample(self.Conv2d_0(x) if getattr(self, "use_conv", False) else x)

    def doubled(self: Any, x: Tensor) -> Tensor:
        fine = operations.upsample(x)
        return self.Conv2d_0(fine) if getattr(self, "use_conv", False) else fine

    forms = {
        "FirDownsample2D": halved,
        "KDownsample2D": halved,
        "FirUpsample2D": doubled,
        "KUpsample2D": doubled,
    }
    return forms.get(kind.__qualname__) if operations.config.filters_resampling else None


def _extended_downsample(operations: Operations) -> Callable[..., Any] | None:
    """Return a `forward` that extends further than filters reach, and crops what they spoil."""
    if operations.padding == "zeros":
        return None
    margin = operations.onto_pixels.shape[-1] // 4 + 1

    def forward(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.norm is not None:
            x = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        height, width = x.shape[-2:]
        halved: Tensor = self.conv(operations.extended(x, 2 * margin, 2 * margin + 1))
        return halved[..., margin : margin + height // 2, margin : margin + width // 2]

    return forward


def _halvings(stride: tuple[int, ...]) -> int:
    """Return how often strides of 2, 4 … halve the resolution, 0 for others."""
    steps = stride[0]
    return steps.bit_length() - 1 if {steps} == {*stride} and steps.bit_count() == 1 else 0


RULES: tuple[Rule, ...] = (convolution, transposed_convolution, diffusers_resampling)
"""Tried in turn; the first that applies decides."""
