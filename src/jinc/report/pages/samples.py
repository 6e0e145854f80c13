"""Pictures of generated images: grids, those drawn during training, and rotations."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from jinc.data import ImageSet
from jinc.report.neighbours import ReadImages
from jinc.report.numbers import Number, number
from jinc.report.pictures import (
    Embedded,
    animation,
    columns_that_fit,
    embedded,
    embedded_file,
    first_frame,
    grid,
)
from jinc.report.trajectory import spread

COLLAGE, FEW, STUDY = 20, 8, 8
"""Columns of the collage, of the grid on the first screen, and of a grid in a study."""

FRAMES = 12
"""Pictures of training, at most."""

STUDY_IMAGES = 2400
"""Images in all grids of a study together, about."""

FEW_BYTES, MANY_BYTES, TRAINING_BYTES, STUDY_BYTES = 300_000, 700_000, 600_000, 200_000
ROTATION_BYTES, SHEET_BYTES, ALL_ROTATIONS_BYTES = 600_000, 400_000, 1_200_000
"""Limits for a grid, a collage, all pictures of training, a grid of a study, an animation, its
sheet, and all animations of a study. A run has at most 3.4 MB of pictures, 4.5 MB as text: its page
stays under 5 MB."""


class Rotation(NamedTuple):
    """Images rotated during sampling: an animation, its first frame, and all frames by angle."""

    moving: Embedded
    still: Embedded
    sheet: Embedded | None


def collage(images: ImageSet | Tensor, side: int, classes: int, most: int) -> Embedded:
    """Lay images out in a square, with a column per class where they fit.

    Args:
        images: a set, or uint8 or float `[count, C, H, W]`.
        side: images in a row, at most.
        classes: number of them; image i has class i mod classes.
        most: bytes.
    """
    size = images.image_size if isinstance(images, ImageSet) else tuple(images.shape[-2:])
    columns = columns_that_fit((size[0], size[1]), side, classes or 1)
    count = min(len(images), columns * columns)
    count = count // columns * columns or count
    shown = images.batch(range(count)) if isinstance(images, ImageSet) else images[:count]
    return embedded(grid(shown, columns), most)


def study_grids(
    images: Mapping[str, Sequence[tuple[int, ReadImages]]], cells: int
) -> dict[str, list[tuple[int, Embedded]]]:
    """Lay out the first images of each variant: seed and grid of each cell.

    Args:
        images: by variant, the seed and the images of each cell.
        cells: of the study, which share `STUDY_IMAGES`.
    """
    count = STUDY * min(STUDY, max(1, STUDY_IMAGES // max(1, cells) // STUDY))
    found: dict[str, list[tuple[int, Embedded]]] = {variant: [] for variant in images}
    for variant, seeds in images.items():
        for seed, read in seeds:
            made = read(count)
            pixels = grid(made.batch(range(len(made))), STUDY)
            found[variant].append((seed, embedded(pixels, STUDY_BYTES)))
    return found


def training_frames(folder: Path) -> list[tuple[Number, Embedded]]:
    """Read samples drawn during training and their steps, evenly chosen if there are many."""
    names = [(re.fullmatch(r"step-(\d+)", f.stem), f) for f in sorted(folder.glob("*.png"))]
    steps = [(number(int(match[1])), file) for match, file in names if match]
    chosen = [steps[place] for place in spread(len(steps), FRAMES)] if steps else []
    return [(step, embedded_file(file, TRAINING_BYTES // len(chosen))) for step, file in chosen]


def rotation(run: Path, most: int = ROTATION_BYTES) -> Rotation | None:
    """Read the animation that `jinc rotate` left in a run, in so many bytes; None without one."""
    folder = run / "rotation"
    files = [file for end in ("webp", "gif") if (file := folder / f"turns.{end}").is_file()]
    if not files:
        return None
    sheet = folder / "turns.png"
    whole = embedded_file(sheet, SHEET_BYTES) if sheet.is_file() else None
    return Rotation(animation(files[0], most), first_frame(files[0]), whole)
