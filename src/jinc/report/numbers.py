"""Figures for readers: as many digits as their errors allow, aligned at the decimal point."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jinc.plain import power_of_ten, with_places

NONE = "–"
"""Text of a figure that does not exist."""

_DIGIT, _POINT = "\u2007", "\u2008"
"""Spaces as wide as a digit and as a point."""


@dataclass(frozen=True)
class Number:
    """A figure and its text, rounded; the value is None where there is no figure."""

    value: float | None
    text: str

    def bare(self) -> "Number":
        """Return it without the spaces of `aligned`."""
        return Number(self.value, self.text.rstrip(_DIGIT + _POINT))


NOTHING = Number(None, NONE)

Pair: TypeAlias = tuple[Number, Number]
"""A figure and its standard error."""


def number(value: float | None, digits: int = 4) -> Number:
    """Show a figure with so many significant digits; integers are shown in full.

    >>> number(1234567).text, number(-0.041596).text, number(None).text
    ('1,234,567', '−0.0416', '–')
    >>> number(0.0000010822).text
    '1.082e-6'
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int):
        return Number(value, _plain(value, 0))
    places = digits - 1 - _magnitude(value) if value else 0
    power = power_of_ten(value)
    text, mark, tail = _plain(value, max(0, places), power).partition("e")
    return Number(value, (text.rstrip("0").rstrip(".") if "." in text else text) + mark + tail)


def fixed(value: float | None, places: int) -> Number:
    """Show a figure with a number of decimal places.

    >>> fixed(31.25, 1).text
    '31.2'
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return Number(value, _plain(value, places))


def with_error(value: float | None, error: float | None) -> Pair:
    """Show a figure to the second digit of its standard error; None or 0 is no error.

    >>> [each.text for each in with_error(12.3456, 0.0712)]
    ['12.346', '0.071']
    >>> [each.text for each in with_error(0.0000010822, 0.0000000045)]
    ['1.0822e-6', '0.0045e-6']
    """
    if value is None or not error or not math.isfinite(value + error):
        return number(value), NOTHING
    places = max(0, 1 - _magnitude(error))
    power = power_of_ten(value, error)
    first, second = (_plain(each, places, power) for each in (value, error))
    return Number(value, first), Number(error, second)


def signed(value: Number) -> Number:
    """Show a plus before a positive figure."""
    return Number(value.value, "+" + value.text) if (value.value or 0) > 0 else value


def aligned(column: Sequence[Number]) -> list[Number]:
    """Pad figures on the right so that their decimal points are aligned.

    >>> [each.text.replace("\u2007", "0").replace("\u2008", ".") for each in
    ...  aligned([Number(1.25, "1.25"), Number(3, "3")])]
    ['1.25', '3.00']
    """
    tails = [len(each.text.partition(".")[2]) for each in column]
    longest = max(tails, default=0)
    padded = []
    for each, tail in zip(column, tails, strict=True):
        point = _POINT if longest and "." not in each.text else ""
        padded.append(Number(each.value, each.text + point + _DIGIT * (longest - tail)))
    return padded


def _plain(value: float, places: int, power: int = 0) -> str:
    return ("−" if value < 0 else "") + with_places(abs(value), places, power)


def _magnitude(value: float) -> int:
    """The power of ten of the first digit."""
    return math.floor(math.log10(abs(value)))
