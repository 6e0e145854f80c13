"""Pillow's images of any mode as 8 bits, grey or RGB, on white or black where transparent."""

from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

Background: TypeAlias = Literal["white", "black"]

GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))
_BAND_PIXELS = 1 << 20  # converted at once: several copies of a large image would fill memory
_SEEN = 256  # pixels a side on which contrast is measured
_FAINT = 0.25


def flatten(image: Image.Image, background: str = "white", shrink: int = 1) -> Image.Image:
    """Bring an image to mode "L" or "RGB".

    16 bits, of which 65535 is white, are rounded to 8; palettes, CMYK and the like become RGB.

    Args:
        image: loaded, in any mode.
        background: the colour that is seen where it is transparent.
        shrink: how many pixels along each axis become one, their mean.

    Returns:
        The image, the same where nothing changes.
    """
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.mode == mode and not image.has_transparency_data:
        return image if shrink == 1 else image.reduce(shrink)
    width, height = image.size
    out = Image.new(mode, (-(-width // shrink), -(-height // shrink)))
    rows = shrink * max(1, _BAND_PIXELS // (width * shrink))
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        plain = _plain(band, background).convert(mode)
        out.paste(plain.reduce(shrink), (0, top // shrink))
    return out


def faint_on(image: Image.Image) -> Background | None:
    """Tell on which of white and black an image would hardly be seen.

    What is seen is the standard deviation of grey. Dark or colourful pictures are well seen on
    white; white drawings are not there at all.

    Args:
        image: loaded, with transparency.

    Returns:
        The colour on which it has less than a quarter of its contrast on the other; None for
        neither.
    """
    width, height = (min(side, _SEEN) for side in image.size)
    small = image.resize((width, height), Image.Resampling.NEAREST).convert("RGBA")
    grey, alpha = (
        np.asarray(part, np.float64)
        for part in (small.convert("RGB").convert("L"), small.getchannel("A"))
    )
    on_black = grey * alpha / 255
    on_white = on_black + 255 - alpha
    if on_white.std() < _FAINT * on_black.std():
        return "white"
    return "black" if on_black.std() < _FAINT * on_white.std() else None


def _plain(image: Image.Image, background: str) -> Image.Image:
    """Bring a band to a mode that Pillow converts to grey or RGB."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, background), seen)
    return image
