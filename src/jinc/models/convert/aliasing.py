"""Which calls on maps can alias, and which of them have an alias-free form."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.models.convert.functions import NONLINEAR, Function

ACTIVATIONS = frozenset(function.__name__ for function in NONLINEAR)
"""Replaced on maps."""
REPLACED = (*NONLINEAR, F.interpolate, F.avg_pool2d, F.max_pool2d, F.pixel_shuffle)
"""Functions that the methods of a converted module do not call."""
CONVOLUTIONS = frozenset(("conv2d", "conv_transpose2d"))
_HAVE_FORMS = CONVOLUTIONS | {each.__name__ for each in REPLACED}
RESAMPLING = frozenset(
    (
        *("interpolate", "pixel_shuffle", "pixel_unshuffle", "grid_sample", "repeat_interleave"),
        *(
            f"{kind}{n}d"
            for kind in ("conv", "conv_transpose", "avg_pool", "max_pool")
            for n in (1, 2, 3)
        ),
        *("lp_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "fractional_max_pool2d"),
        *("fold", "unfold", "index_select", "permute", "einsum", "expand"),
        *("__getitem__", "__setitem__"),
    )
)
ATTENTION = frozenset(("scaled_dot_product_attention", "softmax"))
PRODUCTS = frozenset(
    ("mul", "multiply", "__mul__", "__imul__", "div", "divide", "true_divide", "__truediv__")
)
"""Nonlinear if both factors are maps."""
_LINEAR = frozenset(
    ("add", "sub", "rsub", "neg", "positive", "clone", "lerp", "mul", "div", "true_divide")
)
"""Among the pointwise operations of torch."""
_NONLINEAR_TOO = frozenset(
    (
        *("log_sigmoid", "glu", "tanhshrink", "softsign", "normalize", "arctan", "absolute"),
        *("rdiv", "rtruediv", "rpow"),
    )
)
"""Those that torch does not mark as pointwise."""
_LARGEST = frozenset(
    ("max", "min", "amax", "amin", "median", "norm", "linalg_vector_norm", "var", "std")
)
"""Nonlinear functions of all channels of a pixel."""
_INDEXED = {"__getitem__": "a strided slice", "__setitem__": "an assignment to some pixels"}
_MEANS = _LARGEST | {"mean", "sum"}


def can_alias(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Tensor, result: Tensor
) -> bool:
    """Return whether a call changes the resolution of maps, or is nonlinear.

    Args:
        name: of the function.
        args: of the call.
        kwargs: of the call.
        given: the first tensor among them.
        result: with at least three dimensions.
    """
    if name.startswith("conv"):
        stride = kwargs.get("stride", args[3] if len(args) > 3 else 1)
        return any(step != 1 for step in (stride if isinstance(stride, Sequence) else [stride]))
    if name in PRODUCTS:
        maps = [each.shape[2:] for each in args if isinstance(each, Tensor) and each.ndim == 4]
        return len(maps) == 2 and maps[0] == maps[1] and maps[0].numel() > 1
    if result.ndim == 4 and result.shape[-2:].numel() == 1:
        return False  # a vector
    if name == "__getitem__":
        return _picks(args[1], given, result)
    if name == "__setitem__":
        mask, pixels = args[1], given[args[1]]
        return (isinstance(mask, Tensor) and pixels.ndim == 1) or _picks(mask, given, pixels)
    if name in ("permute", "einsum", "expand"):
        return result.ndim == 6
    if name in ATTENTION:
        return given.shape[-2] > 1
    if name in _MEANS and given.ndim != 4:
        return given.ndim in (5, 6) and result.ndim == 4
    if name in _LARGEST:
        return result.shape[-2:] == given.shape[-2:]
    resamples = name in RESAMPLING and given.shape[2:] != result.shape[2:]
    return resamples or is_pointwise(name) or name.startswith("max_pool")


def is_pointwise(name: str) -> bool:
    """Return whether a function is a nonlinearity of each pixel."""
    return name in ACTIVATIONS or _without_form(name.strip("_"))


@cache
def _without_form(name: str) -> bool:
    operation = getattr(torch.ops.aten, name, None)
    if name in _NONLINEAR_TOO or name in _LINEAR or operation is None:
        return name in _NONLINEAR_TOO
    forms = (getattr(operation, each) for each in operation.overloads())
    return any(torch.Tag.pointwise in each.tags for each in forms)


def obstacle(name: str, given: Tensor, result: Tensor) -> str:
    """Return why a call on maps has no alias-free form, or nothing."""
    if name in PRODUCTS:
        return "a product of maps has no alias-free form"
    if name in ACTIVATIONS:
        return ""
    if name not in _HAVE_FORMS:
        return f"{_INDEXED.get(name, name)} has no alias-free form"
    old, new = given.shape[-2:], result.shape[-2:]
    powers = (abs(math.log2(n / m)) for n, m in zip(old, new, strict=True))
    sizes = ("×".join(map(str, each)) for each in (old, new))
    return (
        ""
        if all(0.65 < power < 1.35 for power in powers)
        else f"{' to '.join(sizes)} is not by two"
    )


def why_left(function: Function, name: str, *, is_tried: bool) -> str:
    """Return why a call that has an alias-free form is left, if it is.

    Args:
        function: that is called.
        name: of it.
        is_tried: whether the alias-free form itself makes the call.
    """
    if is_tried:
        return f"{name} with these arguments or sizes has no alias-free form"
    if name in CONVOLUTIONS:
        return "only modules nn.Conv2d and nn.ConvTranspose2d with square kernels are replaced"
    if function in REPLACED:
        return "called by a function that is not a method of a module"
    return f"called as a method or by another name than F.{name}"


def padding_of(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Tensor, result: Tensor
) -> str:
    """Return how a call extends maps over their edges, or nothing."""
    if given.ndim != 4 or given.shape[-2:].numel() == 1:
        return ""
    if name == "pad" and any(m > n for m, n in zip(result.shape[2:], given.shape[2:], strict=True)):
        mode: str = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
        return "zeros" if mode == "constant" else mode
    if name != "conv2d":
        return ""
    width = kwargs.get("padding", args[4] if len(args) > 4 else 0)
    if width == "same":
        width = [n - 1 for n in args[1].shape[2:]]
    pads = width != "valid" and any(width if isinstance(width, Sequence) else [width])
    return "zeros" if pads else ""


def _picks(index: Any, given: Tensor, result: Tensor) -> bool:
    """Return whether an index picks some pixels, evenly spaced or in any order."""
    if given.ndim == 6:
        return result.ndim == 4
    if given.ndim == result.ndim == 4 and given.shape[2:] == result.shape[2:]:
        return False
    parts = index if isinstance(index, tuple) else (index,)
    listed = [
        each for each in parts if isinstance(each, Sequence | Tensor) or hasattr(each, "__array__")
    ]
    strided = any(isinstance(each, slice) and each.step not in (None, 1) for each in parts)
    return strided or (given.ndim == 4 and bool(listed))
