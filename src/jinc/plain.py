"""Numbers as text: in JSON, and exactly."""

import math
from collections.abc import Mapping
from typing import Any


def number_or_none(value: float) -> float | None:
    """Return a finite number, else None, for JSON."""
    return value if math.isfinite(value) else None


def without_nan(value: Any) -> Any:
    """Replace all numbers in a value that are not finite by None.

    >>> without_nan({"db": [1.0, math.nan]})
    {'db': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return number_or_none(value) if isinstance(value, float) else value


def exact(number: float) -> str:
    """Write a number with all its digits.

    >>> [exact(number) for number in (2.0, 0.2, 1 / 3, 12345678901234567)]
    ['2', '0.2', '0.3333333333333333', '12345678901234567']
    """
    return str(number) if isinstance(number, int) else repr(float(number)).removesuffix(".0")


def power_of_ten(*values: float) -> int:
    """Return the power of ten to factor out of numbers that are all tiny; else 0.

    >>> power_of_ten(1.0822e-6, 4.5e-9), power_of_ten(0.02, 4.5e-9), power_of_ten(0.0)
    (-6, 0, 0)
    """
    largest = max(map(abs, values))
    return math.floor(math.log10(largest)) if 0 < largest < 1e-4 else 0


def with_places(value: float, places: int, power: int = 0) -> str:
    """Write a number with so many decimal places, with a power of ten factored out.

    >>> with_places(31.25, 1), with_places(1.0822e-6, 10, -6), with_places(4.5e-9, 10, -6)
    ('31.2', '1.0822e-6', '0.0045e-6')
    """
    text = f"{value / 10.0**power:,.{max(0, places + power)}f}"
    return f"{text}e{power}" if power else text
