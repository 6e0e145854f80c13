"""The first images of every cell, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinc.report.pages.pictures import Embedded, embedded, grid
from jinc.report.pages.study.cells import StudyCell

COLUMNS = 8
"""Images a row of a grid."""

ALL_IMAGES = 2400
"""Images in all grids together, about."""


@dataclass(frozen=True)
class Grid:
    """Images of a cell.

    Args:
        seed: of training.
        picture: the first of them.
    """

    seed: int
    picture: Embedded


def sample_grids(cells: Sequence[StudyCell]) -> list[tuple[str, list[tuple[str, list[Grid]]]]]:
    """Lay out images of every cell, by data set and variant."""
    rows = min(COLUMNS, max(1, ALL_IMAGES // max(1, len(cells)) // COLUMNS))
    found: dict[str, dict[str, list[Grid]]] = {}
    for cell in cells:
        if cell.kept is None:
            continue
        images = cell.kept.images(rows * COLUMNS)
        picture = embedded(grid(images.batch(range(len(images))), COLUMNS), 200_000)
        found.setdefault(cell.data, {}).setdefault(cell.variant, []).append(
            Grid(cell.seed, picture)
        )
    return [(data, [*variants.items()]) for data, variants in found.items()]
