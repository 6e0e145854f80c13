"""Tables that are made once and used at every step."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def kept(make: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Keep the last tables of a function, by sizes, type and device.

    They can be used in training also where they were made in inference mode. In a graph that is
    being compiled they are made anew, for there they are constants that cost nothing, and none of
    what the compiler computes with must be left over in here.

    Args:
        make: returns a table, which nobody may write to, from what can be hashed.

    Returns:
        The same function.
    """
    cached: Callable[..., Tensor] = lru_cache(maxsize=256)(torch.inference_mode(False)(make))

    @wraps(make)
    def table(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if torch.compiler.is_compiling():
            return make(*args, **kwargs)
        return cached(*args, **kwargs)

    return table
