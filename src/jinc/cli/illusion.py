"""`jinc illusion`: pictures that are several things at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from cyclopts import App, Parameter
from torch import Tensor

from jinc.cli.generated import generation_facts
from jinc.cli.made import begin_results, check_results
from jinc.cli.outputs import enlarged_sheet
from jinc.cli.sampling import SEVERAL
from jinc.cli.watching import Watch, WatchedOptions
from jinc.data import numbered_name, save_images, save_png
from jinc.diffusion import Reduction, alternating, low_pass, mean, sum_preserving, view_by_name
from jinc.errors import JincError
from jinc.models import CHUNK, Anagram, Hybrid, HybridKind, PixelModel, generate_images
from jinc.models.generation.shaping import Asking

app = App(name="illusion", help="Generate pictures that are several things at once.")


@dataclass(frozen=True, kw_only=True)
class IllusionOptions(WatchedOptions):
    """What is to be seen.

    Args:
        prompts: what is seen, one for each view, distance or part: classes by name or number, or
            texts.
        number: how many pictures.
        json_: print JSON for machines.
    """

    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    number: Annotated[int, Parameter(alias="-n")] = 8
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False


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
        view: orthogonal maps, such as identity, "rotate 37", hflip, "puzzle 4", negate; "then"
            joins several.
        reduction: how what is predicted through the views is joined: their mean; the mean, made as
            loud as noise is; or one of them in turn.
        options: what is seen through each view, and how it is generated.
    """
    options.check()
    check_results(out, "illusions", _names(options))
    try:
        views = [view_by_name(name) for name in view]
    except JincError as error:
        raise JincError(f"--view: {error}") from None
    if reduction == "alternating" and options.sampler == "adaptive":
        raise JincError("--reduction: alternating goes by levels, adaptive has none in common")
    model = options.open(source)
    for each in views:
        try:
            each(torch.zeros(1, model.channels, *model.image_size))
        except JincError as error:
            raise JincError(f"--view: {each.name}: {error}") from None
    levels = options.levels(model.schedule)
    joins: dict[str, Reduction] = {
        "mean": mean(),
        "sum": sum_preserving(model.schedule),
        "alternating": alternating(levels),
    }
    try:
        asking = Anagram(
            views=views, shaping=options.shaping(model, usual=()), reduce=joins[reduction]
        )
    except JincError as error:
        raise _named(error) from None
    names = [each.name for each in views]
    facts = generation_facts(source, model, options) | {"views": names, "reduction": reduction}
    images, written = _generate(model, asking, levels, out, facts, options)
    seen = torch.stack([each(images) for each in views], 1)
    words = [f"{name}: {prompt}" for name, prompt in zip(names, options.prompts, strict=True)]
    _conclude(out, images, seen, words, written, options)


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
        std: of the Gaussian blur that stands for distance, pixels.
        options: what is seen, from afar to close by, and how it is generated.
    """
    options.check()
    if not 0 < std < float("inf"):
        raise JincError(f"--std: {std} is not a finite number above 0")
    check_results(out, "illusions", _names(options))
    model = options.open(source)
    if by == "colour" and model.channels == 1:
        raise JincError("--by: colour needs a model of colour images; this one makes grey ones")
    try:
        asking = Hybrid(shaping=options.shaping(model, usual=()), kind=by, std_px=std)
    except JincError as error:
        raise _named(error) from None
    levels = options.levels(model.schedule)
    facts = generation_facts(source, model, options) | {"by": by, "std": std}
    images, written = _generate(model, asking, levels, out, facts, options)
    grey = images.mean(1, keepdim=True).expand_as(images)
    seen = {
        "distance": [low_pass(std)(images), images],
        "colour": [grey, images],
        "three": [low_pass(1.5 * std)(images), low_pass(std / 2)(images), images],
    }[by]
    _conclude(out, images, torch.stack(seen, 1), options.prompts, written, options)


def _names(options: IllusionOptions) -> list[str]:
    """Return the files that will be written."""
    return [*map(numbered_name, range(options.number)), "sheet.png", *options.pictures]


def _named(error: JincError) -> JincError:
    """Name an option as it is typed."""
    text = str(error)
    return error if text.startswith("--") else JincError(f"--{text}")


def _generate(
    model: PixelModel,
    asking: Asking,
    levels: list[int],
    out: Path,
    facts: Mapping[str, Any],
    options: IllusionOptions,
) -> tuple[Tensor, list[str]]:
    """Generate, `[number, C, H, W]`, and write how the first came to be; return the files too."""
    batch = options.batch or min(CHUNK, options.number)
    walks = generate_images(
        model,
        options.number,
        shaping=asking,
        walk=options.walk(),
        steps=levels,
        seed=options.seed,
        batch=batch,
    )
    watch = Watch(options, len(levels), -(-options.number // batch))
    images = torch.cat([done.cpu() for _, done in watch.finished(walks)])
    begin_results(out, "illusions", {**facts, "batch": batch}, _names(options))
    return images, watch.write(out)


def _conclude(
    out: Path,
    images: Tensor,
    seen: Tensor,
    words: Sequence[str],
    written: Sequence[str],
    options: IllusionOptions,
) -> None:
    """Write the pictures, and a sheet of all that is seen in them, `[N, views, C, H, W]`."""
    files = save_images(out, images)
    rows = [str(number) for number in range(len(images))]
    save_png(out / "sheet.png", enlarged_sheet(seen, rows, words))
    if options.json_:
        named = [str(out / "sheet.png"), *map(str, files), *written]
        print(json.dumps({"images": len(images), "seen": list(words), "written": named}))
        return
    print(f"{len(images)} pictures: {out}, and what is seen in them: {out / 'sheet.png'}")
