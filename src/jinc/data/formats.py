"""What a file is, by its first bytes: image formats that are read, and advice for the others."""

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
"""First bytes of a file that suffice to identify it."""

# Pillow calls a PNG damaged if one of its texts, which are not used here, has over 1 MB.
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
    """Return the format of an image by its first `HEAD_BYTES` bytes; None if it is not readable.

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


_POINTER = b"version https://git-lfs"
_FOREIGN = {
    b"%PDF": "a PDF; export its pictures as PNG",
    b"8BPS": "a Photoshop document; export it as PNG",
    b"PK\x03\x04": "a ZIP archive; give the archive itself, or unpack it",
    b"\x1f\x8b": "a gzip archive; unpack it",
    b"\xfd7zXZ": "packed by xz; unpack it",
    b"BZh": "packed by bzip2; unpack it",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image; convert it to PNG",
    b"\x93NUMPY": "a NumPy array; name it .npy",
    b"\x89HDF": "an HDF5 file; save its images as .npz or PNG",
    b"MATLAB": "a MATLAB file; save its images as .npz or PNG",
    b"SQLite": "a database; save its images as .npz or PNG",
    b"PAR1": "a Parquet file; save its images as .npz or PNG",
}
_TEXTS = {
    "<svg": "an SVG drawing; export it as PNG",
    "{": "a JSON text",
    "<?xml": "an XML text",
    "<": "a text with markup, perhaps a web page; download the file itself",
}
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF"}


def stand_in(head: bytes) -> str:
    """Describe the placeholder of a file that was not downloaded, and say what to do.

    Args:
        head: its first `HEAD_BYTES` bytes, or all of a shorter file.

    Returns:
        The description; "" for other files.

    >>> stand_in(b"<!DOCTYPE html><html>")
    'a saved web page; download the file itself'
    """
    if head.startswith(_POINTER):
        return "a Git LFS pointer; fetch the file itself with git lfs pull"
    text = _text(head).lstrip("\ufeff \t\r\n").lower()
    page = text.startswith(("<!doctype html", "<html"))
    return "a saved web page; download the file itself" if page else ""


def not_an_image(head: bytes) -> str:
    """Describe a file that is no readable image, and say what to do; "" if it is unknown.

    >>> not_an_image(b"%PDF-1.7")
    'a PDF; export its pictures as PNG'
    """
    if placeholder := stand_in(head):
        return placeholder
    if not head.strip(b"\0"):
        return "a file of zeros; copy it again" if head else "an empty file; copy it again"
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            return what
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12])
        return f"an image in {kind} format; convert it to PNG" if kind else "a video; export frames"
    text = _text(head).lstrip("\ufeff \t\r\n").lower()
    for beginning, what in _TEXTS.items():
        if text.startswith(beginning):
            return "an SVG drawing; export it as PNG" if "<svg" in text else what
    return "a text" if text else ""


def _text(head: bytes) -> str:
    """Decode bytes that are text; "" for others."""
    try:
        text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a letter may be cut at the end
            return ""
        text = head[: error.start].decode("utf-8-sig", "replace")
    return text if all(letter.isprintable() or letter in "\t\r\n\f" for letter in text) else ""
