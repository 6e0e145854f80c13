"""Whether generated images are copies: those that stand out, beside images of training."""

from dataclasses import dataclass

from torch import Tensor

from jinc.data import ImageSet
from jinc.metrics import Neighbours, neighbours_by_pixels
from jinc.report.pages.numbers import Number, fixed
from jinc.report.pages.pictures import Embedded, embedded, grid

LOOKED_AT = 100
"""Generated images whose neighbours are looked for."""

SHOWN = 6
"""Those of them that are shown: whose nearest image stands out most from the third."""

NEAR_BYTES = 16_000
"""That one of the images takes."""


@dataclass(frozen=True)
class NeighbourRow:
    """A generated image and the training images that are nearest.

    Args:
        generated: the image.
        near: training images with their distances, rising.
    """

    generated: Embedded
    near: tuple[tuple[Embedded, Number], ...]


@dataclass(frozen=True)
class NeighbourParts:
    """What a page says about copies.

    Args:
        rows: the generated images whose nearest image of training stands out most.
        looked_at: how many generated images there were.
        among: how many images of training.
        trained: how many of those there are.
        median: of the distance of generated images to their nearest training image.
        usual: the same of unseen real images; None where there were none.
        unseen: how many of those.
        too_near: per cent of generated images that are nearer than all but 1 % of those.
    """

    rows: tuple[NeighbourRow, ...]
    looked_at: int
    among: int
    trained: int
    median: Number
    usual: Number | None
    unseen: int
    too_near: Number | None


def neighbour_parts(
    generated: ImageSet, train: ImageSet, trained: int, unseen: ImageSet | None
) -> NeighbourParts:
    """Find the training images that are nearest to generated ones, pixel by pixel.

    Args:
        generated: of which the first `LOOKED_AT` are looked at.
        train: images that were trained on, of that shape.
        trained: how many there are, of which these may be some.
        unseen: some real images that were not; None if there are none.

    Raises:
        JincError: sizes or channels differ.
    """
    made = generated.batch(range(min(len(generated), LOOKED_AT)))
    found = neighbours_by_pixels(made, train, min(3, len(train)), unseen)
    return NeighbourParts(
        outstanding_rows(made, train, found, SHOWN),
        len(made),
        len(train),
        trained,
        fixed(float(found.distances[:, 0].median()), 3),
        None if found.usual is None else fixed(float(found.usual.median()), 3),
        0 if unseen is None else len(unseen),
        None if found.too_near is None else fixed(100 * found.too_near.value, 1),
    )


def outstanding_rows(
    made: Tensor, train: ImageSet, found: Neighbours, most: int
) -> tuple[NeighbourRow, ...]:
    """Lay out the generated images whose nearest image of training stands out most.

    A copy is far nearer to one image than to the next; a plain image is near to many.

    Args:
        made: generated images.
        train: the images of training.
        found: which of those are near.
        most: of how many.
    """
    outstanding = found.distances[:, 0] / found.distances[:, -1].clamp_min(1e-12)
    return tuple(_row(made, train, found, place) for place in outstanding.argsort()[:most].tolist())


def _row(made: Tensor, train: ImageSet, found: Neighbours, place: int) -> NeighbourRow:
    near = [
        (embedded(grid(train.batch([at])), NEAR_BYTES), fixed(apart, 3))
        for at, apart in zip(
            found.places[place].tolist(), found.distances[place].tolist(), strict=True
        )
    ]
    return NeighbourRow(embedded(grid(made[place : place + 1]), NEAR_BYTES), tuple(near))
