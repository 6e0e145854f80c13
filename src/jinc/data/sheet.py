"""A contact sheet: images in rows and columns with labels and captions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jinc.data.images import enlargement, image_grid
from jinc.errors import JincError

GAP = 4
"""Pixels between images, and around the sheet."""

SEEN = 128
"""Minimum side to which small images are enlarged by default."""


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
    _check(images, rows, columns, under)
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


def _check(
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
