"""`jinc illusion`: pictures that are several things at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from cyclopts import App, Parameter

from jinc.cli.outputs import enlarged_sheet
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.sampling import SEVERAL
from jinc.cli.stages import Stages
from jinc.cli.watching import Watch, WatchedOptions
from jinc.data import check_animation, numbered_name, save_animation, save_images, save_png
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
from jinc.errors import JincError
from jinc.models import Anagram, Composition, Hybrid, HybridKind
from jinc.report import Frame, fade_film, view_film
from jinc.types import Images

MOST = 400
"""Pictures of one call; they are laid out on one sheet."""
FPS = 12
"""Frames a second of an animation."""

app = App(name="illusion", help="Generate pictures that are several things at once.")


@dataclass(frozen=True, kw_only=True)
class IllusionOptions(WatchedOptions):
    """What is to be seen.

    Args:
        prompts: what is seen, one for each view, distance or part: classes by name or number, or
            texts.
        number: how many pictures, up to 400.
        second: a second stage, which enlarges the pictures so that they stay illusions: an
            upscaler, such as DeepFloyd/IF-II-M-v1.0.
        level: steps of noise on the small pictures, for the second stage to improve on them; if
            not given, a twentieth of all for DeepFloyd IF, and 0 for others.
        animation: how the picture becomes the other one, an animation for each picture.
        json_: print JSON for machines.
    """

    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    number: Annotated[int, Parameter(alias="-n")] = 8
    second: Path | None = None
    level: int | None = None
    animation: Literal["gif", "webp", "apng", "mp4"] | None = None
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    def __post_init__(self) -> None:
        """Refuse a number out of its range, and a kind of animation that cannot be written."""
        super().__post_init__()
        if self.number > MOST:
            raise JincError(f"--number: {self.number:,} is not from 1 to {MOST}")
        if self.animation is not None:
            check_animation(Path(f"--animation.{self.animation}"), FPS)

    @property
    def animations(self) -> list[str]:
        """The files of the animations."""
        names = map(numbered_name, range(self.number if self.animation else 0))
        return [str(Path(name).with_suffix(f".{self.animation}")) for name in names]

    @property
    def names(self) -> list[str]:
        """All files that will be written."""
        images = map(numbered_name, range(self.number))
        return [*images, "sheet.png", *self.animations, *self.pictures]


Options = Annotated[IllusionOptions, Parameter(name="*")]

USUAL = IllusionOptions()


@app.command(name="anagram")
def make_anagram(
    source: Path,
    /,
    *,
    out: Path,
    view: Annotated[tuple[str, ...], SEVERAL] = ("identity", "rotate 180"),
    reduction: Literal["mean", "sum", "alternating"] = "mean",
    options: Options = USUAL,
) -> None:
    """Generate pictures that are something else when they are turned, mirrored or rearranged.

    Args:
        source: a run folder, or a model folder.
        out: folder for the pictures, 000000.png and on, and sheet.png with all views of them.
        view: orthogonal maps, such as identity, "rotate 37", hflip, "puzzle 4", square_hinge,
            inner_circle, skew, negate; "then" joins several.
        reduction: how the predictions through the views are joined: their mean; the mean, scaled to
            the amplitude of noise; or one of them in turn.
        options: what is seen through each view, and how it is generated.
    """
    check_results(out, "illusions", options.names)
    try:
        views = [view_by_name(name) for name in view]
    except JincError as error:
        raise JincError(f"--view: {str(error).removeprefix('view: ')}") from None
    if reduction == "alternating" and options.sampler == "adaptive":
        raise JincError("--reduction: alternating goes by levels, adaptive has none in common")
    model = options.open(source)

    def compose(schedule: Schedule, levels: list[int], factor: int) -> Composition:
        joins: dict[str, Reduction] = {
            "mean": mean(),
            "sum": sum_preserving(schedule),
            "alternating": alternating(levels),
        }
        height, width = model.image_size
        seen = _checked(views, factor, (factor * height, factor * width))
        return Anagram(views=seen, reduce=joins[reduction])

    stages = Stages.open(model, options.second, options.level, compose, options)
    names = [each.name for each in views]
    facts = generation_facts(source, stages.plan, stages.steps)
    facts |= {"views": names, "reduction": reduction}
    images, watch = stages.generate(options)
    views = [each.enlarged(stages.factor) for each in views]
    words = [f"{name}: {prompt}" for name, prompt in zip(names, options.prompts, strict=True)]
    films = view_film(images, views) if options.animation else []
    _write(out, facts, [each(images) for each in views], images, films, words, watch, options)


@app.command(name="hybrid")
def make_hybrid(
    source: Path,
    /,
    *,
    out: Path,
    by: HybridKind = "distance",
    std: float = 2.0,
    options: Options = USUAL,
) -> None:
    """Generate pictures that are something else from afar, or without their colours.

    Args:
        source: a run folder, or a model folder.
        out: folder for the pictures, 000000.png and on, and sheet.png with all that is seen.
        by: what divides the picture: distance, into far and near; colour, into grey and colour;
            or distance into three: far, nearer, near.
        std: of the Gaussian blur that stands for distance, pixels of the first stage.
        options: what is seen, from afar to close by, and how it is generated.
    """
    if not 0 < std < float("inf"):
        raise JincError(f"--std: {std} is not a finite number above 0")
    check_results(out, "illusions", options.names)
    model = options.open(source)
    if by == "colour" and model.channels == 1:
        raise JincError("--by: colour needs a model of colour images; this one makes grey ones")

    def compose(_: Schedule, __: list[int], factor: int) -> Composition:
        return Hybrid(kind=by, std_px=factor * std)

    stages = Stages.open(model, options.second, options.level, compose, options)
    facts = generation_facts(source, stages.plan, stages.steps) | {"by": by, "std": std}
    images, watch = stages.generate(options)
    std *= stages.factor
    grey = images.mean(1, keepdim=True).expand_as(images)
    seen = {
        "distance": [low_pass(std)(images), images],
        "colour": [grey, images],
        "three": [low_pass(1.5 * std)(images), low_pass(std / 2)(images), images],
    }[by]
    films = fade_film(seen) if options.animation else []
    _write(out, facts, seen, images, films, options.prompts, watch, options)


def _checked(views: Sequence[View], factor: int, size: tuple[int, int]) -> list[View]:
    """Return views of larger images, which can be looked through.

    Raises:
        JincError: one of them cannot.
    """
    enlarged = [each.enlarged(factor) for each in views]
    for each in enlarged:
        try:
            each(torch.zeros(1, 1, *size))
        except JincError as error:
            raise JincError(f"--view: {each.name}: {error}") from None
    return enlarged


def _write(
    out: Path,
    facts: Mapping[str, Any],
    seen: Sequence[Images],
    images: Images,
    films: Sequence[Sequence[Frame]],
    words: Sequence[str],
    watch: Watch,
    options: IllusionOptions,
) -> None:
    """Write the pictures, a sheet of all that is seen in them, and how they move."""
    begin_results(out, "illusions", facts, options.names)
    save_images(out, images)
    rows = [str(number) for number in range(len(images))]
    save_png(out / "sheet.png", enlarged_sheet(torch.stack([*seen], 1), rows, words))
    for name, film in zip(options.animations, films, strict=True):
        save_animation(out / name, film, FPS)
    watch.write(out)
    if options.json_:
        written = [str(out / name) for name in options.names]
        print(json.dumps({"images": len(images), "seen": list(words), "written": written}))
        return
    print(f"{len(images)} pictures: {out}, and what is seen in them: {out / 'sheet.png'}")
