"""Upscaled images beside bicubic enlargements."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.models import SmallImage
from jinc.report.sheets import enlarged_sheet
from jinc.types import Images

SIDE = 256
"""Longest side of the shown part of an image, pixels."""


def upscaling_sheet(
    names: Sequence[str], small: Sequence[SmallImage], images: Sequence[Images]
) -> NDArray[np.uint8]:
    """Lay out the centres of all images: bicubic, upscaled, and the original where it is known.

    Args:
        names: of the images, `[N]`.
        small: what was upscaled, `[N]`.
        images: image i was upscaled from image i mod N, `[1, C, H, W]` each.
    """
    side = min(SIDE, *(min(image.shape[2:]) for image in images))

    def centre(image: Images) -> Images:
        top, left = ((n - side) // 2 for n in image.shape[2:])
        return image[0, :, top : top + side, left : left + side]

    rows = []
    for place, each in enumerate(small):
        real = [] if each.real is None else [each.real]
        shown = [each.bicubic, *images[place :: len(small)], *real]
        rows.append(torch.stack([centre(image) for image in shown]))
    columns = ["bicubic", *map(str, range(len(images) // len(small)))]
    columns += ["real"] if small[0].real is not None else []
    return enlarged_sheet(torch.stack(rows), names, columns)
