"""Images as arrays, grids, contact sheets and PNG files: bytes to [-1, 1] and back."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jinc.data.listing import Listing
from jinc.errors import JincError
from jinc.files import writing
from jinc.types import Images

GAP = 4
"""Pixels between images, and around the sheet."""

SEEN = 128
"""Minimum side to which small images are enlarged by default."""


def to_float(images: Tensor) -> Images:
    """Map bytes to [-1, 1]: 0 to -1, 255 to 1.

    Args:
        images: uint8, `[batch, channels, height, width]`.

    Returns:
        float32, the same shape.

    >>> to_float(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([-1.,  1.])
    """
    return images.to(torch.float32) / 127.5 - 1


def to_uint8(images: Images) -> Tensor:
    """Map [-1, 1] to bytes, clamped and rounded; undoes `to_float` exactly.

    Args:
        images: float, `[batch, channels, height, width]`; what lies outside [-1, 1] is clamped.

    Returns:
        uint8, the same shape.

    Raises:
        JincError: a value is not a number.
    """
    if bool(images.isnan().any()):
        raise JincError("images hold values that are not numbers (NaN)")
    levels = (images.to(torch.float32) + 1) * 127.5
    return levels.round().clamp(0, 255).to(torch.uint8)


def enlargement(size: Sequence[int], side: int) -> int:
    """Return the integer scale at which the longer side has at least `side` pixels.

    >>> enlargement((28, 28), 64), enlargement((256, 256), 64)
    (3, 1)
    """
    return max(1, math.ceil(side / max(size)))


def image_grid(
    images: Tensor, columns: int | None = None, padding: int = 2, scale: int | None = 1
) -> NDArray[np.uint8]:
    """Arrange images in a grid on white.

    Args:
        images: `[count, 1 or 3, height, width]`, uint8, or float in [-1, 1].
        columns: images per row; None makes the grid about square.
        padding: white pixels around each image.
        scale: integer scale by pixel repetition; None enlarges small images to at least 64 pixels.

    Returns:
        `[height, width, 3]`, ready for `PIL.Image.fromarray`.

    Raises:
        JincError: there is no image, or a number is out of range.
    """
    tiles = as_tiles(images)
    columns = math.ceil(math.sqrt(len(tiles))) if columns is None else columns
    scale = enlargement(tiles.shape[1:3], 64) if scale is None else scale
    if not len(tiles) or columns < 1 or padding < 0 or scale < 1:
        raise JincError("a grid needs an image, columns and scale of 1 or more, padding 0 or more")
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    tiles = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    _, height, width, _ = tiles.shape
    step = height + padding, width + padding
    grid = np.full((padding + rows * step[0], padding + columns * step[1], 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top = padding + index // columns * step[0]
        left = padding + index % columns * step[1]
        grid[top : top + height, left : left + width] = tile
    return grid


def contact_sheet(
    images: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    scale: int | None = 1,
    captions: Sequence[Sequence[str]] | None = None,
) -> NDArray[np.uint8]:
    """Arrange images on white with labels of rows and columns, and captions.

    Args:
        images: `[R, C, 1 or 3, height, width]`, uint8, or float in [-1, 1].
        rows: labels left of the rows, `[R]`.
        columns: labels above the columns, `[C]`.
        scale: integer scale by pixel repetition; None enlarges small images to at least 128 pixels.
        captions: under the images, `[R][C]`; None for none.

    Returns:
        `[height, width, 3]`, for `save_png`.

    Raises:
        JincError: the numbers of labels or captions do not fit, or as `image_grid`.
    """
    under = captions or [[""] * len(columns)] * len(rows)
    _check_words(images, rows, columns, under)
    scale = enlargement(images.shape[3:], SEEN) if scale is None else scale
    height, width = images.shape[3] * scale, images.shape[4] * scale
    font = _font(min(18, max(11, height // 9)))
    line = sum(font.getmetrics())
    head = line + 2 * GAP if any(columns) else GAP
    left = round(max(map(font.getlength, rows))) + 3 * GAP if any(rows) else GAP
    words = [*columns, *(word for row in under for word in row)]
    step = (
        max(width, round(max(map(font.getlength, words))) + GAP) + GAP,
        height + GAP + (line if captions else 0),
    )
    sheet = Image.new(
        "RGB", (left + step[0] * len(columns) + GAP, head + step[1] * len(rows)), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for c, word in enumerate(columns):
        middle = left + c * step[0] + (step[0] - GAP) / 2
        draw.text((middle, GAP), word, "black", font, anchor="ma")
        for r, image in enumerate(images[:, c]):
            tile = Image.fromarray(image_grid(image[None], padding=0, scale=scale))
            place = left + c * step[0] + (step[0] - GAP - width) // 2, head + r * step[1]
            sheet.paste(tile, place)
            draw.text((middle, place[1] + height), under[r][c], "black", font, anchor="ma")
    for r, word in enumerate(rows):
        middle = head + r * step[1] + height / 2
        draw.text((left - 2 * GAP, middle), word, "black", font, anchor="rm")
    return np.asarray(sheet)


def _check_words(
    images: Tensor, rows: Sequence[str], columns: Sequence[str], under: Sequence[Sequence[str]]
) -> None:
    there = f"{images.shape[0]}×{images.shape[1]} images"
    if images.shape[:2] != (len(rows), len(columns)):
        raise JincError(f"a sheet of {there} got words for {len(rows)}×{len(columns)}")
    if len(under) != len(rows) or any(len(row) != len(columns) for row in under):
        raise JincError(f"a sheet of {there} got captions for {[*map(len, under)]}")


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font, which has most alphabets."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def save_png(path: str | Path, images: Tensor | NDArray[np.uint8]) -> None:
    """Save one image, or several as a grid, atomically.

    Args:
        path: the file; its folder is created if missing.
        images: a tensor `[count, 1 or 3, height, width]`, uint8 or float in [-1, 1], several images
            making a grid; or a uint8 array `[height, width, 1 or 3]`.

    Raises:
        JincError: the file cannot be written, or there is no image.
    """
    if isinstance(images, Tensor):
        images = as_tiles(images)[0] if len(images) == 1 else image_grid(images)
    with writing(Path(path)) as file:
        to_picture(images).save(file, "PNG")


def to_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return bytes `[height, width, 1 or 3]` as Pillow's image, grey or coloured."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def as_tiles(images: Tensor) -> NDArray[np.uint8]:
    """Return `[count, 1 or 3, height, width]` as bytes `[count, height, width, 1 or 3]`.

    Raises:
        JincError: it has another shape.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise JincError(f"images must be [count, 1 or 3, height, width], not {list(images.shape)}")
    pixels = images if images.dtype == torch.uint8 else to_uint8(images)
    return pixels.detach().cpu().permute(0, 2, 3, 1).contiguous().numpy()


_NAME = re.compile(r"[0-9]{6,}\.png")


def numbered_name(number: int) -> str:
    """Return the name of an image's file: `000000.png` and so on."""
    return f"{number:06d}.png"


def save_images(folder: str | Path, images: Tensor, start: int = 0) -> list[Path]:
    """Save images as numbered PNG files, grey ones as grey.

    Args:
        folder: created if missing.
        images: `[count, 1 or 3, height, width]`, uint8, or float in [-1, 1].
        start: the number of the first.

    Returns:
        The files: `000000.png` and so on.

    Raises:
        JincError: a file cannot be written.
    """
    tiles = as_tiles(images)
    files = [Path(folder) / numbered_name(start + index) for index in range(len(tiles))]
    for path, tile in zip(files, tiles, strict=True):
        save_png(path, tile)
    return files


def list_numbered(folder: Path) -> Listing | None:
    """List the numbered images of a folder in order; None if there is no number 0."""
    if not (folder / numbered_name(0)).is_file():
        return None
    files = tuple(sorted(numbered_files(folder), key=lambda file: int(file.stem)))
    return Listing(folder, files, None, ())


def numbered_files(folder: Path) -> list[Path]:
    """Return the files of a folder that have names of numbered images."""
    return [file for file in folder.iterdir() if is_numbered(file.name)]


def is_numbered(name: str) -> bool:
    """Whether a file has the name of a numbered image."""
    return _NAME.fullmatch(name) is not None
