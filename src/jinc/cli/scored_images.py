"""The two sets that `jinc evaluate` compares: images that are there, and real ones like them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from rich.console import Console

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
from jinc.train import Run, TrainConfig

Resizing: TypeAlias = Literal["box", "bilinear", "bicubic", "lanczos"]

Real: TypeAlias = ImageSet | Reference
"""Real images, or their statistics."""

_SHAPING = ("image_size", "resize_filter", "skip_damaged", "max_pixels")

ReadReal: TypeAlias = Callable[[PixelModel | ImageSet, int], Real]
"""Reads real images at the size of others, of which there are so many, if these can be scored."""


def is_model(source: Path) -> bool:
    """Whether a path is a model, and not images."""
    names = ("config.yaml", "diffusion.json", "model_index.json")
    return not source.exists() or any((source / name).is_file() for name in names)


def read_images(source: Path, reading: Mapping[str, Any]) -> ImageSet:
    """Read images that are there: of `jinc sample` without the pictures of them beside.

    Args:
        source: a folder, an archive or a file.
        reading: how, as of `reading_of`, and `image_size`.

    Raises:
        JincError: they cannot be read, or are not square.
    """
    numbered = list_numbered(source) if source.is_dir() else None
    read = partial(load_images, str(source), split="all")
    if numbered is not None:
        read = partial(read_folder, numbered)
    console = Console(stderr=True)
    with decoding_progress(console) as report:
        found = read(**{name: reading[name] for name in _SHAPING}, progress=report)
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
    """Return how real images, or their statistics, are read once the other images are known.

    Real images keep their own colours, whether the others are grey or not.

    Args:
        against: images as `load_images` takes them, or a file of statistics.
        split: which part of the images.
        reading: how, as of `reading_of`.
        extractor: what will look at them.
        which: scores that are asked for.

    Raises:
        JincError: the statistics cannot be read.
    """
    if is_reference(against):
        return partial(_checked_reference, read_reference(against), extractor, which)

    def read(like: PixelModel | ImageSet, count: int) -> ImageSet:
        height, width = like.image_size
        size = height if height == width else None
        console = Console(stderr=True)
        with decoding_progress(console) as report:
            real = load_images(against, image_size=size, split=split, progress=report, **reading)
        check_scores(extractor, real, count, which)
        say_what_was_read(console, real.summary())
        return real

    return read


def _checked_reference(
    known: Reference,
    extractor: Extractor,
    which: tuple[ScoreKind, ...],
    like: PixelModel | ImageSet,
    count: int,
) -> Reference:
    blank = torch.zeros(1, like.channels, *like.image_size, dtype=torch.uint8)
    check_reference(extractor, known, blank, count, which)
    return known


def reading_of(
    source: Path, resize_filter: Resizing | None, max_pixels: int | None
) -> dict[str, Any]:
    """Return how real images are read: as asked, or as those that a run was trained on."""
    is_run = (source / "config.yaml").is_file()
    config = Run.open(source).config if is_run else TrainConfig()
    return {
        "resize_filter": resize_filter or config.resize_filter,
        "skip_first": config.skip_first,
        "max_pixels": max_pixels or config.max_pixels,
    }


def as_compared(generated: ImageSet, real: Real, judge: ExtractorFacts) -> dict[str, Any]:
    """Return in which size and colours two sets are compared, and what of it a reader must know.

    Args:
        generated: the images.
        real: what they are compared with.
        judge: the extractor.
    """
    if isinstance(real, Reference):
        size = None if real.shape is None else real.shape[1:]
        grey = None if real.shape is None else real.shape[0] == 1
    else:
        size, grey = real.image_size, real.is_grey
    found: dict[str, Any] = {"size": generated.image_size, "real_size": size}
    found |= {"grey": generated.is_grey, "real_grey": grey}
    return found | {"remarks": _remarks(judge, **found)}


def _remarks(
    judge: ExtractorFacts,
    *,
    size: tuple[int, int],
    real_size: tuple[int, int] | None,
    grey: bool,
    real_grey: bool | None,
) -> list[str]:
    said = []
    if real_size not in (None, size):
        sizes = ["×".join(map(str, each)) for each in (real_size or (), size)]
        said.append(
            f"the statistics are of images of {sizes[0]} pixels, these have {sizes[1]}: resizing "
            "counts as a difference"
        )
    if judge.channels == 1 and not (grey and real_grey):
        said.append(f"{judge.name} looks at grey images: colours do not count")
    elif real_grey is not None and grey != real_grey:
        kinds = ("grey", "in colour") if grey else ("in colour", "grey")
        said.append(
            f"generated images are {kinds[0]}, real ones {kinds[1]}: that counts as a difference"
        )
    return said
