"""A cache of tables that every step uses."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def cached_table(make: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Cache the last 256 tables that a function returned.

    Tables made in inference mode can be used in training. A graph that is being compiled gets new
    ones: there they are constants, and tensors of the compiler must not enter the cache.

    Args:
        make: returns a table, which must not be written to, from hashable arguments.

    Returns:
        The same function with a cache.
    """
    cached: Callable[..., Tensor] = lru_cache(maxsize=256)(torch.inference_mode(False)(make))

    @wraps(make)
    def table(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if torch.compiler.is_compiling():
            return make(*args, **kwargs)
        return cached(*args, **kwargs)

    return table
