"""Functions as operators of torch, which it differentiates, compiles and counts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

LIBRARY: Any = torch.library.Library("jinc", "DEF")  # type: ignore[no-untyped-call]


def operator(function: Callable[..., Tensor]) -> Any:
    """Return a function of tensors as the operator `jinc::NAME` on CPUs and CUDA devices.

    `torch.library.custom_op` does the same, but imports torch's compiler at the first call, which
    takes seconds.
    """
    name = function.__name__
    LIBRARY.define(name + torch.library.infer_schema(function, mutates_args=()))
    for device in ("CPU", "CUDA"):
        LIBRARY.impl(name, function, device)
    return getattr(torch.ops.jinc, name).default
