"""The data of a run, for a page that compares generated images with them."""

from pathlib import Path

import numpy as np
from rich.console import Console

from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.models import open_model
from jinc.report.pages import RealImages
from jinc.train import TrainConfig, clean_images, load_data
from jinc.train.validation import hold_out

REAL = 400
"""Real images whose spectrum is taken."""

UNSEEN = 200
"""Real images whose nearest training images are looked for."""

TRAINED = 60_000
"""Images of training among which the nearest are looked for, at most."""


def real_images_of(source: Path, config: TrainConfig, seed: int) -> RealImages | JincError:
    """Read the data of a run; return why they cannot be had where they cannot.

    Args:
        source: the run folder.
        config: its settings.
        seed: of which images are taken.
    """
    console = Console(stderr=True)
    try:
        model = open_model(source)
        with decoding_progress(console) as told:
            clean = clean_images(source, model, None, REAL, seed, told)
        images = load_data(config)
        trained, held_out = hold_out(len(images), config.holdout, config.seed)
        unseen = _test_images(config, images)
        if unseen is None and len(held_out):
            unseen = images.subset(held_out)
        train = images.subset(_evenly(trained, TRAINED))
    except JincError as error:
        return error
    say_what_was_read(console, images.summary())
    if unseen is not None:
        unseen = unseen.subset(_evenly(np.arange(len(unseen)), UNSEEN))
    return RealImages(clean.x0, clean.words, train, len(trained), unseen)


def _test_images(config: TrainConfig, like: ImageSet) -> ImageSet | None:
    """Read the test split of a run's data, if it has one that was not trained on."""
    if config.split != "train":
        return None
    height, width = like.image_size
    try:
        return load_data(
            config,
            image_size=height if height == width else None,
            channels=like.channels,
            split="test",
        )
    except JincError:
        return None


def _evenly(places: np.ndarray, most: int) -> np.ndarray:
    """Take some of many, evenly."""
    chosen: np.ndarray = places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    return chosen
