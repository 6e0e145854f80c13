"""Copies among generated images: their nearest training images, on sheets and on pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, contact_sheet, enlargement, to_uint8
from jinc.errors import JincError
from jinc.metrics import Neighbours, OverSeeds, neighbours_by_pixels
from jinc.report.numbers import Number, Pair, fixed, with_error
from jinc.report.pictures import Embedded, embedded, grid
from jinc.types import Images

SHEET_SIDE = 84
"""Least length of the longer side of an image on a sheet, pixels."""

SEARCHED = 100
"""Generated images whose neighbours a page searches for."""

SHOWN = 6
"""Images of those that the page of a run shows."""

PICTURE_BYTES = 16_000
"""Size of one image on a page, at most."""


ReadImages: TypeAlias = Callable[[int], ImageSet]
"""Reads the first images of a set, at most as many as the number says."""


@dataclass(frozen=True, eq=False)
class RealImages:
    """Real images to compare generated ones with.

    Args:
        x0: images like those of training, unseen if possible, `[M, C, H, W]` in [−1, 1].
        words: where they come from.
        train: the training images, or some of many; None if they are not available.
        trained: number of all training images.
        unseen: images that are not in the training set; None if there are none.
    """

    x0: Images
    words: str
    train: ImageSet | None = None
    trained: int = 0
    unseen: ImageSet | None = None


class NeighbourRow(NamedTuple):
    """A generated image and the nearest training images with their distances, rising."""

    generated: Embedded
    near: tuple[tuple[Embedded, Number], ...]


@dataclass(frozen=True)
class VariantNeighbours:
    """Nearest training images of a variant, or of a run.

    Args:
        variant: its name.
        median: distance to the nearest training image, and its error over seeds.
        too_near: per cent of images that are nearer than all but 1 % of unseen real ones, and its
            error; None if there are no unseen ones.
        shown: the images that stand out most.
    """

    variant: str
    median: Pair
    too_near: Pair | None
    shown: tuple[NeighbourRow, ...]


@dataclass(frozen=True)
class NeighbourTable:
    """Distances of generated images to their nearest training images.

    Args:
        rows: one per variant.
        searched: generated images that were searched for, of each model.
        among: training images that were searched.
        trained: all training images.
        usual: median distance of unseen real images; None if there are none.
        unseen: number of those.
    """

    rows: tuple[VariantNeighbours, ...]
    searched: int
    among: int
    trained: int
    usual: Number | None
    unseen: int


def neighbours_sheet(
    generated: Tensor, train: ImageSet, found: Sequence[Neighbours]
) -> NDArray[np.uint8]:
    """Lay out a row for each generated image, with its neighbours and their distances.

    Args:
        generated: `[N, C, H, W]`, uint8, or float in [−1, 1].
        train: training images of that size.
        found: neighbours of these images by pixels, by features, or both.
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
    scale = enlargement(stored.shape[-2:], SHEET_SIDE)
    rows = [""] * len(generated)
    most = max(column.shape[1] for column in columns)  # grey beside colour
    columns = [column.expand(-1, most, -1, -1) for column in columns]
    return contact_sheet(torch.stack(columns, dim=1), rows, names, scale, captions)


def neighbour_table(
    images: Mapping[str, Sequence[ReadImages]], real: RealImages, shown: int = 1
) -> NeighbourTable | None:
    """Find the training images that are nearest to generated ones, pixel by pixel.

    Without generated or training images there is no table.

    Args:
        images: generated ones by variant, a set per seed; the first `SEARCHED` of each are used.
        real: training images, and unseen ones.
        shown: images of each variant to show, from the seed with the most outstanding one.
    """
    if not images or real.train is None:
        return None
    usual, rows, searched, among = None, [], 0, len(real.train)
    for variant, sets in images.items():
        found = []
        for read in sets:
            first = read(SEARCHED)
            made = first.batch(range(len(first)))
            unseen = real.unseen if usual is None else None  # searched once for all
            near = neighbours_by_pixels(made, real.train, min(3, among), unseen)
            usual = near.usual if usual is None else usual
            found.append((made, replace(near, usual=usual)))
            searched = max(searched, len(made))
        rows.append(_variant(variant, found, real.train, shown))
    middle = None if usual is None else fixed(float(usual.median()), 3)
    unseen_count = 0 if real.unseen is None else len(real.unseen)
    return NeighbourTable(tuple(rows), searched, among, real.trained, middle, unseen_count)


def _variant(
    variant: str, found: Sequence[tuple[Tensor, Neighbours]], train: ImageSet, shown: int
) -> VariantNeighbours:
    medians = [float(near.distances[:, 0].median()) for _, near in found]
    shares = [100 * near.too_near.value for _, near in found if near.too_near is not None]
    made, near = min(found, key=lambda each: float(_outstanding(each[1]).min()))
    places = _outstanding(near).argsort()[:shown].tolist()
    rows = tuple(_row(made, train, near, place) for place in places)
    too_near = _over_seeds(shares, 1) if shares else None
    return VariantNeighbours(variant, _over_seeds(medians, 3), too_near, rows)


def _outstanding(near: Neighbours) -> Tensor:
    """Nearest distance over the third: plain images are near to many, copies to one."""
    return near.distances[:, 0] / near.distances[:, -1].clamp_min(1e-12)


def _row(made: Tensor, train: ImageSet, found: Neighbours, place: int) -> NeighbourRow:
    generated, *near = (
        embedded(grid(images), PICTURE_BYTES)
        for images in (made[place : place + 1], *train.batch(found.places[place])[:, None])
    )
    distances = [fixed(apart, 3) for apart in found.distances[place].tolist()]
    return NeighbourRow(generated, tuple(zip(near, distances, strict=True)))


def _over_seeds(values: Sequence[float], places: int) -> Pair:
    found = OverSeeds.of(values)
    if found.error is None:
        return fixed(found.mean, places), fixed(None, places)
    return with_error(found.mean, found.error)
