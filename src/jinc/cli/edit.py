"""`jinc edit`: pictures made anew, more or less of them."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.brought import (
    Brought,
    PictureOptions,
    bring,
    check_count,
    result_names,
    save_results,
)
from jinc.cli.outputs import enlarged_sheet
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.sampling import SEVERAL
from jinc.cli.watching import Watch
from jinc.data import save_png
from jinc.diffusion import sdedit_start, sdedit_start_index
from jinc.errors import JincError
from jinc.models import PixelModel, edit_images
from jinc.models.generation.editing import Start

STRENGTHS = (0.96, 0.9, 0.84, 0.78, 0.69, 0.39)
"""CS180's start indices 1, 3, 5, 7, 10, 20 of t = 990 − 30·index, as shares of 1,000 levels."""


def edit(
    source: Path,
    /,
    *,
    out: Path,
    strength: Annotated[tuple[float, ...], SEVERAL] = (),
    index: Annotated[tuple[int, ...], SEVERAL] = (),
    stride: int = 30,
    options: Annotated[PictureOptions, Parameter(name="*")],
) -> None:
    """Make pictures anew from their noisy selves: the more noise, the less is left of them.

    Args:
        source: a run folder, or a model folder.
        out: folder for the results, each at its image's size, sheet.png and provenance.json.
        strength: shares of the way up to noise, above 0 up to 1, several to be compared; those of
            the CS180 course from 0.96 down to 0.39, if not given.
        index: the same as the course says it: places in the list of levels that are multiples of
            the stride, 0 being the noisiest.
        stride: of that list.
        options: which pictures, and how they are made.
    """
    if options.sampler == "adaptive" and options.mask is not None:
        raise JincError("--sampler: adaptive has no level in common at which pixels are put back")
    starts_named = len(index or strength or STRENGTHS)
    check_count(starts_named * options.number * len(options.images))
    check_results(out, "edits", ["sheet.png", *options.pictures], options.images)
    model = options.open(source)
    starts = _starts(model, strength, index, stride, options)
    plan, brought = options.for_pictures(model), bring(model, options)
    masks = brought.mask_tensor()
    names = ["sheet.png", *options.pictures]
    for word in starts:
        names += result_names(brought.names, options.number, _ending(word))
    check_results(out, "edits", names, options.images)
    facts = generation_facts(source, plan, None) | {"starts": [*starts]}
    made: dict[str, Tensor] = {}
    written: list[str] = []
    for word, (start, steps) in starts.items():
        walks = edit_images(model, brought.photos, plan, start=start, masks=masks)
        watch = Watch(options, steps, plan.batches, word)
        made[word] = torch.cat([images.cpu() for _, images in watch.finished(walks)])
        if len(made) == 1:
            begin_results(out, "edits", facts, names)
        written += save_results(out, brought, made[word], _ending(word))
        if len(made) == 1:  # the strongest, if they are named in the usual order
            written += watch.write(out)
    written = [_write_sheet(out / "sheet.png", brought, made), *written]
    if options.json_:
        print(json.dumps({"starts": [*starts], "images": plan.number, "written": written}))
        return
    print(f"{plan.number * len(starts)} results: {out}, beside one another in {out / 'sheet.png'}")


def _starts(
    model: PixelModel,
    strength: tuple[float, ...],
    index: tuple[int, ...],
    stride: int,
    options: PictureOptions,
) -> Mapping[str, tuple[Start, int]]:
    """Return where to start from, and in how many steps, by the words for it.

    Raises:
        JincError: both ways of saying it, or one that is out of range.
    """
    if strength and index:
        raise JincError("--index: says what --strength says too; take one of them")
    for option in ("steps", "spacing", "sigma_min"):
        if index and getattr(options, option) is not None:
            name = option.replace("_", "-")
            raise JincError(f"--{name}: the levels of --index are those of --stride; leave it out")
    if stride < 1:
        raise JincError(f"--stride: {stride} is not at least 1")
    levels = options.levels(model.schedule)
    found: dict[str, Start] = {}
    for each in index:
        found[f"index {each}"] = partial(sdedit_start_index, index=each, stride=stride)
    for share in () if index else strength or STRENGTHS:
        found[f"{share:.12g}"] = partial(sdedit_start, strength=share, steps=levels)
    if len(found) < len(strength or index):
        raise JincError(f"--{'strength' if strength else 'index'}: names one twice")
    like = torch.zeros(1, model.channels, *model.image_size)
    try:
        return {
            word: (start, len(start(model.schedule, like, noise=torch.zeros_like)[1]))
            for word, start in found.items()
        }
    except JincError as error:
        raise JincError(f"--{error}") from None


def _ending(word: str) -> str:
    """Return what the files of a start end in."""
    return "-" + word.replace(" ", "-")


def _write_sheet(file: Path, brought: Brought, made: Mapping[str, Tensor]) -> str:
    """Lay all results out beside their pictures, and return the file."""
    copies = len(next(iter(made.values()))) // len(brought.names)
    photos = brought.photos.repeat(copies, 1, 1, 1)
    sheet = torch.stack([photos, *made.values()], 1)
    names = [
        f"{name} {copy}" if copies > 1 else name for copy in range(copies) for name in brought.names
    ]
    save_png(file, enlarged_sheet(sheet, names, ["picture", *made]))
    return str(file)
