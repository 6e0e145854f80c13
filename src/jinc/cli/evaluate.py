"""`jinc evaluate`: score generated images, or images in files, against real ones."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from jinc.cli.features import AllowTorchScript, Filter
from jinc.cli.generated import generated_images
from jinc.cli.model_argument import RunOrModel
from jinc.cli.provenance import begin_results, check_results, generation_facts, read_provenance
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.score_tables import print_scores, write_scores
from jinc.cli.scored_images import (
    ReadReal,
    Real,
    comparison_facts,
    is_model,
    read_images,
    reading_of,
    real_reader,
)
from jinc.data import ImageSet, Split, save_png
from jinc.errors import JincError
from jinc.metrics import (
    Extractor,
    Features,
    Reference,
    ScoreKind,
    Scores,
    cached_features,
    features_of,
    is_reference,
    neighbours_by_features,
    open_extractor,
    score,
)
from jinc.report import neighbours_sheet

SHOWN = 8
"""Generated images drawn with their neighbours: those nearest to a real image."""

_OF_BOTH = ("number", "seed", "device")
"""Options that also apply to images in files, or are checked on their own."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(SamplingOptions):
    """How images are generated; `evaluate` itself has the option --number."""

    number: Annotated[int, Parameter(parse=False)] = 2000


DEFAULTS = EvaluateOptions()


class _Sets(NamedTuple):
    """The images to compare, and how the generated ones were made, if known."""

    generated: ImageSet
    real: Real
    provenance: dict[str, Any] | None


def evaluate(
    source: RunOrModel,
    /,
    *,
    against: str,
    split: Split = "train",
    resize_filter: Filter | None = None,
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
    options: Annotated[EvaluateOptions, Parameter(name="*")] = DEFAULTS,
) -> None:
    """Score images against real ones: FID, KID and others, each with its standard error.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models); or images: a
            folder, a ZIP or TAR archive, or a .npz file.
        against: real images, as `jinc train --data` takes them; or their feature statistics, a .npz
            file, with which only frechet and classes can be computed: by `jinc features
            statistics`, or by pytorch-fid, which does not store the feature network, so that the
            score is called Fréchet distance and not FID.
        split: split of the real images; those without splits are used whole.
        resize_filter: filter that resizes real images to the size of the others (default: that of
            training, or bilinear if the source is no run).
        image_size: only for images in files: resize them to squares of this side in pixels after a
            centre crop, by the same filter (default: no resizing; they must be square).
        skip_damaged: skip images that cannot be read, and count them.
        max_pixels: maximum pixels of an image, checked before decoding (default: as in training).
        features: feature network: inception, downloaded once; a path to weights of Inception, of a
            CIFAR-10 ResNet or of a classifier of `jinc features train`; or torchscript:PATH, with
            --allow-torchscript, and optionally ?channels=1&range=0,255&size=299 for its input. With
            features other than Inception's, scores are called Fréchet distance, kernel distance and
            class score.
        only: scores to compute: frechet (FID), frechet_unlimited (FID extrapolated to N → ∞),
            kernel (KID), classes (IS), precision, recall, density, coverage (default: all that
            these images allow).
        number: number of images to generate (default: 2000); images in files are all used.
        images: folder that stores generated images (default: in the run; of a model,
            out/MODEL/images).
        out: folder for scores.json, scores.md, provenance.json and neighbours.png.
        neighbours: draw the generated images nearest to real ones, in neighbours.png of --out.
        json_: print JSON.
        options: how images are generated.
    """
    options = options if number is None else replace(options, number=number)
    names = ["scores.json", "scores.md", *["neighbours.png"] * neighbours]
    if out is not None:
        check_results(out, "scores", names)
    if neighbours:
        _check_neighbours(against, out)
    if not is_model(source):
        _refuse_sampling(number, options)
    elif image_size is not None:
        raise JincError("--image-size: is for images in files; a model has a fixed size")
    extractor = open_extractor(features, allow_torchscript=allow_torchscript)
    reading = reading_of(source, resize_filter, max_pixels) | {"skip_damaged": skip_damaged}
    read_real = real_reader(against, split, reading, extractor, only)
    if is_model(source):
        sets = _generated(source, images, options, read_real)
    else:
        found = read_images(source, reading | {"image_size": image_size})
        sets = _Sets(found, read_real(found, len(found)), read_provenance(source))
    if sets is None:  # another process scores the images
        return
    scores, of_real, of_generated = _score(sets, extractor, only, options.seed)
    resized = {"image_size": image_size, "by": reading["resize_filter"]} if image_size else None
    aside = {"made_with": sets.provenance, "resized": resized}
    aside["compared"] = comparison_facts(sets.generated, sets.real, extractor.facts)
    read = _reading_facts(sets)
    if out is not None:
        judged = {"source": source, "against": against, "split": split, "features": features}
        begin_results(out, "scores", judged | aside, names)
        write_scores(out, scores, aside, read)
        if neighbours:
            _draw_neighbours(out / "neighbours.png", sets, of_generated, of_real)
    if json_:
        facts = scores.facts() | aside | {"read": read}
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        return
    print_scores(scores, aside)
    if out is not None:
        print(f"scores: {out / 'scores.md'}")


