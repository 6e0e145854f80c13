"""Contact sheets and sweeps, enlarged until they can be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import contact_sheet, enlargement, image_grid

SEEN = 128
"""Least length of the longer side of an image, pixels."""
SHEET = 4096
"""Longest side up to which the images of a sheet are enlarged, pixels."""


def enlarged_sheet(
    images: Tensor, rows: Sequence[str], columns: Sequence[str], scale: int | None = None
) -> NDArray[np.uint8]:
    """Lay out images with row and column labels.

    Args:
        images: `[R, C, 1 or 3, height, width]`.
        rows: labels, `[R]`.
        columns: labels, `[C]`.
        scale: repetitions of each pixel; None for a visible size.
    """
    down, across, _, height, width = images.shape
    largest = max(1, SHEET // max(down * height, across * width))
    usual = min(enlargement((height, width), SEEN), largest)
    return contact_sheet(images, rows, columns, scale or usual)


@dataclass(frozen=True, eq=False)
class SweepSheet:
    """Images by amounts of a movement, as frames and as a sheet.

    Args:
        images: `[N, A, 1 or 3, H, W]`.
        rows: labels of images, `[N]`.
        columns: labels of amounts, `[A]`.
        across: images in a row of a frame; None for about a square.
        scale: repetitions of each pixel; None for a visible size.
        boomerang: whether animations run backwards as well.
    """

    images: Tensor
    rows: list[str]
    columns: list[str]
    across: int | None = None
    scale: int | None = None
    boomerang: bool = True

    @cached_property
    def frames(self) -> list[NDArray[np.uint8]]:
        """One for each amount, with all images."""
        scale = self.scale or enlargement(self.images.shape[-2:], SEEN)
        return [image_grid(images, self.across, scale=scale) for images in self.images.unbind(1)]

    def animation(self) -> list[NDArray[np.uint8]]:
        """Return the frames, and back if wanted, each end once."""
        return self.frames + (self.frames[-2:0:-1] if self.boomerang else [])

    def sheet(self) -> NDArray[np.uint8]:
        """Lay out all images with labels."""
        return enlarged_sheet(self.images, self.rows, self.columns, self.scale)
