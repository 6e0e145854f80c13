"""The image formats that are read: an allow-list of Pillow's readers, told by first bytes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

HEAD_BYTES = 512
"""Bytes at the beginning of a file that tell what it is."""

# Pillow calls a PNG damaged where one of its texts, which nobody looks at here, has over 1 MB.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY


class ImageFormat(NamedTuple):
    """A format and Pillow's reader of it, which takes an open file."""

    name: str
    reader: Callable[[Any], Image.Image]


_PNG = ImageFormat("PNG", PngImagePlugin.PngImageFile)
_JPEG = ImageFormat("JPEG", JpegImagePlugin.jpeg_factory)
_WEBP = ImageFormat("WebP", WebPImagePlugin.WebPImageFile)
_BMP = ImageFormat("BMP", BmpImagePlugin.BmpImageFile)
_GIF = ImageFormat("GIF", GifImagePlugin.GifImageFile)
_TIFF = ImageFormat("TIFF", TiffImagePlugin.TiffImageFile)
_PNM = ImageFormat("PNM", PpmImagePlugin.PpmImageFile)
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": _PNG,
    b"\xff\xd8\xff": _JPEG,
    b"GIF87a": _GIF,
    b"GIF89a": _GIF,
    b"II*\0": _TIFF,
    b"MM\0*": _TIFF,
    b"II+\0": _TIFF,
    b"MM\0+": _TIFF,
}
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # their lengths, by version
FORMATS = "PNG, JPEG, WebP, GIF, BMP, TIFF or PNM"


def image_format(head: bytes) -> ImageFormat | None:
    """Tell the format of an image by its first bytes.

    Args:
        head: the first `HEAD_BYTES` bytes of a file, or all of a shorter one.

    Returns:
        The format; None for what is no image, and for formats that are not read.

    >>> image_format(b"P5 28 28 255 ").name, image_format(b"%!PS-Adobe-3.0 EPSF")
    ('PNM', None)
    """
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _WEBP
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n#" and head[2:3]:
        return _PNM
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return _BMP
    return None
