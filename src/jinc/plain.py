"""Numbers as they are written: in JSON, and in words that are read as the same again."""

import math
from collections.abc import Mapping
from typing import Any


def number_or_none(value: float) -> float | None:
    """Return a number, or None for what is no finite one, which JSON does not know."""
    return value if math.isfinite(value) else None


def without_nan(value: Any) -> Any:
    """Return the same, in which every number is as `number_or_none` has it.

    >>> without_nan({"db": [1.0, math.nan]})
    {'db': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return number_or_none(value) if isinstance(value, float) else value


def exact(number: float) -> str:
    """Write a number with as many digits as it has.

    >>> [exact(number) for number in (2.0, 0.2, 1 / 3, 12345678901234567)]
    ['2', '0.2', '0.3333333333333333', '12345678901234567']
    """
    return str(number) if isinstance(number, int) else repr(float(number)).removesuffix(".0")
