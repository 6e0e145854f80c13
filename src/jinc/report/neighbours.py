"""Generated images beside the training images that are nearest to them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, contact_sheet, enlargement, to_uint8
from jinc.errors import JincError
from jinc.metrics import Neighbours

SEEN = 84
"""Pixels that the longer side of an image has at least."""


def neighbours_sheet(
    generated: Tensor, train: ImageSet, found: Sequence[Neighbours]
) -> NDArray[np.uint8]:
    """Lay out a row for each generated image, and its neighbours with their distances.

    Args:
        generated: `[N, C, H, W]`, uint8, or float in [−1, 1].
        train: the training images, of that size.
        found: neighbours of these images by pixels, by features, or both.

    Returns:
        `[height, width, 3]`, for `save_png`.

    Raises:
        JincError: there is nothing to lay out, or counts do not agree.
    """
    if not found or not len(generated):
        raise JincError("neighbours: there are none to lay out")
    if any(len(each.places) != len(generated) for each in found):
        counts = ", ".join(str(len(each.places)) for each in found)
        raise JincError(f"neighbours: of {counts} images beside {len(generated)}")
    stored = generated if generated.dtype == torch.uint8 else to_uint8(generated)
    columns, names = [stored.cpu()], ["generated"]
    for each in found:
        for rank, places in enumerate(each.places.unbind(1), start=1):
            columns.append(train.batch(places))
            names.append(f"{each.by} {rank}" if each.places.shape[1] > 1 else each.by)
    captions = [
        ["", *(f"{float(apart):.3g}" for each in found for apart in each.distances[image])]
        for image in range(len(generated))
    ]
    scale = enlargement(stored.shape[-2:], SEEN)
    rows = [""] * len(generated)
    most = max(column.shape[1] for column in columns)  # grey beside colour
    columns = [column.expand(-1, most, -1, -1) for column in columns]
    return contact_sheet(torch.stack(columns, dim=1), rows, names, scale, captions)
