"""`jinc evaluate`: scores of what a model generates, or of images that are there."""

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from jinc.cli.generated import generated_images
from jinc.cli.provenance import (
    begin_results,
    check_results,
    generation_facts,
    read_provenance,
)
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.score_tables import print_scores, write_scores
from jinc.cli.scored_images import (
    ReadReal,
    Real,
    Resizing,
    as_compared,
    is_model,
    read_images,
    reading_of,
    real_reader,
)
from jinc.cli.torchscript import AllowTorchScript
from jinc.data import ImageSet, Split, save_png
from jinc.errors import JincError
from jinc.metrics import (
    Features,
    Reference,
    ScoreKind,
    cached_features,
    features_of,
    is_reference,
    neighbours_by_features,
    open_extractor,
    score,
)
from jinc.report import neighbours_sheet

Compared: TypeAlias = tuple[ImageSet, Real, dict[str, Any] | None]
"""Images, real ones, and what the former were made with, where that is known."""

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
    allow_torchscript: AllowTorchScript = False,
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
        features: the network that extracts features: inception, which is downloaded once; the path
            of its weights, of a CIFAR-10 ResNet's, or of a classifier of `jinc features train`; or
            torchscript:PATH, a program that you trust (--allow-torchscript), perhaps with
            ?channels=1&range=0,255&size=299, its input. Only Inception's scores are called FID, KID
            and IS.
        allow_torchscript: run the program of --features torchscript:PATH, which can write files
            and take all memory. Only the command line sets it, no settings file and no study.
        only: which scores; all that these images allow, if not given.
        number: how many images are generated, 2000 if not given; images that are there are all
            taken.
        images: where generated images are kept; in the run, if not given.
        out: folder for scores.json, scores.md, neighbours.png and provenance.json.
        neighbours: draw the images that are nearest to real ones, in neighbours.png of --out.
        json_: print JSON for machines.
        options: how images are generated.
    """
    if number is not None:
        options = replace(options, number=number)
    names = ["scores.json", "scores.md", *["neighbours.png"] * neighbours]
    if out is not None:
        check_results(out, "scores", names)
    if neighbours and out is None:
        raise JincError("--neighbours: needs --out, a folder for the picture")
    if neighbours and is_reference(against):
        raise JincError(f"--neighbours: {against} holds statistics, and no images")
    generates = is_model(source)
    _refuse_unused(generates, number, image_size, options)
    extractor = open_extractor(features, allow_torchscript=allow_torchscript)
    reading = reading_of(source, resize_filter, max_pixels) | {"skip_damaged": skip_damaged}
    read_real = real_reader(against, split, reading, extractor, only)
    compared: Compared | None
    if generates:
        compared = _of_model(source, images, options, read_real)
    else:
        made = read_images(source, reading | {"image_size": image_size})
        compared = made, read_real(made, len(made)), read_provenance(source)
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
    aside["compared"] = as_compared(generated, real, extractor.facts)
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


def _refuse_unused(
    generates: bool, number: int | None, image_size: int | None, options: EvaluateOptions
) -> None:
    """Refuse options that would change nothing."""
    if generates and image_size is not None:
        raise JincError("--image-size: is for images that are there, a model has a size of its own")
    if generates:
        return
    if number is not None:
        raise JincError("--number: is for models, images that are there are all taken")
    for field in fields(EvaluateOptions):
        given = getattr(options, field.name) != getattr(USUAL, field.name)
        if given and field.name not in ("number", "seed", "device"):
            name = "prompt" if field.name == "prompts" else field.name.replace("_", "-")
            raise JincError(f"--{name}: is for models, images that are there are taken as they are")


def _of_model(
    source: Path, kept: Path | None, options: EvaluateOptions, read_real: ReadReal
) -> Compared | None:
    """Generate what is missing of a model's images; None for processes that only help."""
    model = options.open(source)
    real = read_real(model, options.number)  # before what may take hours
    generated = generated_images(source, model, kept, options)
    if generated is None:
        return None
    plan = options.for_model(model)
    return generated, real, generation_facts(source, plan, plan.count(model.timesteps))


def _draw_neighbours(
    file: Path, generated: ImageSet, real: ImageSet, made: Features, of_real: Features
) -> None:
    """Draw the generated images that are nearest to real ones, beside these."""
    found = neighbours_by_features(made, of_real)
    nearest = found.distances[:, 0].argsort()[:SHOWN]
    few = type(found)(found.by, found.distances[nearest], found.places[nearest], found.usual)
    save_png(file, neighbours_sheet(generated.batch(nearest), real, [few]))
