"""`jinc illusion`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import torch
from cyclopts import App, Parameter

from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.results import Results
from jinc.cli.sampling import SAMPLING, SEVERAL
from jinc.cli.stages import FPS, IllusionOptions, Stages
from jinc.data import save_animation, save_images, save_png
from jinc.diffusion import (
    Reduction,
    Schedule,
    View,
    alternating,
    low_pass,
    mean,
    sum_preserving,
    view_by_name,
)
from jinc.errors import JincError, counted
from jinc.models import Anagram, Composition, Hybrid, HybridKind, PixelModel
from jinc.report import Frame, enlarged_sheet, fade_film, view_film
from jinc.types import Images

app = App(name="illusion", help="Generate visual anagrams and hybrid images.")

Options = Annotated[IllusionOptions, Parameter(name="*", group=SAMPLING)]

DEFAULTS = IllusionOptions()

ReductionName: TypeAlias = Literal["mean", "sum", "alternating"]


@app.command(name="anagram")
def make_anagram(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    view: Annotated[tuple[str, ...], SEVERAL] = ("identity", "rotate 180"),
    reduction: ReductionName = "mean",
    options: Options = DEFAULTS,
) -> None:
    """Generate visual anagrams: images that show something else when rotated or rearranged.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for the images (000000.png …), sheet.png with all their views, and
            provenance.json (default: out/MODEL/anagram).
        view: orthogonal transforms, one for each prompt: identity, "rotate 37" (degrees,
            counter-clockwise), hflip, vflip, "puzzle 4", square_hinge, inner_circle, skew,
            negate and others, which an unknown name lists; "then" composes several.
        reduction: how the predictions of all views are combined: mean; sum, the mean rescaled to
            the variance of the noise; or alternating, one view per step.
        options: prompts, and how images are generated.
    """
    out = out or results_folder(source, "anagram")
    results = Results(out, "illusions", options, options.names)
    views = views_of(view)
    model = options.open(source)
    stages = anagrams(model, views, reduction, options)
    names = [each.name for each in views]
    results.describe(source, stages.plan, stages.steps, views=names, reduction=reduction)
    images = stages.generate(results)
    views = [each.enlarged(stages.factor) for each in views]
    films = view_film(images, views) if options.animation else []
    labels = [f"{name}: {prompt}" for name, prompt in zip(names, options.prompts, strict=True)]
    _save(results, options, images, [each(images) for each in views], labels, films)


def anagrams(
    model: PixelModel, views: Sequence[View], reduction: ReductionName, options: IllusionOptions
) -> Stages:
    """Return the stages of visual anagrams.

    Raises:
        JincError: the model or the sampler cannot follow the options.
    """
    if reduction == "alternating" and not options.shared_level:
        reason = f"{options.sampler} gives each image its own noise level"
        raise JincError(f"--reduction: alternating needs one level for all, but {reason}; use mean")

    def compose(schedule: Schedule, levels: list[int], factor: int) -> Composition:
        reductions: dict[str, Reduction] = {
            "mean": mean(),
            "sum": sum_preserving(schedule),
            "alternating": alternating(levels),
        }
        height, width = model.image_size
        return Anagram(
            views=_enlarged(views, factor, (factor * height, factor * width)),
            reduce=reductions[reduction],
        )

    return Stages.open(model, compose, options)


@app.command(name="hybrid")
def make_hybrid(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    by: HybridKind = "distance",
    std: float = 2.0,
    options: Options = DEFAULTS,
) -> None:
    """Generate hybrid images, different from afar or in greyscale (factorised diffusion).

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for the images (000000.png …), sheet.png with what is seen in each, and
            provenance.json (default: out/MODEL/hybrid).
        by: how the image is split: distance (low and high frequencies), colour (grey and colour),
            or three (low, middle and high frequencies).
        std: standard deviation of the Gaussian low-pass filter, in pixels of the generated image,
            before --second.
        options: a prompt for each part, from afar to near, and how images are generated.
    """
    if not 0 < std < float("inf"):
        raise JincError(f"--std: {std} is not a finite number above 0")
    out = out or results_folder(source, "hybrid")
    results = Results(out, "illusions", options, options.names)
    model = options.open(source)
    if by == "colour" and model.channels == 1:
        raise JincError("--by: colour needs a colour model; this one is greyscale")

    def compose(_: Schedule, __: list[int], factor: int) -> Composition:
        return Hybrid(kind=by, std_px=factor * std)

    stages = Stages.open(model, compose, options)
    results.describe(source, stages.plan, stages.steps, by=by, std=std)
    images = stages.generate(results)
    std *= stages.factor
    grey = images.mean(1, keepdim=True).expand_as(images)
    seen = {
        "distance": [low_pass(std)(images), images],
        "colour": [grey, images],
        "three": [low_pass(1.5 * std)(images), low_pass(std / 2)(images), images],
    }[by]
    films = fade_film(seen) if options.animation else []
    _save(results, options, images, seen, options.prompts, films)


def views_of(names: Sequence[str]) -> list[View]:
    """Return views by their names; raise a JincError for an unknown one."""
    try:
        return [view_by_name(name) for name in names]
    except JincError as error:
        raise JincError(f"--view: {str(error).removeprefix('view: ')}") from None


def _enlarged(views: Sequence[View], factor: int, size: tuple[int, int]) -> list[View]:
    """Return the views of larger images.

    Raises:
        JincError: one does not apply to images of that size.
    """
    enlarged = [each.enlarged(factor) for each in views]
    for each in enlarged:
        try:
            each(torch.zeros(1, 1, *size))
        except JincError as error:
            raise JincError(f"--view: {each.name}: {error}") from None
    return enlarged


def _save(
    results: Results,
    options: IllusionOptions,
    images: Images,
    seen: Sequence[Images],
    labels: Sequence[str],
    films: Sequence[Sequence[Frame]],
) -> None:
    """Save images, a sheet of all that is seen in them, and animations; and report them."""
    out = results.folder()
    save_images(out, images)
    rows = [str(number) for number in range(len(images))]
    save_png(out / "sheet.png", enlarged_sheet(torch.stack([*seen], 1), rows, labels))
    for name, film in zip(options.animations, films, strict=True):
        save_animation(out / name, film, FPS)
    line = f"{counted(len(images), 'images')}: {out}, with all views in {out / 'sheet.png'}"
    results.report(line, {"images": len(images), "seen": list(labels)})
