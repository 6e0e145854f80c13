"""Alias-free forms of the functions of torch that resample maps, or are nonlinear."""

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.models.convert.operations import Operations

Function: TypeAlias = Callable[..., Any]

NONLINEAR: tuple[Function, ...] = (
    *(F.relu, F.relu6, F.leaky_relu, F.prelu, F.elu, F.celu, F.selu, F.gelu, F.silu, F.mish),
    *(F.hardswish, F.hardtanh, F.softplus, torch.relu),
)
"""Pointwise functions that are applied at twice the resolution."""


def alias_free_functions(operations: Operations) -> dict[Function, Function]:
    """Return the alias-free form of each function; only 4-D maps are treated differently."""
    forms: dict[Function, Function] = {}
    if operations.config.filters_resampling:
        forms |= {
            F.interpolate: partial(_interpolate, operations),
            F.avg_pool2d: partial(_avg_pool, operations),
            F.max_pool2d: partial(_max_pool, operations),
            F.pixel_shuffle: partial(_pixel_shuffle, operations),
        }
        if "diffusers.models.resnet" in sys.modules:
            resnet = sys.modules["diffusers.models.resnet"]
            forms[resnet.upsample_2d] = _filter(operations.upsample, resnet.upsample_2d)
            forms[resnet.downsample_2d] = _filter(operations.downsample, resnet.downsample_2d)
    if operations.config.filters_activation:
        forms |= {function: _activation(operations, function) for function in NONLINEAR}
    return forms


def unchanged(function: Function, *args: Any, **kwargs: Any) -> Any:
    """Call a function itself where its alias-free form does not apply; traces look for this."""
    return function(*args, **kwargs)


def _filter(resample: Function, function: Function) -> Function:
    """Return a filter of diffusers, which takes any factor."""

    def filtered(x: Tensor, kernel: Any = None, factor: int = 2, gain: float = 1) -> Any:
        if factor != 2:
            return unchanged(function, x, kernel, factor, gain)
        return resample(x) if gain == 1 else gain * resample(x)

    return filtered


def _activation(operations: Operations, function: Function) -> Function:
    """Return a nonlinearity at twice the resolution."""
    place = _place_of("inplace", function)

    def activation(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if input.ndim != 4 or input.shape[-2:].numel() == 1:
            return unchanged(function, input, *args, **kwargs)
        settings = args[: place - 1]
        inplace = kwargs.pop("inplace", any(args[place - 1 : place]))
        inner = partial(function, **kwargs)
        given = input.clone() if inplace else input  # kept for the gradient
        y = operations.activate(given, (lambda u: inner(u, *settings)) if settings else inner)
        return input.copy_(y) if inplace else y

    return activation


def _place_of(argument: str, function: Function) -> int:
    """Return the position of an argument, or a large number."""
    try:
        names = list(inspect.signature(function).parameters)
    except ValueError:  # implemented in C++, and without it
        return 99
    return names.index(argument) if argument in names else 99


def _interpolate(
    operations: Operations,
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Double or halve the resolution, or interpolate as asked for.

    Pixels that are aligned with the corners, or the nearest of the odd ones, stand elsewhere.
    """
    if input.ndim == 4 and not align_corners:
        old = input.shape[-2:]
        factors = _pair(scale_factor)
        new = tuple(_pair(size) or (int(n * f) for n, f in zip(old, factors, strict=True)))
        if all(1 < n <= 2 * m and n >= 2 * m - 1 for n, m in zip(new, old, strict=True)):
            return operations.upsample(input)[..., : new[0], : new[1]]
        if mode != "nearest-exact" and _halves(old, new):
            halve = operations.every_second if mode == "nearest" else operations.downsample
            return halve(input)[..., : new[0], : new[1]]
    settings = size, scale_factor, mode, align_corners
    return unchanged(F.interpolate, input, *settings, *args, **kwargs)


def _halves(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether sizes are halved, up or down."""
    return all(n > 0 and n in (m // 2, (m + 1) // 2) for n, m in zip(new, old, strict=True)) and (
        tuple(new) != tuple(old)
    )


def _pair(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, Sequence) else (value, value)


def _avg_pool(
    operations: Operations,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Halve the resolution by the filter instead of means of blocks."""
    size = _halved_size(input, kernel_size, stride, padding, ceil_mode)
    if size is None or divisor_override is not None:
        settings = kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        return unchanged(F.avg_pool2d, input, *settings)
    on_pixels = _pair(kernel_size)[0] % 2
    halved = operations.every_second(input) if on_pixels else operations.downsample(input)
    return halved[..., : size[0], : size[1]]


def _max_pool(
    operations: Operations,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take local maxima, a nonlinearity like others, then halve the resolution."""
    size = _halved_size(input, kernel_size, stride, padding, ceil_mode)
    if return_indices or set(_pair(dilation)) != {1} or size is None:
        settings = kernel_size, stride, padding, dilation, ceil_mode, return_indices
        return unchanged(F.max_pool2d, input, *settings)
    reach = _pair(kernel_size)[0] - 1  # pixels of the fine grid on either side
    maxima = operations.activate(
        input, lambda u: F.max_pool2d(u, 2 * reach + 1, stride=1, padding=reach)
    )
    on_pixels = reach % 2 == 0
    halved = operations.every_second(maxima) if on_pixels else operations.downsample(maxima)
    return halved[..., : size[0], : size[1]]


def _halved_size(
    input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool
) -> tuple[int, int] | None:
    """Return what a window with a stride of two makes of a map, if it halves the resolution."""
    taps, pads = _pair(kernel_size), _pair(padding)
    spare = {k - 2 * p for k, p in zip(taps, pads, strict=True)}
    if input.ndim != 4 or len({*taps}) > 1 or not spare <= {1, 2}:
        return None
    if tuple(taps if stride is None else _pair(stride)) != (2, 2):
        return None
    old = input.shape[-2:]
    sizes = []
    for n, k, p in zip(old, taps, pads, strict=True):
        span = n + 2 * p - k
        most = (n + p + 1) // 2  # windows begin within the map
        sizes.append(min(-(-span // 2) + 1, most) if ceil_mode else span // 2 + 1)
    return (sizes[0], sizes[1]) if _halves(old, sizes) else None


def _pixel_shuffle(operations: Operations, input: Tensor, upscale_factor: int) -> Any:
    """Remove what the coarse grid cannot hold from the shuffled map."""
    if input.ndim != 4 or upscale_factor != 2:
        return unchanged(F.pixel_shuffle, input, upscale_factor)
    return operations.upsample(operations.downsample(F.pixel_shuffle(input, upscale_factor)))
