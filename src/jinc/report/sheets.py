"""Contact sheets: images in labelled rows and columns, enlarged until they can be looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import contact_sheet, enlargement, image_grid, save_png
from jinc.errors import JincError
from jinc.metrics import Denoised
from jinc.models import SmallImage
from jinc.types import Images

SEEN, COMPARED = 128, 112
"""Least length of the longer side of an image, pixels; of one beside methods of denoising."""

SHEET = 4096
"""Longest side up to which the images of a sheet are enlarged, pixels."""

CENTRE = 256
"""Longest side of the shown part of an upscaled image, pixels."""


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


def comparison_sheet(
    x0: Images,
    answers: Mapping[str, Tensor],
    psnr: Mapping[str, Tensor],
    levels: Sequence[int],
    names: Sequence[str],
) -> NDArray[np.uint8]:
    """Lay out a row for each image and level, a column for each method, and PSNR below.

    Args:
        x0: clean images, `[N, C, H, W]`.
        answers: by method, `[L, N, C, H, W]`, clipped to [−1, 1].
        psnr: by method, dB, `[L, N]`.
        levels: t, `[L]`.
        names: of images, `[N]`; may be empty.
    """
    shape = len(levels), *x0.shape
    if psnr.keys() != answers.keys() or any(each.shape != shape for each in answers.values()):
        raise JincError(f"answers and their decibels must be of {list(shape)}, under equal names")
    clean = x0.expand(shape)
    columns = torch.stack([clean, *answers.values()], 2).transpose(0, 1).flatten(0, 1).cpu()
    captions = [
        ["", *(f"{float(of[level, image]):.1f} dB" for of in psnr.values())]
        for image in range(len(x0))
        for level in range(len(levels))
    ]
    rows = [f"{name}, t = {t}" if name else f"t = {t}" for name in names for t in levels]
    scale = enlargement(x0.shape[-2:], COMPARED)
    return contact_sheet(columns, rows, ["clean", *answers], scale, captions)


def forward_sheet(
    x0: Images, x_t: Tensor, levels: Sequence[int], names: Sequence[str]
) -> NDArray[np.uint8]:
    """Lay out the forward process: a row for each image, from clean to the last level.

    Args:
        x0: clean images, `[N, C, H, W]`.
        x_t: at each level, `[L, N, C, H, W]`, clipped to [−1, 1].
        levels: t, `[L]`.
        names: of images, `[N]`; may be empty.
    """
    images = torch.cat([x0[None], x_t]).transpose(0, 1).cpu()
    scale = enlargement(x0.shape[-2:], COMPARED)
    return contact_sheet(images, names, ["clean", *(f"t = {t}" for t in levels)], scale)


def draw_comparison(
    folder: Path, x0: Images, names: Sequence[str], found: Sequence[Denoised]
) -> None:
    """Save comparison.png and forward.png of clean images and what they became, by level."""
    levels = [each.t for each in found]
    images = {by: torch.stack([each.images[by] for each in found]) for by in found[0].images}
    psnr = {by: torch.stack([each.psnr[by][: len(x0)] for each in found]) for by in images}
    noisy = torch.stack([each.x_t for each in found])
    save_png(folder / "comparison.png", comparison_sheet(x0, images, psnr, levels, names))
    save_png(folder / "forward.png", forward_sheet(x0, noisy, levels, names))


def upscaling_sheet(
    names: Sequence[str], small: Sequence[SmallImage], images: Sequence[Images]
) -> NDArray[np.uint8]:
    """Lay out the centres of all images: bicubic, upscaled, and the original where it is known.

    Args:
        names: of the images, `[N]`.
        small: what was upscaled, `[N]`.
        images: image i was upscaled from image i mod N, `[1, C, H, W]` each.
    """
    side = min(CENTRE, *(min(image.shape[2:]) for image in images))

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
