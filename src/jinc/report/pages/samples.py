"""Pictures of what a run generates: grids, how they came to be in training, turns."""

import re
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from jinc.data import ImageSet
from jinc.report.pages.numbers import Number, number
from jinc.report.pages.pictures import (
    Embedded,
    animation,
    columns_that_fit,
    embedded,
    embedded_file,
    first_frame,
    grid,
)
from jinc.report.trajectory import spread

COLLAGE = 20
"""Images a side of a collage."""

FEW = 8
"""Images a side of the grid on the first screen."""

FRAMES = 12
"""Pictures of training, at most."""

FEW_BYTES, MANY_BYTES, TRAINING_BYTES = 300_000, 700_000, 600_000
"""That a grid, a collage, and all pictures of training take; with what turns and what is near these
are 3.4 million, 4.5 million as text: a page has fewer than 5."""

TURNING_BYTES, SHEET_BYTES = 600_000, 400_000
"""That an animation and its sheet take."""


@dataclass(frozen=True)
class Frame:
    """A picture of training.

    Args:
        step: after which it was drawn.
        picture: of samples.
    """

    step: Number
    picture: Embedded


@dataclass(frozen=True)
class Turning:
    """Images that turn.

    Args:
        moving: the animation.
        still: its first picture.
        sheet: all of it in rows and columns; None if there is none.
    """

    moving: Embedded
    still: Embedded
    sheet: Embedded | None


def collage(images: ImageSet | Tensor, side: int, classes: int, most: int) -> Embedded:
    """Lay images out in a square, classes in columns of their own where they fit.

    Args:
        images: a set, or uint8 or float `[count, C, H, W]`.
        side: images a row, at most.
        classes: how many there are, dealt out in turn.
        most: bytes.
    """
    size = images.image_size if isinstance(images, ImageSet) else tuple(images.shape[-2:])
    columns = columns_that_fit((size[0], size[1]), side, classes or 1)
    count = min(len(images), columns * columns)
    count = count // columns * columns or count
    shown = images.batch(range(count)) if isinstance(images, ImageSet) else images[:count]
    return embedded(grid(shown, columns), most)


def training_frames(folder: Path) -> list[Frame]:
    """Read the pictures that a run has drawn while it trained, some of many.

    Args:
        folder: `samples/` of the run.

    Raises:
        JincError: one is damaged.
    """
    found = [
        (re.fullmatch(r"step-(\d+)", file.stem), file) for file in sorted(folder.glob("*.png"))
    ]
    steps = [(int(match[1]), file) for match, file in found if match]
    if not steps:
        return []
    chosen = [steps[place] for place in spread(len(steps), FRAMES)]
    most = TRAINING_BYTES // len(chosen)
    return [Frame(number(step), embedded_file(file, most)) for step, file in chosen]


def turning(folder: Path, most: int = TURNING_BYTES) -> Turning | None:
    """Read an animation of `jinc rotate`, and the sheet beside it.

    Args:
        folder: with `turns.webp` or `turns.gif`, and perhaps `turns.png`.
        most: bytes that the animation may have.

    Returns:
        None if there is none.

    Raises:
        JincError: a file is damaged, or too large.
    """
    files = [
        file for end in ("webp", "gif") for file in [folder / f"turns.{end}"] if file.is_file()
    ]
    if not files:
        return None
    sheet = folder / "turns.png"
    whole = embedded_file(sheet, SHEET_BYTES) if sheet.is_file() else None
    return Turning(animation(files[0], most), first_frame(files[0]), whole)
