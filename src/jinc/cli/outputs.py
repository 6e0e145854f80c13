"""A sweep as files: an animation, a contact sheet, or a folder of frames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.cli.places import check_file, make_folder
from jinc.cli.provenance import begin_results, check_results
from jinc.data import (
    ANIMATIONS,
    check_animation,
    contact_sheet,
    enlargement,
    image_grid,
    numbered_name,
    save_animation,
    save_png,
)
from jinc.errors import JincError, unknown

KINDS = (*ANIMATIONS, ".png")
SHEET_FILE = "sheet.png"
"""In a folder of frames."""
SEEN = 128
"""Pixels that the longer side of an image has at least in a frame."""
LARGEST = 16_383
"""Pixels of a side; what WebP and H.264 take."""
SHEET = 4096
"""Pixels of a side up to which the images of a sheet are enlarged."""


@dataclass(frozen=True, eq=False)
class Swept:
    """Images of a sweep, and how they are shown.

    Args:
        images: `[N, A, 1 or 3, H, W]`, a row an image, a column an amount.
        rows: a word for each image, `[N]`.
        columns: a word for each amount, `[A]`.
        across: images beside one another in a frame; None for about a square.
        scale: as of the option; None for images that can be looked at.
        fps: frames a second.
        boomerang: whether animations go back as well.
    """

    images: Tensor
    rows: list[str]
    columns: list[str]
    across: int | None
    scale: int | None
    fps: float
    boomerang: bool

    @cached_property
    def frames(self) -> list[NDArray[np.uint8]]:
        """One for each amount."""
        scale = self.scale or enlargement(self.images.shape[-2:], SEEN)
        moved = self.images.unbind(1)
        return [image_grid(images, columns=self.across, scale=scale) for images in moved]

    def animation(self) -> list[NDArray[np.uint8]]:
        """The frames there, and back where that is wanted; neither end is shown twice."""
        return self.frames + (self.frames[-2:0:-1] if self.boomerang else [])

    def sheet(self) -> NDArray[np.uint8]:
        """All images with words beside them."""
        return enlarged_sheet(self.images, self.rows, self.columns, self.scale)


def enlarged_sheet(
    images: Tensor, rows: Sequence[str], columns: Sequence[str], scale: int | None = None
) -> NDArray[np.uint8]:
    """Lay images out with words, large enough to be looked at.

    Args:
        images: `[R, C, 1 or 3, height, width]`.
        rows: words in front of rows, `[R]`.
        columns: words above columns, `[C]`.
        scale: how many times pixels are repeated; None for what suits.
    """
    down, across, _, height, width = images.shape
    largest = max(1, SHEET // max(down * height, across * width))
    usual = min(enlargement((height, width), SEEN), largest)
    return contact_sheet(images, rows, columns, scale or usual)


def check_out(out: Path, fps: float) -> None:
    """Find out before the work whether it can be written.

    Raises:
        JincError: an unknown ending, a place that cannot be written, or what it needs is missing.
    """
    if _is_folder(out):
        check_results(out, "frames", [SHEET_FILE])
        return
    suffix = out.suffix.lower()
    if suffix not in KINDS:
        raise unknown(f"--out: {out} ends in {suffix}", suffix, [*KINDS, "folders"])
    if suffix in ANIMATIONS:
        check_animation(out, fps)
    check_file(out)


def check_frame(size: tuple[int, int], number: int, across: int | None, scale: int | None) -> None:
    """Find out before the work whether frames can be shown.

    Raises:
        JincError: they are too large.
    """
    columns = min(number, math.ceil(math.sqrt(number)) if across is None else across)
    sides = [n * s for n, s in zip((-(-number // columns), columns), size, strict=True)]
    height, width = (side * (scale or enlargement(size, SEEN)) for side in sides)
    if max(height, width) > LARGEST:
        reason = f"frames would have {height:,}×{width:,} pixels, {LARGEST:,} a side are the most"
        raise JincError(f"--scale, --number: {reason}")


def make_place(out: Path) -> None:
    """Make the folder that it goes to.

    Raises:
        JincError: it cannot be made.
    """
    make_folder(out if _is_folder(out) else out.parent)


def write_out(out: Path, swept: Swept) -> None:
    """Write an animation, a contact sheet, or a folder of both frames and sheet.

    Raises:
        JincError: it cannot be written.
    """
    if _is_folder(out):
        names = [numbered_name(number) for number in range(len(swept.frames))]
        facts = {"rows": swept.rows, "columns": swept.columns}
        begin_results(out, "frames", facts, [*names, SHEET_FILE])
        for name, frame in zip(names, swept.frames, strict=True):
            save_png(out / name, frame)
        save_png(out / SHEET_FILE, swept.sheet())
    elif out.suffix.lower() == ".png":
        save_png(out, swept.sheet())
    else:
        save_animation(out, swept.animation(), swept.fps)


def _is_folder(out: Path) -> bool:
    return not out.suffix or out.is_dir()
