"""One image file to pixels, with its size checked before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from jinc.data.archive import ImageFile, opened
from jinc.data.formats import FORMATS, HEAD_BYTES, image_format
from jinc.errors import JincError
from jinc.files import one_line

MAX_PIXELS = 16_000_000
_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))


class ImageHeader(NamedTuple):
    """What a file says of its image: size in pixels as stored, and whether it has colour."""

    width: int
    height: int
    grey: bool


def read_header(path: ImageFile, max_pixels: int = MAX_PIXELS) -> ImageHeader:
    """Read the size and the kind of an image without decoding it.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: the most pixels (width times height) that are accepted.

    Returns:
        Width and height before an EXIF turn; grey if the file stores no colour (a palette
        counts as colour).

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    with _opened(path, max_pixels) as image:
        return ImageHeader(image.width, image.height, image.mode in _GREY_MODES)


def decode_image(path: ImageFile, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image as it is meant to be seen: turned as EXIF says, on white where transparent.

    16 bits are rounded to 8; palettes, CMYK and the like become RGB; of an animation the first
    picture is taken.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: the most pixels (width times height) that are accepted.

    Returns:
        uint8, `[height, width, channels]`, 1 channel for grey files, else 3.

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    with _opened(path, max_pixels) as image:
        image.load()
        pixels = np.asarray(_plain(ImageOps.exif_transpose(image)))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def decode_with_alpha(
    path: ImageFile, max_pixels: int = MAX_PIXELS
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Decode an image as `decode_image` does, but what is transparent apart, not on white.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: the most pixels (width times height) that are accepted.

    Returns:
        uint8, `[height, width, 1 or 3]`, the colours as stored; and alpha, uint8,
        `[height, width]`, 255 where it is opaque, None for a file that knows nothing else.

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    with _opened(path, max_pixels) as image:
        image.load()
        upright, alpha = ImageOps.exif_transpose(image), None
        if upright.has_transparency_data and not upright.mode.startswith("I"):
            mode = "L" if upright.mode in _GREY_MODES else "RGB"
            whole = upright.convert("RGBA")
            alpha, upright = np.asarray(whole.getchannel("A")), whole.convert("RGB").convert(mode)
        pixels = np.asarray(_plain(upright))
    return pixels if pixels.ndim == 3 else pixels[..., None], alpha


@contextmanager
def _opened(path: ImageFile, max_pixels: int) -> Iterator[Image.Image]:
    with opened(path) as file:
        try:
            with _plugin(file, path, max_pixels) as image:
                _check_size(image.width, image.height, path, max_pixels)
                yield image
        except JincError:
            raise
        except Exception as error:
            # Hostile bytes make Pillow's readers raise nearly anything, SyntaxError included.
            raise JincError(f"{path}: damaged image ({one_line(error)})") from error


def _plugin(file: BinaryIO, path: ImageFile, max_pixels: int) -> Image.Image:
    # Each format's reader is called by name: `Image.open` would warn of sizes by a limit of
    # its own, and warnings cannot be silenced safely in several threads.
    head = file.read(HEAD_BYTES)
    file.seek(0)
    found = image_format(head)
    if found is None:
        raise JincError(f"{path}: {f'not a {FORMATS} image' if head else 'empty file'}")
    if found.name == "WebP":  # its reader sets its canvas aside when it opens the file
        _check_size(*_webp_size(head), path, max_pixels)
    return found.reader(file)


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height from the first chunk of a WebP file (RFC 9649, sections 2.5 to 2.7)."""
    if head[12:16] == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    size = int.from_bytes(head[26:30], "little")
    return size & 0x3FFF, size >> 16 & 0x3FFF


def _check_size(width: int, height: int, path: ImageFile, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise JincError(f"{path}: {width}x{height} pixels, the limit is {max_pixels} pixels")


def _plain(image: Image.Image) -> Image.Image:
    """Bring any mode to "L" or "RGB"."""
    if image.mode.startswith("I"):  # 16 bits, of which 65535 is white
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))
    mode = "L" if image.mode in _GREY_MODES else "RGB"
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image.convert(mode)
