"""Rectangles of whole pixels, and their notation."""

import math
from typing import NamedTuple

from jinc.errors import JincError

FORM = "x,y,width,height, in pixels or per cent, such as 25%,0,50%,100%"
"""The notation of a rectangle."""

FARTHEST = 1e9
"""Pixels: larger numbers are refused as slips."""


class Box(NamedTuple):
    """A rectangle of whole pixels; x goes to the right from the left edge, y down from the top."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        """Its rows in an array."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns in an array."""
        return slice(self.left, self.left + self.width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.height, self.width

    @classmethod
    def whole(cls, size: tuple[int, int]) -> "Box":
        """Return all of an image of that height and width."""
        return cls(0, 0, size[1], size[0])

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.width},{self.height}"


def parse_box(text: str, size: tuple[int, int], name: str = "rectangle") -> Box:
    """Parse a rectangle of an image: `x,y,width,height`, each in pixels or per cent.

    Per cent of x and width refer to the image's width, those of y and height to its height. Edges
    are rounded to pixels, so that rectangles that share an edge still do.

    Args:
        text: the notation.
        size: height and width of the image, pixels.
        name: of the rectangle, for errors.

    Raises:
        JincError: it is malformed, empty, or reaches beyond the image.

    >>> parse_box("25%,0,50%,10", size=(40, 80))
    Box(left=20, top=0, width=40, height=10)
    """
    height, width = size
    words = [word.strip() for word in text.split(",")]
    if len(words) != 4:
        raise JincError(f"{name}: {text!r} is not {FORM}")
    x, y, across, down = (
        _pixels(word, of, f"{name}: {text!r}")
        for word, of in zip(words, (width, height) * 2, strict=True)
    )
    # Halves are rounded up, also those with rounding errors, so that shared edges stay shared.
    left, top, right, bottom = (
        math.floor(edge + 0.5 + 1e-6) for edge in (x, y, x + across, y + down)
    )
    if right <= left or bottom <= top:
        raise JincError(f"{name}: {text!r} holds no pixel")
    if left < 0 or top < 0 or right > width or bottom > height:
        reason = f"reaches beyond the picture of {width}×{height} pixels"
        raise JincError(f"{name}: {text!r} {reason}")
    return Box(left, top, right - left, bottom - top)


def _pixels(word: str, of: int, place: str) -> float:
    """Convert pixels or per cent of a length to pixels."""
    number, percent, rest = word.partition("%")
    try:
        value = float(number) * (of / 100 if percent else 1)
    except ValueError:
        value = math.nan
    if not abs(value) <= FARTHEST or rest:
        raise JincError(f"{place}: {word!r} is no number of pixels; a rectangle is {FORM}")
    return value
