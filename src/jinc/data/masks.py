"""Masks of the pixels to generate, from an image file, transparency or a rectangle; rectangles."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from jinc.data.decode import MAX_PIXELS
from jinc.data.pictures import Picture, read_picture
from jinc.data.resize import to_channels
from jinc.errors import JincError

HALF = 128
"""The darkest grey that counts as white."""

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


def grown(inside: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Dilate a mask by a square of 2·by + 1 pixels a side.

    Args:
        inside: `[height, width]`.
        by: pixels, ≥ 0.

    Returns:
        `[height, width]`.
    """
    from scipy import ndimage  # heavy: only for masks

    side = 2 * min(by, max(inside.shape)) + 1
    found: NDArray[np.bool_] = ndimage.maximum_filter(inside, side, mode="constant")
    return found


def coarse(inside: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Resize a mask: a pixel is set if any pixel that it overlaps is.

    Args:
        inside: `[height, width]`.
        size: the new height and width.

    Returns:
        of that size.
    """
    for axis, count in enumerate(size):
        edges = inside.shape[axis] * np.arange(count + 1)
        sums = np.insert(np.cumsum(inside, axis, dtype=np.int32), 0, 0, axis)
        inside = sums.take(-(-edges[1:] // count), axis) > sums.take(edges[:-1] // count, axis)
    return inside


def ramp(inside: NDArray[np.bool_], feather: int, box: Box) -> NDArray[np.float32]:
    """Let a mask rise linearly from its edge inwards; outside it stays 0, exactly.

    The border of the picture is no edge of the mask. A mask that is not as deep as the feather
    rises faster, so that its deepest pixels get 1.

    Args:
        inside: of the whole picture, `[height, width]`.
        feather: pixels, ≥ 0; 0 leaves a hard edge.
        box: the part of the picture to return; where it cuts the mask is an edge too.

    Returns:
        0 … 1, of the size of the box; n/(feather + 1) at a chessboard distance of n pixels.
    """
    from scipy import ndimage

    height, width = inside.shape
    rows = int(box.top > 0), int(box.top + box.height < height)
    columns = int(box.left > 0), int(box.left + box.width < width)
    layer = np.pad(inside[box.rows, box.columns], (rows, columns))
    if layer.all():  # no edge to measure from
        return np.ones(box.size, np.float32)
    whole = ndimage.distance_transform_cdt(layer, "chessboard")
    inner = whole[rows[0] :, columns[0] :][: box.height, : box.width]
    depth: NDArray[np.int32] = np.minimum(inner, feather + 1)
    return (depth / max(1, int(depth.max()))).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Mask:
    """The pixels of a picture to generate.

    Args:
        generate: bool, `[height, width]` of the picture; true where to generate.
        feather: width in pixels of the blend, from the edge of the mask inwards.
        name: in errors.
    """

    generate: NDArray[np.bool_]
    feather: int = 0
    name: str = "mask"

    def __post_init__(self) -> None:
        if self.feather < 0:
            raise JincError(f"feather: {self.feather} is negative")
        if not self.generate.any():
            raise JincError(f"{self.name}: the mask is empty, it leaves nothing to generate")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.generate.shape
        return height, width

    @property
    def bounds(self) -> Box:
        """The bounding box."""
        rows, columns = (np.flatnonzero(self.generate.any(axis)) for axis in (1, 0))
        left, top = int(columns[0]), int(rows[0])
        return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)

    def grow(self, by: int) -> Self:
        """Dilate by a number of pixels ≥ 0, along rows, columns and diagonals."""
        if by < 0:
            raise JincError(f"grow: {by} is negative")
        return replace(self, generate=grown(self.generate, by))

    def at_size(self, box: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Resize a part: a pixel is generated if any that it overlaps is."""
        return coarse(self.generate[box.rows, box.columns], size)

    def weights(self, box: Box) -> NDArray[np.float32]:
        """Return the blending weights of generated pixels in a part: 0 outside, exactly."""
        return ramp(self.generate, self.feather, box)

    @classmethod
    def of_file(cls, path: str | Path, picture: Picture) -> Self:
        """Read a mask: generate white, keep black and transparent pixels; threshold the luma.

        Args:
            path: an image file of a format in `FORMATS`.
            picture: of the same size.

        Raises:
            JincError: the file cannot be read, has another size, or no white.
        """
        drawn = read_picture(path, max(MAX_PIXELS, math.prod(picture.size)))
        check_size(drawn.size, picture, str(path))
        return cls(to_channels(drawn.on("black"), 1)[..., 0] >= HALF, name=str(path))

    @classmethod
    def of_alpha(cls, picture: Picture) -> Self:
        """Generate all pixels that are not opaque; raise a JincError if all are."""
        if picture.alpha is None or bool((picture.alpha == 255).all()):
            raise JincError(f"{picture.name}: is nowhere transparent; say what to generate")
        return cls(picture.alpha < 255, name=picture.name)

    @classmethod
    def of_box(cls, box: Box, picture: Picture) -> Self:
        """Generate a rectangle of a picture."""
        generate = np.zeros(picture.size, bool)
        generate[box.rows, box.columns] = True
        return cls(generate, name=f"mask {box}")


def read_mask(words: str, picture: Picture, grow: int = 0, feather: int = 0) -> Mask:
    """Parse a mask.

    Args:
        words: "alpha" for the transparent pixels of the picture; a rectangle, `x,y,width,height`,
            in pixels or per cent; or an image file, white where to generate (`./alpha` for a file
            called alpha).
        picture: to generate in.
        grow: pixels to dilate by, ≥ 0.
        feather: width in pixels of the blend, inwards from the grown edge, ≥ 0.

    Raises:
        JincError: the file cannot be read or has another size, the rectangle is malformed or
            reaches beyond the picture, the mask is empty, or a number is negative.
    """
    if words == "alpha":
        mask = Mask.of_alpha(picture)
    elif _is_there(words):
        mask = Mask.of_file(words, picture)
    elif words.count(",") == 3:
        mask = Mask.of_box(parse_box(words, picture.size, "mask"), picture)
    else:
        raise JincError(f"mask: {words!r} is no file, nor alpha, nor {FORM}")
    return replace(mask.grow(grow) if grow else mask, feather=feather)


def check_size(size: tuple[int, int], picture: Picture, name: str) -> None:
    """Raise a JincError unless a mask has the size of its picture."""
    if size != picture.size:
        (h, w), (height, width) = size, picture.size
        reason = f"the mask has {w}×{h} pixels, its picture {picture.name} {width}×{height}"
        raise JincError(f"{name}: {reason}")


def _is_there(name: str) -> bool:
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):  # a name too long, or with a null byte in it
        return False
