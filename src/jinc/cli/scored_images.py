"""The two sets that `jinc evaluate` compares: images in files, and real ones of the same size."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from rich.console import Console

from jinc.cli.features import Filter
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.data import ImageSet, list_numbered, load_images, read_folder
from jinc.errors import JincError
from jinc.metrics import (
    Extractor,
    ExtractorFacts,
    Reference,
    ScoreKind,
    check_reference,
    check_scores,
    is_reference,
    read_reference,
)
from jinc.models import PixelModel
from jinc.models.trained import FILES
from jinc.train import Run, TrainConfig

Real: TypeAlias = ImageSet | Reference
"""Real images, or their statistics."""

ReadReal: TypeAlias = Callable[[PixelModel | ImageSet, int], Real]
"""Reads real images at the size of a model or set, after checking that so many can be scored."""

_RESIZING = ("image_size", "resize_filter", "skip_damaged", "max_pixels")


def is_model(source: Path) -> bool:
    """Whether a path is a model or a run, or a model's name on the Hub, not images."""
    names = ("config.yaml", "model_index.json", *FILES)
    return not source.exists() or any((source / name).is_file() for name in names)


def read_images(source: Path, reading: Mapping[str, Any]) -> ImageSet:
    """Read images in files; of the results of `jinc sample`, the images without the grid.

    Args:
        source: a folder, an archive or a file.
        reading: arguments of `load_images`, by `reading_of`, and `image_size`.

    Raises:
        JincError: they cannot be read, or are not square.
    """
    numbered = list_numbered(source) if source.is_dir() else None
    read = partial(load_images, str(source), split="all")
    if numbered is not None:
        read = partial(read_folder, numbered)
    console = Console(stderr=True)
    with decoding_progress(console) as progress:
        found = read(**{name: reading[name] for name in _RESIZING}, progress=progress)
    say_what_was_read(console, found.summary())
    height, width = found.image_size
    if height != width:
        raise JincError(f"{source}: {width}x{height} pixels are not square; set image_size")
    return found


def real_reader(
    against: str,
    split: str,
    reading: Mapping[str, Any],
    extractor: Extractor,
    which: tuple[ScoreKind, ...],
) -> ReadReal:
    """Return a function that reads real images, or their statistics, to compare with others.

    Real images keep their own colours, whether the others are grey or not.

    Args:
        against: images as `load_images` takes them, or a file of statistics.
        split: of the images.
        reading: arguments of `load_images`, by `reading_of`.
        extractor: of the features.
        which: scores to compute.

    Raises:
        JincError: the statistics cannot be read.
    """
    if is_reference(against):
        known = read_reference(against)

        def check(like: PixelModel | ImageSet, count: int) -> Reference:
            blank = torch.zeros(1, like.channels, *like.image_size, dtype=torch.uint8)
            check_reference(extractor, known, blank, count, which)
            return known

        return check

    def read(like: PixelModel | ImageSet, count: int) -> ImageSet:
        height, width = like.image_size
        size = height if height == width else None
        console = Console(stderr=True)
        with decoding_progress(console) as progress:
            real = load_images(against, image_size=size, split=split, progress=progress, **reading)
        check_scores(extractor, real, count, which)
        say_what_was_read(console, real.summary())
        return real

    return read


def reading_of(
    source: Path, resize_filter: Filter | None, max_pixels: int | None
) -> dict[str, Any]:
    """Return how to read real images: by the options given, or as in the training of a run."""
    is_run = (source / "config.yaml").is_file()
    config = Run.open(source).config if is_run else TrainConfig()
    return {
        "resize_filter": resize_filter or config.resize_filter,
        "skip_first": config.skip_first,
        "max_pixels": max_pixels or config.max_pixels,
    }


def comparison_facts(generated: ImageSet, real: Real, extractor: ExtractorFacts) -> dict[str, Any]:
    """Return sizes and colours of two sets, and remarks on differences that affect the scores."""
    if isinstance(real, Reference):
        size = None if real.shape is None else real.shape[1:]
        grey = None if real.shape is None else real.shape[0] == 1
    else:
        size, grey = real.image_size, real.is_grey
    remarks = []
    if size not in (None, generated.image_size):
        sizes = ["×".join(map(str, each)) for each in (size or (), generated.image_size)]
        remarks.append(
            f"the statistics are of images of {sizes[0]} pixels, these have {sizes[1]}: resizing "
            "counts as a difference"
        )
    if extractor.channels == 1 and not (generated.is_grey and grey):
        remarks.append(f"{extractor.name} converts images to grey: colours do not count")
    elif grey is not None and generated.is_grey != grey:
        kinds = ("grey", "in colour") if generated.is_grey else ("in colour", "grey")
        remarks.append(
            f"generated images are {kinds[0]}, real ones {kinds[1]}: that counts as a difference"
        )
    return {
        "size": generated.image_size,
        "real_size": size,
        "grey": generated.is_grey,
        "real_grey": grey,
        "remarks": remarks,
    }
