"""Whether generated images are copies: how near the nearest training images are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jinc.data import ImageSet, to_float, to_uint8
from jinc.errors import JincError
from jinc.metrics.features.features import Features
from jinc.metrics.scores.bootstrap import Estimate
from jinc.metrics.scores.nearest import nearest

SUSPICIOUS = 0.01
"""Share of held-out images that are called suspiciously near: what is expected of no copies."""

_PART = 4096


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The training images that are nearest to each generated one.

    Args:
        by: `pixels`, or the extractor's name.
        distances: rising, `[N, k]`.
        places: in the training set, `[N, k]`.
        usual: distances of held-out real images to their nearest training image, `[H]`; None where
            there were none.
    """

    by: str
    distances: Tensor
    places: Tensor
    usual: Tensor | None = None

    @property
    def too_near(self) -> Estimate | None:
        """The share of generated images that are nearer than all but 1 % of held-out ones."""
        if self.usual is None:
            return None
        limit = self.usual.quantile(SUSPICIOUS)
        return Estimate.mean((self.distances[:, 0] < limit).numpy().astype(np.float64))


def neighbours_by_pixels(
    generated: Tensor, train: ImageSet, k: int = 3, held_out: ImageSet | None = None
) -> Neighbours:
    """Find the training images that differ least pixel by pixel.

    Args:
        generated: `[N, C, H, W]`, uint8, or float in [−1, 1].
        train: images of that shape.
        k: how many, ≥ 1.
        held_out: real images that were not trained on, to compare with.

    Returns:
        Root mean square differences of images in [−1, 1], and where they are.

    Raises:
        JincError: sizes or channels differ, or there are fewer training images than k.
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
    """Find the training images whose features are nearest.

    Args:
        generated: features of the generated images.
        train: of the training images, by the same extractor.
        k: how many, ≥ 1.
        held_out: of real images that were not trained on, to compare with.

    Returns:
        Distances of features, and where they are.

    Raises:
        JincError: extractors differ, or there are fewer training images than k.
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
