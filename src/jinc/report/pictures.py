"""Pictures embedded in a page as `data:` addresses."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from jinc.data import decode_image, image_grid
from jinc.data.images import to_picture
from jinc.errors import JincError
from jinc.files import reading

SIDE = 1400
"""Longest side of a grid, pixels."""

FRAMES = 1000
"""Frames of an animation, at most."""

FRAME_PIXELS = 16_000_000
"""Pixels of a frame, at most."""

_QUALITIES = (92, 80, 60)


class Embedded(NamedTuple):
    """A picture as `data:image/webp;base64,…`, its size in pixels, and whether it is lossless."""

    uri: str
    width: int
    height: int
    exact: bool = True


def embedded(pixels: NDArray[np.uint8], most: int = 100_000) -> Embedded:
    """Encode a picture, losslessly if that is small enough.

    Args:
        pixels: `[height, width, 1, 3 or 4]`; a fourth channel is alpha.
        most: bytes.
    """
    picture = to_picture(pixels)
    data = _webp(picture, lossless=True)
    exact = len(data) <= most
    if not exact:
        tries = (_webp(picture, quality=quality) for quality in _QUALITIES)
        data = next((each for each in tries if len(each) <= most), data)
    while len(data) > most and min(picture.size) > 64:
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
        data = _webp(picture, quality=_QUALITIES[-1])
    return Embedded(_data_uri(data, "image/webp"), picture.width, picture.height, exact)


def embedded_file(path: Path, most: int) -> Embedded:
    """Encode a picture file again."""
    return embedded(decode_image(path), most)


def animation(path: Path, most: int) -> Embedded:
    """Embed an animation (WebP, GIF or APNG), scaled down if it takes more bytes."""
    with reading(path) as file:
        data = file.read()
    with _opened(path, BytesIO(data)) as image:
        kind, (width, height) = Image.MIME[image.format or "WEBP"], image.size
        if len(data) <= most:
            return Embedded(_data_uri(data, kind), width, height)
        times = image.info.get("duration") or 80
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    return _smaller(frames, times, most)


def first_frame(path: Path, most: int = 100_000) -> Embedded:
    """Embed the first frame of an animation, for reduced motion and print."""
    with reading(path) as file, _opened(path, file) as image:
        return embedded(np.asarray(image.convert("RGB")), most)


def grid(images: Tensor, columns: int | None = None) -> NDArray[np.uint8]:
    """Lay out images with a transparent pixel between them, `[height, width, 4]`.

    Args:
        images: `[count, 1 or 3, height, width]`, uint8, or float in [−1, 1].
        columns: images a row; None for about a square.
    """
    pixels = image_grid(images, columns, padding=1)
    nothing = torch.zeros_like(images[:, :1], dtype=torch.uint8)
    alpha = 255 - image_grid(nothing, columns, padding=1)[..., :1]
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return np.ascontiguousarray(np.concatenate([rgb, alpha], axis=2)[1:-1, 1:-1])


def columns_that_fit(size: tuple[int, int], wanted: int, multiple: int = 1) -> int:
    """Return the number of images in a row, fewer than wanted if they are large.

    Args:
        size: height and width of an image.
        wanted: maximum.
        multiple: such as the number of classes, which take turns; applied if that many fit.

    >>> columns_that_fit((28, 28), 20, multiple=10), columns_that_fit((256, 256), 20)
    (20, 5)
    """
    fits = max(1, min(wanted, SIDE // (max(size) + 1)))
    return fits // multiple * multiple or fits


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@contextmanager
def _opened(path: Path, file: BinaryIO) -> Iterator[Image.Image]:
    """Open an animation of bounded size."""
    try:
        with Image.open(file, formats=("WEBP", "GIF", "PNG")) as image:
            frames, pixels = getattr(image, "n_frames", 1), image.width * image.height
            if pixels > FRAME_PIXELS or frames > FRAMES:
                raise JincError(f"{path}: is too large for a page")
            yield image
    except JincError:
        raise
    except Exception as error:  # hostile bytes make Pillow's readers raise nearly anything
        raise JincError(f"{path}: is no animation") from error


def _smaller(frames: Sequence[Image.Image], times: int, most: int) -> Embedded:
    """Encode frames lossily, halving their size until they are small enough."""
    while True:
        file, (width, height) = BytesIO(), frames[0].size
        options = {"save_all": True, "append_images": frames[1:], "duration": times, "loop": 0}
        frames[0].save(file, "WEBP", quality=_QUALITIES[-1], **options)
        if len(data := file.getvalue()) <= most or min(width, height) < 64:
            return Embedded(_data_uri(data, "image/webp"), width, height, exact=False)
        frames = [frame.reduce(2) for frame in frames]


def _webp(picture: Image.Image, **how: object) -> bytes:
    file = BytesIO()
    picture.save(file, "WEBP", method=4, **how)
    return file.getvalue()
