"""A contact sheet: pictures in rows and columns, with words beside them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jinc.data.images import image_grid
from jinc.errors import JincError

GAP = 4
"""Pixels between two pictures, and around the sheet."""


def contact_sheet(
    images: Tensor, rows: Sequence[str], columns: Sequence[str], scale: int = 1
) -> NDArray[np.uint8]:
    """Lay images out on white, words in front of each row and above each column.

    Args:
        images: `[R, C, 1 or 3, height, width]`, uint8, or float in [-1, 1].
        rows: words in front of rows, `[R]`.
        columns: words above columns, `[C]`.
        scale: whole number of times that each pixel is repeated along each axis.

    Returns:
        `[height, width, 3]`, for `save_png`.

    Raises:
        JincError: there are not as many words as rows or columns, or `image_grid` refuses.
    """
    if images.shape[:2] != (len(rows), len(columns)):
        there = f"{images.shape[0]}×{images.shape[1]} images"
        raise JincError(f"a sheet of {there} got words for {len(rows)}×{len(columns)}")
    height, width = images.shape[3] * scale, images.shape[4] * scale
    font = _font(min(18, max(11, height // 9)))
    line = sum(font.getmetrics())
    left = round(max(map(font.getlength, rows))) + 3 * GAP
    step = max(width, round(max(map(font.getlength, columns))) + GAP) + GAP, height + GAP
    size = left + step[0] * len(columns) + GAP, line + 2 * GAP + step[1] * len(rows)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for c, word in enumerate(columns):
        middle = left + c * step[0] + (step[0] - GAP) / 2
        draw.text((middle, GAP), word, "black", font, anchor="ma")
        for r, image in enumerate(images[:, c]):
            tile = Image.fromarray(image_grid(image[None], padding=0, scale=scale))
            place = left + c * step[0] + (step[0] - GAP - width) // 2
            sheet.paste(tile, (place, line + 2 * GAP + r * step[1]))
    for r, word in enumerate(rows):
        middle = line + 2 * GAP + r * step[1] + height / 2
        draw.text((left - 2 * GAP, middle), word, "black", font, anchor="rm")
    return np.asarray(sheet)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font, which has most alphabets."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
