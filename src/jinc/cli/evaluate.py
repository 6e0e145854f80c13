"""`jinc evaluate`: scores of what a model generates, or of images that are there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jinc.cli.generated import generated_images
from jinc.cli.places import check_folder, make_folder
from jinc.cli.progress import decoding_progress
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.data import ImageSet, list_numbered, load_images, read_folder, save_png
from jinc.errors import JincError
from jinc.files import writing
from jinc.metrics import (
    Features,
    Score,
    ScoreKind,
    Scores,
    cached_features,
    features_of,
    neighbours_by_features,
    open_extractor,
    score,
)
from jinc.models import PixelModel
from jinc.report import neighbours_sheet

SHOWN = 8
"""Generated images whose neighbours are drawn: those that are nearest to a training image."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(SamplingOptions):
    """How many images, and how they are generated.

    Args:
        number: how many images are generated; of images that are there, all are taken.
    """

    number: Annotated[int, Parameter(alias="-n")] = 2000


USUAL = EvaluateOptions()


def evaluate(
    source: Path,
    /,
    *,
    against: str,
    split: Literal["train", "test", "all"] = "train",
    features: str = "inception",
    only: Annotated[tuple[ScoreKind, ...], SEVERAL] = (),
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
        source: a run, a model folder, a folder of images, or a .npz file of images.
        against: real images, as `jinc train --data` takes them.
        split: which part of them.
        features: who looks at the images: inception, which is downloaded once; or the path of its
            weights, of a CIFAR-10 ResNet's, or of a classifier of `jinc features train`; or
            torchscript:PATH. Only Inception's scores are called FID, KID and IS.
        only: which scores; all that these images allow, if not given.
        images: where generated images are kept; in the run, if not given.
        out: folder for scores.json, scores.md and neighbours.png.
        neighbours: draw the images that are nearest to real ones, in neighbours.png of --out.
        json_: print JSON for machines.
        options: how images are generated.
    """
    options.check()
    if out is not None:
        check_folder(out)
    if neighbours and out is None:
        raise JincError("--neighbours: needs --out, a folder for the picture")
    extractor = open_extractor(features)
    generated: ImageSet | None
    if _is_model(source):
        model = options.open(source)
        real = _real(against, split, model)  # before what may take hours
        generated = generated_images(source, model, images, options)
    else:
        generated = there = _read(source)
        real = _real(against, split, there)
    if generated is None:  # another process does the rest
        return
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("looking at images", total=len(real) + len(generated))
        of_real = cached_features(real, extractor, progress=lambda n: bar.update(task, completed=n))
        of_made = features_of(
            generated,
            extractor,
            progress=lambda n: bar.update(task, completed=len(real) + n),
        )
        bar.update(task, description="scoring")
        found = score(of_real, of_made, only or None, seed=options.seed)
    if out is not None:
        make_folder(out)
        _write(out, found)
        if neighbours:
            _draw_neighbours(out / "neighbours.png", generated, real, of_made, of_real)
    if json_:
        print(json.dumps(found.facts(), ensure_ascii=False, allow_nan=False))
        return
    _print(found)
    if out is not None:
        print(f"scores: {out / 'scores.md'}")


def _read(source: Path) -> ImageSet:
    """Read images that are there."""
    numbered = list_numbered(source) if source.is_dir() else None
    with decoding_progress(Console(stderr=True)) as report:
        if numbered is not None:  # images of jinc sample, with pictures of them beside
            return read_folder(numbered, progress=report)
        return load_images(str(source), split="all", progress=report)


def _real(against: str, split: str, like: PixelModel | ImageSet) -> ImageSet:
    """Read the images that others are compared with, at their size."""
    height, width = like.image_size
    with decoding_progress(Console(stderr=True)) as report:
        return load_images(
            against,
            image_size=height if height == width else None,
            channels=like.channels,
            split=split,
            progress=report,
        )


def _is_model(source: Path) -> bool:
    """Whether something is a model, and not images."""
    names = ("config.yaml", "diffusion.json", "model_index.json")
    return not source.exists() or any((source / name).is_file() for name in names)


def _write(out: Path, found: Scores) -> None:
    """Write the scores for machines and for documents."""
    text = json.dumps(found.facts(), indent=2, ensure_ascii=False, allow_nan=False)
    for name, words in (("scores.json", text + "\n"), ("scores.md", _markdown(found))):
        with writing(out / name) as file:
            file.write(words.encode())


def _draw_neighbours(
    file: Path, generated: ImageSet, real: ImageSet, made: Features, of_real: Features
) -> None:
    """Draw the generated images that are nearest to real ones, beside these."""
    found = neighbours_by_features(made, of_real)
    nearest = found.distances[:, 0].argsort()[:SHOWN]
    few = type(found)(found.by, found.distances[nearest], found.places[nearest], found.usual)
    save_png(file, neighbours_sheet(generated.batch(nearest), real, [few]))


def _markdown(found: Scores) -> str:
    lines = ["| score | | value | error |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(found.scores)]
    return "\n".join([*lines, "", *_notes(found)]) + "\n"


def _rows(scores: Mapping[ScoreKind, Score]) -> list[tuple[str, str, str, str]]:
    return [
        (
            each.name,
            "lower is better" if each.lower_is_better else "higher is better",
            f"{each.value:.4g}",
            f"± {each.error:.2g} ({each.error_by})",
        )
        for each in scores.values()
    ]


def _notes(found: Scores) -> list[str]:
    """Say what the scores depend on, and which there are not."""
    made, real = found.generated, found.real
    notes = [
        f"{made['images']} images of {made['name']} against {real['images']} of {real['name']}; "
        f"{found.extractor.words()}"
    ]
    return notes + [f"left out: {kind}: {why}" for kind, why in found.left_out.items()]


def _print(found: Scores) -> None:
    shown = Table()
    for head in ("score", "", "value", "error"):
        shown.add_column(head, justify="right" if head == "value" else "left")
    for row in _rows(found.scores):
        shown.add_row(*row)
    Console().print(shown)
    print("\n".join(_notes(found)))
