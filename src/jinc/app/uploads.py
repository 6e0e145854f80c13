"""Pictures that come from the browser: untrusted bytes, decoded within limits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jinc.data import Picture, read_picture
from jinc.errors import JincError

MOST_PIXELS = 4_000_000
"""Of an uploaded picture."""


def received(file: Path, what: str = "the picture") -> Picture:
    """Decode an uploaded picture.

    Args:
        file: under the name that the server chose.
        what: its name in errors.

    Raises:
        JincError: it is no image, is damaged, or is too large.
    """
    try:
        return read_picture(file, MOST_PIXELS)
    except JincError as error:
        reason = str(error).replace(str(file), what)
        raise JincError(reason.replace("; --max-pixels raises it", " of this page")) from None


def received_bytes(content: bytes, folder: Path, what: str = "the picture") -> Picture:
    """Decode a picture of the canvas; errors as of `received`."""
    file = folder / "upload"
    file.write_bytes(content)
    try:
        return received(file, what)
    finally:
        file.unlink()


def in_colour(picture: Picture) -> NDArray[np.uint8]:
    """Return a picture as `[height, width, 3]` to show."""
    return np.broadcast_to(picture.on(picture.background), (*picture.size, 3))


def painted(layers: Sequence[Picture], size: tuple[int, int]) -> Image.Image:
    """Return a mask, white where any layer is painted on.

    Args:
        layers: transparent where nothing is painted.
        size: height and width of the picture below, pixels.

    Raises:
        JincError: nothing is painted, or a layer has another size.
    """
    mask = np.zeros(size, bool)
    for layer in layers:
        if layer.size != size:
            raise JincError(f"the mask: {layer.size} does not fit a picture of {size}")
        if layer.alpha is not None:
            mask |= layer.alpha > 0
    if not mask.any():
        raise JincError("the mask: nothing is painted over; paint where to generate")
    return Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
