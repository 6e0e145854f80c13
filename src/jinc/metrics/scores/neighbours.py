"""Nearest neighbours of features, and whether generated images copy training images."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jinc.data import ImageSet, to_float, to_uint8
from jinc.errors import JincError
from jinc.metrics.features.features import Features
from jinc.metrics.scores.bootstrap import Estimate

BLOCK = 1024
"""Rows of the distance matrix in memory."""

PART = 16384
"""Columns of it in memory."""

ROUNDING = 1e-12
"""Bound on the float64 rounding of |a − b|², relative to |a|² + |b|²."""


def squared_distances(
    a: Tensor, b: Tensor, block: int = BLOCK
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield squared distances of rows of a to all rows of b, block by block in float64.

    Args:
        a: `[N, D]`.
        b: `[M, D]`.
        block: rows at once.

    Yields:
        the number of the first row of a block, squared distances, and the rounding error that
        each may have, both float64, `[rows, M]`.
    """
    if a.shape[1] != b.shape[1]:
        raise JincError(f"features: {a.shape[1]} beside {b.shape[1]} numbers an image")
    centre = b.double().mean(dim=0)  # taken off, so that |a|² + |b|² − 2 a·b cancels little
    b = b.double() - centre
    lengths = b.square().sum(dim=1)
    for first in range(0, len(a), block):
        part = a[first : first + block].double() - centre
        both = lengths + part.square().sum(1, keepdim=True)
        yield first, torch.addmm(both, part, b.T, alpha=-2).clamp_(min=0), both * ROUNDING


def nearest(
    a: Tensor, b: Tensor | Iterable[Tensor], k: int, block: int = BLOCK
) -> tuple[Tensor, Tensor]:
    """Return the k nearest neighbours in b of each row of a.

    Args:
        a: `[N, D]`.
        b: `[M, D]`, M ≥ k, whole or in parts.
        k: ≥ 1.
        block: rows at once.

    Returns:
        distances, ascending, float64, and their indices in b, both `[N, k]`.

    >>> nearest(torch.tensor([[0.0], [9.0]]), torch.tensor([[1.0], [5.0], [2.0]]), 2)[1].tolist()
    [[0, 2], [1, 2]]
    """
    parts = b.split(PART) if isinstance(b, Tensor) else b  # type: ignore[no-untyped-call]
    apart = torch.full((len(a), max(k, 0)), torch.inf, dtype=torch.float64)
    places = torch.full(apart.shape, -1)
    seen = 0
    for part in parts:
        kept = min(k, len(part)) if k >= 1 else 0
        for first, squared, _ in squared_distances(a, part, block):
            rows = slice(first, first + len(squared))
            at = squared.topk(kept, largest=False).indices
            found = torch.cat([apart[rows], _exact(a[rows], part, at)], dim=1)
            order = found.argsort(dim=1, stable=True)[:, :k]
            apart[rows] = found.gather(1, order)
            places[rows] = torch.cat([places[rows], at + seen], dim=1).gather(1, order)
        seen += len(part)
    if not 1 <= k <= seen:
        raise JincError(f"neighbours: {seen} images have no {k} neighbours")
    return apart, places


def _exact(a: Tensor, b: Tensor, places: Tensor) -> Tensor:
    """Recompute the few distances found, without cancellation."""
    steps = [(a.double() - b[at].double()).square().sum(-1).sqrt() for at in places.unbind(1)]
    return torch.stack(steps, dim=1) if steps else torch.empty(len(a), 0, dtype=torch.float64)


SUSPICIOUS = 0.01
"""Share of held-out images below the threshold, expected of generated images without copies."""

_PART = 4096


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest training images of each generated one.

    Args:
        by: `pixels`, or the extractor's name.
        distances: ascending, `[N, k]`.
        places: indices in the training set, `[N, k]`.
        usual: distances of held-out real images to their nearest training image, `[H]`, or None.
    """

    by: str
    distances: Tensor
    places: Tensor
    usual: Tensor | None = None

    @property
    def too_near(self) -> Estimate | None:
        """Share of generated images that are nearer than all but 1 % of held-out ones."""
        if self.usual is None:
            return None
        limit = self.usual.quantile(SUSPICIOUS)
        return Estimate.mean((self.distances[:, 0] < limit).numpy().astype(np.float64))


def neighbours_by_pixels(
    generated: Tensor, train: ImageSet, k: int = 3, held_out: ImageSet | None = None
) -> Neighbours:
    """Find the nearest training images by root mean square difference of pixels in [−1, 1].

    Args:
        generated: `[N, C, H, W]`, uint8, or float in [−1, 1].
        train: images of that shape.
        k: number of neighbours, ≥ 1.
        held_out: real images for comparison, which were not trained on.
    """
    stored = generated if generated.dtype == torch.uint8 else to_uint8(generated)
    for images in (train, held_out):
        if images is not None and (images.channels, *images.image_size) != stored.shape[1:]:
            found, wanted = list(stored.shape[1:]), [images.channels, *images.image_size]
            raise JincError(f"images: {found} beside {wanted} of {images.name}")
    flat = to_float(stored).flatten(1).cpu()
    scale = flat.shape[1] ** -0.5
    distances, places = nearest(flat, _flat(train), k)
    usual = None
    if held_out is not None:
        real = torch.cat(list(_flat(held_out)))
        usual = nearest(real, _flat(train), 1)[0][:, 0] * scale
    return Neighbours("pixels", distances * scale, places, usual)


def neighbours_by_features(
    generated: Features, train: Features, k: int = 3, held_out: Features | None = None
) -> Neighbours:
    """Find the nearest training images by Euclidean distance of features.

    Args:
        generated: features of the generated images.
        train: of the training images, by the same extractor.
        k: number of neighbours, ≥ 1.
        held_out: of real images for comparison, which were not trained on.
    """
    for other in (train, held_out):
        if other is not None and other.extractor != generated.extractor:
            raise JincError(f"features: {generated.name} and {other.name} differ in extractor")
    distances, places = nearest(generated.values, train.values, k)
    usual = None if held_out is None else nearest(held_out.values, train.values, 1)[0][:, 0]
    return Neighbours(generated.extractor.name, distances, places, usual)


def _flat(images: ImageSet) -> Iterator[Tensor]:
    """Yield images as rows `[n, C·H·W]` in [−1, 1]."""
    for first in range(0, len(images), _PART):
        batch = images.batch(range(first, min(len(images), first + _PART)))
        yield to_float(batch).flatten(1)