def _check_neighbours(against: str, out: Path | None) -> None:
    if out is None:
        raise JincError("--neighbours: needs --out, a folder for the picture")
    if is_reference(against):
        raise JincError(f"--neighbours: {against} holds statistics, not images")


def _refuse_sampling(number: int | None, options: EvaluateOptions) -> None:
    """Refuse options of sampling for images in files, which they would not change."""
    if number is not None:
        raise JincError("--number: is for models; images in files are all used")
    for field in fields(EvaluateOptions):
        if field.name in _OF_BOTH or getattr(options, field.name) == getattr(DEFAULTS, field.name):
            continue
        name = "prompt" if field.name == "prompts" else field.name.replace("_", "-")
        raise JincError(f"--{name}: is for models; images in files are used as they are")


def _generated(
    source: Path, stored: Path | None, options: EvaluateOptions, read_real: ReadReal
) -> _Sets | None:
    """Generate the images that are missing; None on processes other than the first."""
    model = options.open(source)
    real = read_real(model, options.number)  # which may fail, before sampling takes hours
    generated = generated_images(source, model, stored, options)
    if generated is None:
        return None
    plan = options.for_model(model)
    return _Sets(generated, real, generation_facts(source, plan, plan.count(model.timesteps)))


def _score(
    sets: _Sets, extractor: Extractor, only: tuple[ScoreKind, ...], seed: int
) -> tuple[Scores, Features | Reference, Features]:
    """Extract features with a progress bar, and score them; return the features too."""
    generated, real, _ = sets
    before = 0 if isinstance(real, Reference) else len(real)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("extracting features", total=before + len(generated))

        def show(done: int) -> None:
            bar.update(task, completed=done)

        of_real: Features | Reference = (
            real if isinstance(real, Reference) else cached_features(real, extractor, progress=show)
        )
        of_generated = features_of(generated, extractor, progress=lambda n: show(before + n))
        bar.update(task, description="scoring")
        return score(of_real, of_generated, only or None, seed=seed), of_real, of_generated


def _reading_facts(sets: _Sets) -> Mapping[str, Any]:
    """Return what was read of each set, for JSON."""
    facts = {"images": sets.generated.summary().facts()}
    if isinstance(sets.real, ImageSet):
        facts["against"] = sets.real.summary().facts()
    return facts


def _draw_neighbours(
    file: Path, sets: _Sets, of_generated: Features, of_real: Features | Reference
) -> None:
    """Draw the generated images nearest to real ones, beside these."""
    assert isinstance(of_real, Features)  # statistics have been refused
    assert isinstance(sets.real, ImageSet)
    found = neighbours_by_features(of_generated, of_real)
    nearest = found.distances[:, 0].argsort()[:SHOWN]
    shown = replace(found, distances=found.distances[nearest], places=found.places[nearest])
    save_png(file, neighbours_sheet(sets.generated.batch(nearest), sets.real, [shown]))
