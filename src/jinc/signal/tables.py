"""Tables of coefficients: cached, and as precise as a device allows (Apple's has no float64)."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def cached_table(make: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Cache the last 256 tables of a function with hashable arguments; they are read-only.

    Tables made in inference mode can be used in training. A graph that is being compiled gets new
    ones: there they are constants, and tensors of the compiler must not enter the cache.
    """
    cached: Callable[..., Tensor] = lru_cache(maxsize=256)(torch.inference_mode(False)(make))

    @wraps(make)
    def table(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if torch.compiler.is_compiling():
            return make(*args, **kwargs)
        return cached(*args, **kwargs)

    return table


def widest(device: torch.device) -> torch.dtype:
    """Return the most precise float type of a device.

    >>> widest(torch.device("cpu")), widest(torch.device("mps"))
    (torch.float64, torch.float32)
    """
    return torch.float32 if device.type == "mps" else torch.float64


def precise(x: float | Tensor) -> Tensor:
    """Convert to the most precise float type of its device."""
    device = x.device if isinstance(x, Tensor) else torch.device("cpu")
    return torch.as_tensor(x, dtype=widest(device))


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Copy numbers from the host to a device without waiting; in float32 if it has no float64."""
    if x.dtype == torch.float64:
        x = x.to(widest(device))
    return x.to(device, non_blocking=True)
