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
    *(F.hardswish, F.softplus, torch.relu),
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
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Double or halve the resolution, or interpolate as asked for."""
    if input.ndim == 4:
        old = input.shape[-2:]
        factors = _pair(scale_factor)
        new = tuple(_pair(size) or (int(n * f) for n, f in zip(old, factors, strict=True)))
        if all(1 < n <= 2 * m and n >= 2 * m - 1 for n, m in zip(new, old, strict=True)):
            return operations.upsample(input)[..., : new[0], : new[1]]
        if all(n == (m + 1) // 2 for n, m in zip(new, old, strict=True)) and new != tuple(old):
            return (
                operations.every_second(input)
                if "nearest" in mode
                else operations.downsample(input)
            )
    return unchanged(F.interpolate, input, size, scale_factor, mode, *args, **kwargs)


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
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Halve the resolution by the filter instead of means of blocks."""
    if not _is_halving(input, kernel_size, stride, padding):
        return unchanged(F.avg_pool2d, input, kernel_size, stride, padding, *args, **kwargs)
    on_pixels = _pair(kernel_size)[0] % 2
    return operations.every_second(input) if on_pixels else operations.downsample(input)


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
    halving = _is_halving(input, kernel_size, stride, padding)
    if return_indices or set(_pair(dilation)) != {1} or not halving:
        settings = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return unchanged(F.max_pool2d, input, *settings)
    reach = _pair(kernel_size)[0] - 1  # pixels of the fine grid on either side
    maxima = operations.activate(
        input, lambda u: F.max_pool2d(u, 2 * reach + 1, stride=1, padding=reach)
    )
    return operations.every_second(maxima) if reach % 2 == 0 else operations.downsample(maxima)


def _is_halving(input: Tensor, kernel_size: Any, stride: Any, padding: Any) -> bool:
    """Whether a window with a stride of two halves maps of even size."""
    steps = _pair(kernel_size if stride is None else stride)
    spare = {k - 2 * p for k, p in zip(_pair(kernel_size), _pair(padding), strict=True)}
    even = all(n % 2 == 0 for n in input.shape[-2:])
    return input.ndim == 4 and even and tuple(steps) == (2, 2) and spare <= {1, 2}


def _pixel_shuffle(operations: Operations, input: Tensor, upscale_factor: int) -> Any:
    """Remove what the coarse grid cannot hold from the shuffled map."""
    if input.ndim != 4 or upscale_factor != 2:
        return unchanged(F.pixel_shuffle, input, upscale_factor)
    return operations.upsample(operations.downsample(F.pixel_shuffle(input, upscale_factor)))
