"""`jinc evaluate`: scores of what a model generates, or of images that are there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jinc.cli.generated import generated_images, generation_facts
from jinc.cli.made import begin_results, check_results, made_facts
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
from jinc.train import Run, TrainConfig

Resizing: TypeAlias = Literal["box", "bilinear", "bicubic", "lanczos"]

Compared: TypeAlias = tuple[ImageSet, ImageSet, dict[str, Any] | None]
"""Images, real ones, and what the former were made with, where that is known."""

ReadReal: TypeAlias = Callable[[PixelModel | ImageSet], ImageSet]
"""Reads real images at the size of others."""

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
    resize_filter: Resizing | None = None,
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
        resize_filter: how they come to the size of the images; as in training, if not given, and
            bilinear for what is no run.
        features: who looks at the images: inception, which is downloaded once; or the path of its
            weights, of a CIFAR-10 ResNet's, or of a classifier of `jinc features train`; or
            torchscript:PATH. Only Inception's scores are called FID, KID and IS.
        only: which scores; all that these images allow, if not given.
        images: where generated images are kept; in the run, if not given.
        out: folder for scores.json, scores.md and neighbours.png; and made.json, what they were
            made with.
        neighbours: draw the images that are nearest to real ones, in neighbours.png of --out.
        json_: print JSON for machines.
        options: how images are generated.
    """
    options.check()
    names = ["scores.json", "scores.md", *["neighbours.png"] * neighbours]
    if out is not None:
        check_results(out, "scores", names)
    if neighbours and out is None:
        raise JincError("--neighbours: needs --out, a folder for the picture")
    extractor = open_extractor(features)
    reading = _reading(source, resize_filter) | {"split": split}
    if _is_model(source):
        compared = _of_model(source, images, options, partial(_real, against, reading))
    else:
        compared = _of_images(source, partial(_real, against, reading))
    if compared is None:  # another process does the rest
        return
    generated, real, made_with = compared
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
        judged = {"source": source, "against": against, "split": split, "features": features}
        begin_results(out, "scores", judged | {"made_with": made_with}, names)
        _write(out, found, made_with)
        if neighbours:
            _draw_neighbours(out / "neighbours.png", generated, real, of_made, of_real)
    if json_:
        facts = found.facts() | {"made_with": made_with}
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        return
    _print(found)
    if out is not None:
        print(f"scores: {out / 'scores.md'}")


def _of_model(
    source: Path, kept: Path | None, options: EvaluateOptions, read_real: ReadReal
) -> Compared | None:
    """Generate what is missing of a model's images; None for processes that only help."""
    model = options.open(source)
    real = read_real(model)  # before what may take hours
    generated = generated_images(source, model, kept, options)
    if generated is None:
        return None
    return generated, real, generation_facts(source, model, options)


def _of_images(source: Path, read_real: ReadReal) -> Compared:
    """Read images that are there: of `jinc sample` without the pictures of them beside."""
    numbered = list_numbered(source) if source.is_dir() else None
    with decoding_progress(Console(stderr=True)) as report:
        if numbered is not None:
            generated = read_folder(numbered, progress=report)
        else:
            generated = load_images(str(source), split="all", progress=report)
    return generated, read_real(generated), made_facts(source)


def _reading(source: Path, resize_filter: Resizing | None) -> dict[str, Any]:
    """Return how real images are read: as asked, or as those that a run was trained on."""
    is_run = (source / "config.yaml").is_file()
    config = Run.open(source).config if is_run else TrainConfig()
    return {
        "resize_filter": resize_filter or config.resize_filter,
        "skip_first": config.skip_first,
    }


def _real(against: str, reading: Mapping[str, Any], like: PixelModel | ImageSet) -> ImageSet:
    """Read the images that others are compared with, at their size."""
    height, width = like.image_size
    with decoding_progress(Console(stderr=True)) as report:
        return load_images(
            against,
            image_size=height if height == width else None,
            channels=like.channels,
            progress=report,
            **reading,
        )


def _is_model(source: Path) -> bool:
    """Whether something is a model, and not images."""
    names = ("config.yaml", "diffusion.json", "model_index.json")
    return not source.exists() or any((source / name).is_file() for name in names)


def _write(out: Path, found: Scores, made_with: Mapping[str, Any] | None) -> None:
    """Write the scores for machines and for documents."""
    facts = found.facts() | {"made_with": made_with}
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
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
