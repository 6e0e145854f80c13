"""Sheets that compare denoising methods, and the forward process."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import contact_sheet, enlargement, save_png
from jinc.errors import JincError
from jinc.metrics import Denoised
from jinc.types import Images

SEEN = 112
"""Least length of the longer side of an image, pixels."""


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

    Returns:
        `[height, width, 3]`, for `save_png`.
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
    scale = enlargement(x0.shape[-2:], SEEN)
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

    Returns:
        `[height, width, 3]`, for `save_png`.
    """
    images = torch.cat([x0[None], x_t]).transpose(0, 1).cpu()
    scale = enlargement(x0.shape[-2:], SEEN)
    return contact_sheet(images, names, ["clean", *(f"t = {t}" for t in levels)], scale)


def draw_comparison(
    folder: Path, x0: Images, names: Sequence[str], found: Sequence[Denoised]
) -> None:
    """Save comparison.png and forward.png.

    Args:
        folder: where to.
        x0: clean images, `[S, C, H, W]`.
        names: of these, `[S]`; may be empty.
        found: what they became, level by level.
    """
    levels = [each.t for each in found]
    images = {way: torch.stack([each.images[way] for each in found]) for way in found[0].images}
    psnr = {way: torch.stack([each.psnr[way][: len(x0)] for each in found]) for way in images}
    noisy = torch.stack([each.x_t for each in found])
    save_png(folder / "comparison.png", comparison_sheet(x0, images, psnr, levels, names))
    save_png(folder / "forward.png", forward_sheet(x0, noisy, levels, names))
