"""`jinc evaluate`: scores of what a model generates, or of images that are there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from jinc.cli.generated import generated_images, generation_facts
from jinc.cli.made import begin_results, check_results, made_facts
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.score_tables import print_scores, write_scores
from jinc.data import ImageSet, Split, list_numbered, load_images, read_folder, save_png
from jinc.errors import JincError
from jinc.metrics import (
    Extractor,
    Features,
    Reference,
    ScoreKind,
    cached_features,
    check_reference,
    check_scores,
    features_of,
    is_reference,
    neighbours_by_features,
    open_extractor,
    read_reference,
    score,
)
from jinc.models import PixelModel
from jinc.report import neighbours_sheet
from jinc.train import Run, TrainConfig

Resizing: TypeAlias = Literal["box", "bilinear", "bicubic", "lanczos"]

Real: TypeAlias = ImageSet | Reference
"""Real images, or what is known of them."""

Compared: TypeAlias = tuple[ImageSet, Real, dict[str, Any] | None]
"""Images, real ones, and what the former were made with, where that is known."""

ReadReal: TypeAlias = Callable[[PixelModel | ImageSet, int], Real]
"""Reads real images at the size of others, of which there are so many, if these can be scored."""

_SHAPING = ("image_size", "resize_filter", "skip_damaged", "max_pixels")
SHOWN = 8
"""Generated images whose neighbours are drawn: those that are nearest to a training image."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(SamplingOptions):
    """How images are generated.

    Args:
        number: of them; `evaluate` itself asks for it, since images that are there have a number.
    """

    number: Annotated[int, Parameter(parse=False)] = 2000


USUAL = EvaluateOptions()


def evaluate(
    source: Path,
    /,
    *,
    against: str,
    split: Split = "train",
    resize_filter: Resizing | None = None,
    image_size: int | None = None,
    skip_damaged: Annotated[bool, Parameter(negative=())] = False,
    max_pixels: int | None = None,
    features: str = "inception",
    only: Annotated[tuple[ScoreKind, ...], SEVERAL] = (),
    number: Annotated[int | None, Parameter(alias="-n")] = None,
    images: Path | None = None,
    out: Path | None = None,
    neighbours: Annotated[bool, Parameter(negative=())] = False,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[EvaluateOptions, Parameter(name="*")] = USUAL,
) -> None:
    """Score images against real ones: FID, KID and others, each with its error.

    What is generated is kept, so that a call that was interrupted is taken up again, and more
    images can be asked for. `torchrun --nproc-per-node N -m jinc evaluate …` shares the work.

    Args:
        source: a run, a model folder, or images: a folder, a ZIP or TAR archive, or a .npz file.
        against: real images, as `jinc train --data` takes them; or their statistics, a .npz file
            of `jinc features statistics`, which allows FID and IS alone; or of pytorch-fid, whose
            distance is not called FID, for it does not say who looked.
        split: which part of them.
        resize_filter: how they come to the size of the images; as in training, if not given, and
            bilinear for what is no run.
        image_size: pixels a side that images which are there are brought to, after a centred square
            crop, by the same filter; they have to be squares of one size, if not given.
        skip_damaged: leave out images that cannot be read, and count them.
        max_pixels: the most pixels that an image may have, checked before it is decoded; as
            in training, if not given.
        features: who looks at the images: inception, which is downloaded once; or the path of its
            weights, of a CIFAR-10 ResNet's, or of a classifier of `jinc features train`; or
            torchscript:PATH, perhaps with ?channels=1&range=0,255&size=299, what it takes. Only
            Inception's scores are called FID, KID and IS.
        only: which scores; all that these images allow, if not given.
        number: how many images are generated, 2000 if not given; images that are there are all
            taken.
        images: where generated images are kept; in the run, if not given.
        out: folder for scores.json, scores.md and neighbours.png; and made.json, what they were
            made with.
        neighbours: draw the images that are nearest to real ones, in neighbours.png of --out.
        json_: print JSON for machines.
        options: how images are generated.
    """
    if number is not None:
        options = replace(options, number=number)
    options.check()
    names = ["scores.json", "scores.md", *["neighbours.png"] * neighbours]
    if out is not None:
        check_results(out, "scores", names)
    if neighbours and out is None:
        raise JincError("--neighbours: needs --out, a folder for the picture")
    is_model = _is_model(source)
    _refuse_unused(is_model, number, image_size)
    extractor = open_extractor(features)
    reading = _reading(source, resize_filter, max_pixels) | {"skip_damaged": skip_damaged}
    read_real: ReadReal
    if is_reference(against):
        if neighbours:
            raise JincError(f"--neighbours: {against} holds statistics, and no images")
        read_real = partial(_reference, read_reference(against), extractor, only)
    else:
        check = partial(check_scores, extractor, which=only)
        read_real = partial(_real, against, reading | {"split": split}, check)
    if is_model:
        compared = _of_model(source, images, options, read_real)
    else:
        shaped = reading | {"image_size": image_size}
        compared = _of_images(source, shaped, read_real)
    if compared is None:  # another process does the rest
        return
    generated, real, made_with = compared
    with Progress(console=Console(stderr=True)) as bar:
        before = 0 if isinstance(real, Reference) else len(real)
        task = bar.add_task("looking at images", total=before + len(generated))
        of_real: Features | Reference = (
            real
            if isinstance(real, Reference)
            else cached_features(real, extractor, progress=lambda n: bar.update(task, completed=n))
        )
        of_made = features_of(
            generated,
            extractor,
            progress=lambda n: bar.update(task, completed=before + n),
        )
        bar.update(task, description="scoring")
        found = score(of_real, of_made, only or None, seed=options.seed)
    resized = {"image_size": image_size, "by": reading["resize_filter"]} if image_size else None
    aside = {"made_with": made_with, "resized": resized}
    read = {"images": generated.summary().facts()}
    if isinstance(real, ImageSet):
        read["against"] = real.summary().facts()
    if out is not None:
        judged = {"source": source, "against": against, "split": split, "features": features}
        begin_results(out, "scores", judged | aside, names)
        write_scores(out, found, aside, read)
        if neighbours and isinstance(real, ImageSet) and isinstance(of_real, Features):
            _draw_neighbours(out / "neighbours.png", generated, real, of_made, of_real)
    if json_:
        facts = found.facts() | aside | {"read": read}
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        return
    print_scores(found, aside)
    if out is not None:
        print(f"scores: {out / 'scores.md'}")


