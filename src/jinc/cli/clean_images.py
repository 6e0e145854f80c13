"""The clean images that a model is measured on: such as it was trained on, unseen if possible."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jinc.data import ImageSet, Summary, to_float
from jinc.errors import JincError
from jinc.models import PixelModel
from jinc.streams import Stream, stream
from jinc.train import Run, TrainConfig, load_data
from jinc.train.augment import Augmentation
from jinc.train.validation import hold_out
from jinc.types import Images


@dataclass(frozen=True, eq=False)
class CleanImages:
    """Images to measure on.

    Args:
        x0: `[B, C, H, W]`.
        prompts: the name of the class of each, `[B]`; none for a model without classes.
        words: which they are.
        kinds: how they were augmented, as the images that the model was trained on; None where
            that is not known.
        summary: of the set that they are taken from.
    """

    x0: Images
    prompts: tuple[str, ...]
    words: str
    kinds: tuple[str, ...] | None
    summary: Summary

    @property
    def symmetries(self) -> list[str] | None:
        """Names of the moves after which such images are as likely as before; None if unknown.

        What is done last is what counts where two do not go together: a window ends all shifts, and
        after shifts there is no centre to have been turned about.
        """
        if self.kinds is None:
            return None
        kinds = {*self.kinds}
        shifted, spun = {"hshift", "vshift"} <= kinds, "spin" in kinds
        turned = spun or "quarter_turns" in kinds
        mirrored = kinds & {"hflip", "vflip"}
        holds = {
            "half_pixel": shifted and not spun,
            "shift": shifted and not spun,
            "rotation": spun and not kinds & {"hshift", "vshift"},
            "quarter_turns": turned,
            "flip": len(mirrored) == 2 or (turned and len(mirrored) == 1),
        }
        return [name for name, held in holds.items() if held]


def clean_images(
    source: Path,
    model: PixelModel,
    data: str | None,
    number: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> CleanImages:
    """Take images evenly from a set, augmented as those that the model was trained on.

    Args:
        source: a run folder, or a model folder.
        model: the model in it.
        data: the set; None for that of the run. Its test split is taken if it has one; else what
            the run has held out, or else what it was trained on.
        number: how many images; fewer, where the set has fewer.
        seed: of the augmentation.
        progress: called with (done, total) while a folder is decoded.

    Raises:
        JincError: no set is given for a model folder; it cannot be read, or does not fit the model.
    """
    config = Run.open(source).config if (source / "config.yaml").is_file() else None
    images, words = _find(model, config, data, progress)
    _check(model, images)
    places = np.linspace(0, len(images) - 1, min(number, len(images))).astype(int)
    x0 = to_float(images.batch(places))
    prompts: tuple[str, ...] = ()
    if model.class_names and images.labels is not None:
        prompts = tuple(images.class_names[label] for label in images.labels[places])
    kinds = None if config is None else config.augment
    if data is not None and not kinds:  # another set, of which nothing is known
        kinds = None
    if config is not None and config.augment_labels:  # told of nothing, it makes images as they are
        kinds = ()
    augmentation = Augmentation(kinds or ())
    drawn = augmentation.draw(np.random.default_rng(stream(seed, Stream.CLEAN)), len(x0))
    words = f"{len(x0)} of {len(images):,} {words} of {images.name}"
    words += f", augmented by {', '.join(kinds)}" if kinds else ""
    return CleanImages(augmentation.apply(x0, drawn), prompts, words, kinds, images.summary())


def _find(
    model: PixelModel,
    config: TrainConfig | None,
    data: str | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[ImageSet, str]:
    """Open the set, and say which part of it was taken."""
    if data is None and config is None:
        raise JincError("--data: a model folder does not tell what it was trained on; name images")
    height, width = model.image_size
    usual = TrainConfig() if config is None else config

    def load(split: str) -> ImageSet:
        return load_data(
            usual,
            progress,
            source=usual.data if data is None else data,
            image_size=height if height == width else None,
            channels=model.channels,
            split=split,
        )

    if data is not None or usual.split == "train":
        try:
            return load("test"), "test images"
        except JincError:  # where it is not the split that is missing, the next one tells of it
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
            f"--data: {images.name} has images of {h}×{w} and {images.channels} channels, "
            f"the model makes {height}×{width} and {model.channels}"
        )
    if not model.class_names:
        return
    if not images.class_names:
        raise JincError(f"--data: {images.name} has no classes, the model has them")
    theirs = ", ".join(name for name in images.class_names if name not in model.class_names)
    if theirs:
        raise JincError(f"--data: {images.name} has classes unknown to the model: {theirs:.100}")
