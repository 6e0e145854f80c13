"""Whether the networks of a study copy: how near their images are to those they were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from jinc.metrics import OverSeeds, neighbours_by_pixels
from jinc.report.pages.neighbours import LOOKED_AT, NeighbourRow, outstanding_rows
from jinc.report.pages.numbers import Number, fixed, with_error
from jinc.report.pages.real import RealImages
from jinc.report.pages.study.cells import StudyCell


@dataclass(frozen=True)
class VariantNeighbours:
    """What is said of a variant.

    Args:
        variant: its name.
        median: of the distance to the nearest image of training, over seeds, and its error.
        too_near: per cent of images that are nearer than all but 1 % of unseen real ones, over
            seeds, and its error; None where there are no unseen ones.
        row: the image that stands out most, in any seed.
    """

    variant: str
    median: tuple[Number, Number]
    too_near: tuple[Number, Number] | None
    row: NeighbourRow


@dataclass(frozen=True)
class DataNeighbours:
    """What is said of a data set.

    Args:
        data: its name.
        among: images of training that were looked at.
        trained: how many there are.
        unseen: real images that were not trained on.
        usual: the median distance of those to the nearest; None where there are none.
        rows: one a variant.
    """

    data: str
    among: int
    trained: int
    unseen: int
    usual: Number | None
    rows: tuple[VariantNeighbours, ...]


def study_neighbours(
    cells: Sequence[StudyCell], real: Mapping[str, RealImages]
) -> list[DataNeighbours]:
    """Find the images of training that are nearest to generated ones, pixel by pixel.

    Args:
        cells: of the study.
        real: real images by data set.

    Raises:
        JincError: sizes or channels differ.
    """
    found = []
    for data, images in real.items():
        variants: dict[str, list[StudyCell]] = {}
        for cell in cells:
            if cell.data == data and cell.kept is not None:
                variants.setdefault(cell.variant, []).append(cell)
        if variants and images.train is not None:
            found.append(_of_data(data, variants, images))
    return found


def _of_data(
    data: str, variants: Mapping[str, Sequence[StudyCell]], real: RealImages
) -> DataNeighbours:
    train, usual, rows = real.train, None, []
    assert train is not None
    for variant, cells in variants.items():
        medians, shares, outstanding = [], [], []
        for cell in cells:
            assert cell.kept is not None
            made = _first(cell)
            unseen = real.unseen if usual is None else None
            near = neighbours_by_pixels(made, train, min(3, len(train)), unseen)
            usual = near.usual if usual is None else usual
            near = replace(near, usual=usual)
            medians.append(float(near.distances[:, 0].median()))
            if near.too_near is not None:
                shares.append(100 * near.too_near.value)
            first, last = near.distances[:, 0], near.distances[:, -1].clamp_min(1e-12)
            outstanding.append((float((first / last).min()), made, near))
        _, made, near = min(outstanding, key=lambda each: each[0])
        (row,) = outstanding_rows(made, train, near, 1)
        rows.append(
            VariantNeighbours(variant, _over(medians), _over(shares) if shares else None, row)
        )
    middle = None if usual is None else fixed(float(usual.median()), 3)
    unseen_count = 0 if real.unseen is None else len(real.unseen)
    return DataNeighbours(data, len(train), real.trained, unseen_count, middle, tuple(rows))


def _first(cell: StudyCell) -> Tensor:
    assert cell.kept is not None
    images = cell.kept.images(LOOKED_AT)
    return images.batch(range(len(images)))


def _over(values: Sequence[float]) -> tuple[Number, Number]:
    found = OverSeeds.of(values)
    return with_error(found.mean, found.error)
