"""Rectangles of whole pixels, and how people write them."""

import math
from typing import NamedTuple

from jinc.errors import JincError

FORM = "x,y,width,height, in pixels or per cent, such as 25%,0,50%,100%"
"""What a rectangle looks like when it is written."""

FARTHEST = 1e9
"""Pixels: edges beyond are taken for slips, so that their sums stay finite."""


class Box(NamedTuple):
    """A rectangle of whole pixels; x goes to the right from the left edge, y down from the top."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        """Which rows of an array it takes."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Which columns of an array it takes."""
        return slice(self.left, self.left + self.width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.height, self.width

    @classmethod
    def whole(cls, size: tuple[int, int]) -> "Box":
        """All of an image of that height and width."""
        return cls(0, 0, size[1], size[0])

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.left},{self.top},{self.width},{self.height}"


def parse_box(text: str, size: tuple[int, int], name: str = "rectangle") -> Box:
    """Read a rectangle of an image: `x,y,width,height`, each in pixels or per cent.

    Per cent of x and width are of the image's width, those of y and height of its height. Edges go
    to the nearest border between pixels, so that rectangles that share an edge go on sharing it.

    Args:
        text: what a person has written.
        size: height and width of the image, pixels.
        name: what the rectangle is, for errors.

    Raises:
        JincError: it is no rectangle, holds no pixel, or reaches beyond the image.

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
    # Halves go up, and so do what rounding has made of halves: shares that meet still do.
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
    """Return how many pixels a word means, of so many."""
    number, percent, rest = word.partition("%")
    try:
        value = float(number) * (of / 100 if percent else 1)
    except ValueError:
        value = math.nan
    if not abs(value) <= FARTHEST or rest:
        raise JincError(f"{place}: {word!r} is no number of pixels; a rectangle is {FORM}")
    return value
