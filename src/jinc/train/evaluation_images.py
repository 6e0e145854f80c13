"""Clean images to evaluate a model on: like its training images, and unseen if possible."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import ImageSet, Summary, to_float, to_uint8
from jinc.errors import JincError
from jinc.models import PixelModel
from jinc.streams import Stream, stream
from jinc.train.augment import Augmentation, AugmentationKind, symmetries
from jinc.train.batches import hold_out
from jinc.train.config import TrainConfig
from jinc.train.run import Run
from jinc.train.setup import load_data
from jinc.types import Images

PART = 64
"""Images that are augmented together."""


@dataclass(frozen=True, eq=False)
class CleanImages:
    """Images to evaluate on.

    Args:
        x0: `[B, C, H, W]`.
        prompts: the name of the class of each, `[B]`; none for a model without classes.
        words: a description.
        kinds: how they and the training images were augmented; None if unknown.
        summary: of the set they are taken from.
    """

    x0: Images
    prompts: tuple[str, ...]
    words: str
    kinds: tuple[str, ...] | None
    summary: Summary

    @property
    def symmetries(self) -> list[str] | None:
        """Names of the symmetries of their distribution; None if unknown."""
        return None if self.kinds is None else symmetries(self.kinds)


def clean_images(
    source: Path,
    model: PixelModel,
    data: str | None,
    number: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> CleanImages:
    """Take evenly spaced images of a set, augmented like the training images.

    Args:
        source: a run folder, or a model folder.
        model: the model in it.
        data: the set (default: that of the run: its test split if there is one, else the images
            held out, else the training images).
        number: how many images; fewer, where the set has fewer.
        seed: of the augmentation.
        progress: called with (done, total) while a folder is decoded.

    Raises:
        JincError: no set for a model folder, or one that cannot be read or does not fit the model.
    """
    config = Run.open(source).config if (source / "config.yaml").is_file() else None
    images, words = _find(model, config, data, progress)
    _check(model, images)
    places = evenly_spaced(len(images), min(number, len(images)))
    prompts: tuple[str, ...] = ()
    if model.class_names and images.labels is not None:
        prompts = tuple(images.class_names[label] for label in images.labels[places])
    kinds = None if config is None else config.augment
    if data is not None and not kinds:  # nothing is known of another set
        kinds = None
    if config is not None and config.augment_labels:  # it generates unaugmented images
        kinds = ()
    x0 = torch.cat([*augmented(images, places, kinds or (), seed)])
    words = f"{len(x0)} of {len(images):,} {words} of {images.name}"
    words += f", augmented by {', '.join(kinds)}" if kinds else ""
    return CleanImages(x0, prompts, words, kinds, images.summary())


def evenly_spaced(count: int, number: int) -> NDArray[np.int64]:
    """Return `number` positions from the first to the last of `count`; beyond that they repeat."""
    return np.linspace(0, count - 1, number).astype(np.int64)


def augmented(
    images: ImageSet,
    places: NDArray[np.int64],
    kinds: Sequence[AugmentationKind],
    seed: int,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Images]:
    """Augment images of a set in the same way at every call.

    Args:
        images: the set.
        places: positions in it.
        kinds: of augmentation.
        seed: of the augmentation.
        dtype: of the computation.

    Yields:
        `PART` images at a time, `[B, C, H, W]` in [−1, 1] or slightly beyond.
    """
    augmentation = Augmentation(tuple(kinds))
    random = np.random.default_rng(stream(seed, Stream.CLEAN))
    drawn = augmentation.draw(random, len(places)).to(dtype)
    for first in range(0, len(places), PART):
        part = slice(first, first + PART)
        x0 = to_float(images.batch(places[part])).to(dtype)
        yield augmentation.apply(x0, drawn[part])


def augmented_set(images: ImageSet, kinds: Sequence[AugmentationKind], seed: int) -> ImageSet:
    """Return a set with every image augmented and rounded to bytes, on any machine the same."""
    parts = augmented(images, np.arange(len(images)), kinds, seed, torch.float64)
    made = np.concatenate([to_uint8(x0).permute(0, 2, 3, 1).numpy() for x0 in parts])
    return replace(images, images=made, name=f"{images.name} augmented by {', '.join(kinds)}")


def _find(
    model: PixelModel,
    config: TrainConfig | None,
    data: str | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[ImageSet, str]:
    """Open the set, and name the part of it."""
    if data is None and config is None:
        raise JincError("data: a model folder has no training data; name images")
    height, width = model.image_size
    usual = TrainConfig() if config is None else config
    source = usual.data if data is None else data
    side = height if height == width else None

    def load(split: str) -> ImageSet:
        own = {"source": source, "image_size": side, "channels": model.channels, "split": split}
        return load_data(usual, progress, **own)

    if data is not None or usual.split == "train":
        try:
            return load("test"), "test images"
        except JincError:  # any fault but a missing split is raised again below
            pass
    if data is not None:
        return load("all"), "images"
    images = load(usual.split)
    _, held_out = hold_out(len(images), usual.holdout, usual.seed)
    if len(held_out):
        return images.subset(held_out), "held-out images"
    return images, "images that it was trained on"


def _check(model: PixelModel, images: ImageSet) -> None:
    if images.image_size != model.image_size or images.channels != model.channels:
        (h, w), (height, width) = images.image_size, model.image_size
        raise JincError(
            f"data: {images.name} has images of {h}×{w} and {images.channels} channels, "
            f"the model makes {height}×{width} and {model.channels}"
        )
    if not model.class_names:
        return
    if not images.class_names:
        raise JincError(f"data: {images.name} has no classes, the model has them")
    theirs = ", ".join(name for name in images.class_names if name not in model.class_names)
    if theirs:
        raise JincError(f"data: {images.name} has classes unknown to the model: {theirs:.100}")
