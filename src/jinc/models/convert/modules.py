"""Alias-free forms of modules whose code cannot stay: convolutions that change the resolution.

A rule returns the `forward` of a module under alias-free operations, or None if it does not apply.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard, cast

import torch.nn.functional as F
from torch import Tensor, nn

from jinc.models.convert.operations import Operations

Rule: TypeAlias = Callable[[nn.Module, str, Operations], Callable[..., Any] | None]
"""`(module, qualified name, operations)` to a method `forward(self, …)`, or None."""


def strided_convolution(
    module: nn.Module, name: str, operations: Operations
) -> Callable[..., Any] | None:
    """Convolve at every pixel, then low-pass and drop every second one."""
    if not _is_convolution(module) or not operations.config.filters_resampling:
        return None
    if module.padding_mode != "zeros" and operations.padding == "zeros":
        return None  # it would lose its own padding
    if module.stride != (2, 2) or module.dilation != (1, 1) or isinstance(module.padding, str):
        return None
    sizes = set(zip(module.kernel_size, module.padding, strict=True))
    if len(sizes) != 1:
        return None
    ((taps, before),) = sizes
    halves = taps - 2 * before in (1, 2)  # maps of even size become half as large
    after = taps - 1 - before if halves else before

    def forward(self: nn.Conv2d, x: Tensor) -> Tensor:
        x = operations.extended(x, before, after)
        return operations.every_second(F.conv2d(x, self.weight, self.bias, groups=self.groups))

    return forward


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
    if not kind.__module__.startswith("diffusers.") or not operations.config.filters_resampling:
        return None

    def halved(self: Any, x: Tensor) -> Tensor:
        return operations.downsample(self.Conv2d_0(x) if getattr(self, "use_conv", False) else x)

    def doubled(self: Any, x: Tensor) -> Tensor:
        fine = operations.upsample(x)
        return self.Conv2d_0(fine) if getattr(self, "use_conv", False) else fine

    def extended(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.norm is not None:
            x = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        rows, columns = (2 * (n // 2) + 2 for n in x.shape[-2:])
        convolved: Tensor = self.conv(operations.extended(x, 0, 2)[..., :rows, :columns])
        return convolved

    if kind.__qualname__ == "Downsample2D":
        unpadded = part.use_conv and part.padding == 0 and part.conv.kernel_size == (3, 3)
        return extended if unpadded else None
    return {
        "FirDownsample2D": halved,
        "KDownsample2D": halved,
        "FirUpsample2D": doubled,
        "KUpsample2D": doubled,
    }.get(kind.__qualname__)


def padded_convolution(
    module: nn.Module, name: str, operations: Operations
) -> Callable[..., Any] | None:
    """Extend maps as the operations do, not with zeros."""
    if not _is_convolution(module) or operations.padding == "zeros":
        return None
    reach = {(taps - 1) // 2 for taps in module.kernel_size}
    if module.stride != (1, 1) or module.dilation != (1, 1) or reach == {0}:
        return None
    if module.padding != (*reach, *reach) or any(taps % 2 == 0 for taps in module.kernel_size):
        return None
    (halo,) = reach

    def forward(self: nn.Conv2d, x: Tensor) -> Tensor:
        x = operations.extended(x, halo, halo)
        return F.conv2d(x, self.weight, self.bias, groups=self.groups)

    return forward


def _is_convolution(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that does nothing else."""
    return isinstance(module, nn.Conv2d) and type(module).forward is nn.Conv2d.forward


RULES: tuple[Rule, ...] = (
    strided_convolution,
    transposed_convolution,
    diffusers_resampling,
    padded_convolution,
)
"""Tried in turn; the first that applies decides."""
