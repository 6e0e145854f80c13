"""Figures as JSON knows them."""

import math
from collections.abc import Mapping
from typing import Any


def without_nan(value: Any) -> Any:
    """Return the same with None for what is no finite number, which JSON does not know.

    >>> without_nan({"db": [1.0, math.nan]})
    {'db': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