def _refuse_unused(is_model: bool, number: int | None, image_size: int | None) -> None:
    """Refuse what is said of images that there are not."""
    if is_model and image_size is not None:
        raise JincError("--image-size: is for images that are there, a model has a size of its own")
    if not is_model and number is not None:
        raise JincError("--number: is for models, images that are there are all taken")


def _of_model(
    source: Path, kept: Path | None, options: EvaluateOptions, read_real: ReadReal
) -> Compared | None:
    """Generate what is missing of a model's images; None for processes that only help."""
    model = options.open(source)
    real = read_real(model, options.number)  # before what may take hours
    generated = generated_images(source, model, kept, options)
    if generated is None:
        return None
    return generated, real, generation_facts(source, model, options)


def _of_images(source: Path, reading: Mapping[str, Any], read_real: ReadReal) -> Compared:
    """Read images that are there: of `jinc sample` without the pictures of them beside."""
    read = partial(load_images, str(source), split="all")
    numbered = list_numbered(source) if source.is_dir() else None
    console = Console(stderr=True)
    with decoding_progress(console) as report:
        if numbered is not None:
            read = partial(read_folder, numbered)
        generated = read(**{name: reading[name] for name in _SHAPING}, progress=report)
    height, width = generated.image_size
    if height != width:
        raise JincError(f"{source}: {width}x{height} pixels are not square; set image_size")
    real = read_real(generated, len(generated))
    say_what_was_read(console, generated.summary())
    return generated, real, made_facts(source)


def _reading(
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


def _real(
    against: str,
    reading: Mapping[str, Any],
    check: Callable[[ImageSet, int], None],
    like: PixelModel | ImageSet,
    count: int,
) -> ImageSet:
    """Read the images that others are compared with, at their size, and check that they can be."""
    height, width = like.image_size
    console = Console(stderr=True)
    with decoding_progress(console) as report:
        real = load_images(
            against,
            image_size=height if height == width else None,
            channels=like.channels,
            progress=report,
            **reading,
        )
    check(real, count)
    say_what_was_read(console, real.summary())
    return real


def _reference(
    known: Reference,
    extractor: Extractor,
    which: tuple[ScoreKind, ...],
    like: PixelModel | ImageSet,
    count: int,
) -> Reference:
    """Check that others can be compared with statistics."""
    blank = torch.zeros(1, like.channels, *like.image_size, dtype=torch.uint8)
    check_reference(extractor, known, blank, count, which)
    return known


def _is_model(source: Path) -> bool:
    """Whether something is a model, and not images."""
    names = ("config.yaml", "diffusion.json", "model_index.json")
    return not source.exists() or any((source / name).is_file() for name in names)


def _draw_neighbours(
    file: Path, generated: ImageSet, real: ImageSet, made: Features, of_real: Features
) -> None:
    """Draw the generated images that are nearest to real ones, beside these."""
    found = neighbours_by_features(made, of_real)
    nearest = found.distances[:, 0].argsort()[:SHOWN]
    few = type(found)(found.by, found.distances[nearest], found.places[nearest], found.usual)
    save_png(file, neighbours_sheet(generated.batch(nearest), real, [few]))
