"""Pictures of any size with transparency, read from and written to files."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jinc.data.decode import MAX_PIXELS, Background, decode_with_alpha, faint_on, flatten
from jinc.data.images import to_picture
from jinc.errors import JincError
from jinc.files import writing


@dataclass(frozen=True, eq=False)
class Picture:
    """An image of any size.

    Args:
        pixels: uint8, `[height, width, 1 or 3]`, also where it is transparent.
        alpha: uint8, `[height, width]`, 255 where it is opaque; None if it is opaque everywhere.
        name: in errors.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    name: str = "picture"

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or kind != np.uint8:
            raise JincError(f"{self.name}: {kind} {shape} is not uint8 [height, width, 1 or 3]")
        if self.alpha is not None and self.alpha.shape != shape[:2]:
            raise JincError(f"{self.name}: alpha {self.alpha.shape} does not fit pixels {shape}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.pixels.shape[2])

    @cached_property
    def background(self) -> Background:
        """The colour behind it: white, or black if it is hardly visible on white."""
        if self.alpha is None:
            return "white"
        step = 1 + max(self.size) // 512
        small = _transparent(self.pixels[::step, ::step], self.alpha[::step, ::step])
        return "black" if faint_on(small) == "white" else "white"

    def on(self, colour: str) -> NDArray[np.uint8]:
        """Composite it onto a colour, such as "white".

        Returns:
            uint8, `[height, width, 1 or 3]`; the same array if it is opaque.
        """
        if self.alpha is None:
            return self.pixels
        seen = flatten(_transparent(self.pixels, self.alpha), colour)
        flat = np.asarray(seen.convert("L") if self.channels == 1 else seen)
        return flat.reshape(self.pixels.shape)

    def save(self, path: str | Path) -> None:
        """Save it as PNG with its transparency; raise a JincError if that fails."""
        image = to_picture(self.pixels)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        with writing(Path(path)) as file:
            image.save(file, "PNG")


def _transparent(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Image.Image:
    image = to_picture(pixels).convert("RGB")
    image.putalpha(Image.fromarray(alpha))
    return image


def read_picture(path: str | Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture of any size in EXIF orientation: 8 bits, grey or RGB.

    Args:
        path: an image file of a format in `FORMATS`.
        max_pixels: maximum width times height, checked before decoding.

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    pixels, alpha = decode_with_alpha(Path(path), max_pixels)
    return Picture(pixels, alpha, str(path))
