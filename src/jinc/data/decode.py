"""One image file to pixels, with its size checked before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import BinaryIO, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from jinc.data.archive import ImageFile, opened
from jinc.data.formats import FORMATS, HEAD_BYTES, image_format, not_an_image
from jinc.errors import JincError
from jinc.files import one_line

Background: TypeAlias = Literal["white", "black"]

GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))
_BAND_PIXELS = 1 << 20  # converted at once: several copies of a large image would fill memory
_SEEN = 256  # pixels a side on which contrast is measured
_FAINT = 0.25


def flatten(image: Image.Image, background: str = "white", shrink: int = 1) -> Image.Image:
    """Convert an image to mode "L" or "RGB".

    16 bits, of which 65535 is white, are rounded to 8; palettes, CMYK and the like become RGB.

    Args:
        image: loaded, in any mode.
        background: the colour behind transparent pixels.
        shrink: factor to downsample by, averaging blocks.

    Returns:
        The image, the same if nothing changes.
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
    """Return the background, white or black, on which a transparent image is hardly visible.

    Contrast is the standard deviation of grey: a white drawing has none on white.

    Args:
        image: loaded, with transparency.

    Returns:
        The colour with less than a quarter of the other's contrast; None if there is none.
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
    """Convert a band to a mode that Pillow converts to grey or RGB."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, background), seen)
    return image


MAX_PIXELS = 89_478_485
"""The most pixels of an image, as Pillow's own limit."""

_LARGE = 16_000_000
_one_large = Lock()


class ImageHeader(NamedTuple):
    """Size of an image in pixels as stored, and whether it is grey."""

    width: int
    height: int
    grey: bool


def read_header(path: ImageFile, max_pixels: int = MAX_PIXELS) -> ImageHeader:
    """Read the size of an image, and whether it is grey, without decoding it.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: maximum width times height.

    Returns:
        Width and height before an EXIF turn; grey if the file stores no colour (a palette
        counts as colour).

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    with _opened(path, max_pixels) as image:
        return ImageHeader(image.width, image.height, image.mode in GREY_MODES)


def decode_image(
    path: ImageFile,
    max_pixels: int = MAX_PIXELS,
    *,
    background: Background = "white",
    side: int | None = None,
) -> NDArray[np.uint8]:
    """Decode an image in EXIF orientation to 8 bits, grey or RGB.

    Of an animation the first frame is used.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: maximum width times height.
        background: the colour behind transparent pixels.
        side: the pixels a side that it will be resized to: images of over 16 megapixels are
            downsampled while decoding, to no less than twice that.

    Returns:
        uint8, `[height, width, channels]`, 1 channel for grey files, else 3.

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    with _opened(path, max_pixels) as image:
        if side is not None and _is_large(image):
            image.draft(None, (2 * side, 2 * side))  # of a JPEG, which is never decoded whole
        shrink = min(image.size) // (2 * side) if side is not None and _is_large(image) else 1
        with _loaded(image):
            pixels = np.asarray(flatten(image, background, max(1, shrink)))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def faint_background(path: ImageFile, max_pixels: int = MAX_PIXELS) -> Background | None:
    """Return `faint_on` of an image file; None without transparency. Errors as `decode_image`."""
    with _opened(path, max_pixels) as image:
        if not _is_transparent(image):
            return None
        with _loaded(image):
            return faint_on(image)


def decode_with_alpha(
    path: ImageFile, max_pixels: int = MAX_PIXELS
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Decode an image as `decode_image`, with its transparency.

    Args:
        path: an image of a format in `FORMATS`, on disk or in an archive.
        max_pixels: maximum width times height.

    Returns:
        uint8, `[height, width, 1 or 3]`, the colours as stored; and alpha, uint8,
        `[height, width]`, 255 where it is opaque, or None for an opaque format.

    Raises:
        JincError: the file is not an image, is damaged, or is too large.
    """
    alpha = None
    with _opened(path, max_pixels) as image, _loaded(image):
        opaque = image
        if _is_transparent(image):
            whole = image.convert("RGBA")
            alpha = np.asarray(whole.getchannel("A"))
            mode = "L" if image.mode in GREY_MODES else "RGB"
            opaque = whole.convert("RGB").convert(mode)
        pixels = np.asarray(flatten(opaque))
    return pixels if pixels.ndim == 3 else pixels[..., None], alpha


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > _LARGE


def _is_transparent(image: Image.Image) -> bool:
    return image.has_transparency_data and not image.mode.startswith("I")


@contextmanager
def _loaded(image: Image.Image) -> Iterator[None]:
    """Decode an image and apply EXIF orientation; large ones one at a time, to save memory."""
    with _one_large if _is_large(image) else nullcontext():
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        yield


@contextmanager
def _opened(path: ImageFile, max_pixels: int) -> Iterator[Image.Image]:
    with opened(path) as file:
        try:
            with _plugin(file, path, max_pixels) as image:
                _check_size(image.width, image.height, path, max_pixels)
                if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
                    reason = "which of 32-bit values is white is unknown; save 8 or 16 bits"
                    raise JincError(f"{path}: {reason}")
                yield image
        except JincError:
            raise
        except Exception as error:
            # Hostile bytes make Pillow's readers raise almost anything, SyntaxError included.
            raise JincError(f"{path}: damaged image ({one_line(error)})") from error


def _plugin(file: BinaryIO, path: ImageFile, max_pixels: int) -> Image.Image:
    # Each format's reader is called by name: `Image.open` would warn of sizes by a limit of
    # its own, and warnings cannot be silenced safely in several threads.
    head = file.read(HEAD_BYTES)
    file.seek(0)
    found = image_format(head)
    if found is None:
        kind = not_an_image(head)
        what = f"not an image but {kind}" if kind else f"not a {FORMATS} image"
        raise JincError(f"{path}: {what}")
    if found.name == "WebP":  # its reader allocates the canvas when it opens the file
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
        limit = f"the limit is {max_pixels} pixels; --max-pixels raises it"
        raise JincError(f"{path}: {width}x{height} pixels, {limit}")
