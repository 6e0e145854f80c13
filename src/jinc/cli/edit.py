"""`jinc edit`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.edit_inputs import EditInputs, EditOptions, check_count, names_of, result_names
from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.results import Results
from jinc.cli.sampling import SAMPLING, SEVERAL
from jinc.data import save_png
from jinc.diffusion import sdedit_start, sdedit_start_index
from jinc.errors import JincError, counted
from jinc.models import PixelModel, edit_images
from jinc.models.generation.editing import Start
from jinc.report import enlarged_sheet

STRENGTHS = (0.96, 0.9, 0.84, 0.78, 0.69, 0.39)
"""CS180's start indices 1, 3, 5, 7, 10, 20 of t = 990 − 30·index, as shares of 1,000 levels."""


def edit(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    strength: Annotated[tuple[float, ...], SEVERAL] = (),
    index: Annotated[tuple[int, ...], SEVERAL] = (),
    stride: int = 30,
    options: Annotated[EditOptions, Parameter(name="*", group=SAMPLING)],
) -> None:
    """Edit images (SDEdit): add noise, then denoise. More noise keeps less of the image.

    With --mask, only the masked area is edited; to fill it without looking at what it holds, see
    jinc inpaint.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for the results, each at its image's size, sheet.png and provenance.json
            (default: out/MODEL/edit).
        strength: starting noise level as a fraction of T, in (0, 1]; larger values change more.
            Several are compared (default: 0.96 0.9 0.84 0.78 0.69 0.39, as in the CS180 course).
        index: in place of --strength: indices into the levels of the course, which are multiples of
            --stride from the noisiest, index 0, down.
        stride: spacing of these levels, in t.
        options: input images, and how results are generated.
    """
    out = out or results_folder(source, "edit")
    if options.mask is not None:
        options.refuse_own_levels()
    words = _start_words(strength, index, stride, options)
    check_count(len(words) * options.number * len(options.images))
    names = ["sheet.png", *options.trajectories]
    for word in words:
        names += result_names(names_of(options.images), options.number, _suffix(word))
    results = Results(out, "edits", options, names, options.images)
    model = options.open(source)
    starts = _starts(model, strength, index, stride, options)
    plan, inputs = options.for_images(model), EditInputs.read(model, options)
    results.describe(source, plan, None, starts=words)
    edited: dict[str, Tensor] = {}
    for word, (start, steps) in zip(words, starts, strict=True):
        run = edit_images(model, inputs.photos, plan, start=start, masks=inputs.mask_tensor())
        edited[word] = results.images(run, plan.number, steps, word)
        inputs.save(results.folder(), edited[word], _suffix(word))
    _save_sheet(out / "sheet.png", inputs, edited)
    number = counted(plan.number * len(words), "results")
    results.report(
        f"{number}: {out}, side by side in {out / 'sheet.png'}",
        {"starts": words, "images": plan.number},
    )


def _start_words(
    strength: Sequence[float], index: Sequence[int], stride: int, options: EditOptions
) -> list[str]:
    """Return a name for each start.

    Raises:
        JincError: both strengths and indices, one of them twice, or options that exclude them.
    """
    if strength and index:
        raise JincError("--index: excludes --strength; give one of them")
    for option in ("steps", "spacing", "sigma_min"):
        if index and getattr(options, option) is not None:
            name = option.replace("_", "-")
            raise JincError(f"--{name}: has no effect with --index, whose levels --stride gives")
    if stride < 1:
        raise JincError(f"--stride: {stride} is not at least 1")
    words = [f"index {each}" for each in index]
    words = words or [f"{share:.12g}" for share in strength or STRENGTHS]
    for word in words:
        if words.count(word) > 1:
            raise JincError(f"--{'index' if index else 'strength'}: {word} is given twice")
    return words


def _starts(
    model: PixelModel,
    strength: Sequence[float],
    index: Sequence[int],
    stride: int,
    options: EditOptions,
) -> list[tuple[Start, int]]:
    """Return every start, and its number of steps.

    Raises:
        JincError: one is out of range.
    """
    levels = options.levels(model.schedule)
    starts: list[Start] = [partial(sdedit_start_index, index=i, stride=stride) for i in index]
    if not starts:
        starts = [partial(sdedit_start, strength=s, steps=levels) for s in strength or STRENGTHS]
    like = torch.zeros(1, model.channels, *model.image_size)
    try:
        levels_of = [start(model.schedule, like, noise=torch.zeros_like)[1] for start in starts]
    except JincError as error:
        raise JincError(f"--{error}") from None
    return [(start, len(visited)) for start, visited in zip(starts, levels_of, strict=True)]


def _suffix(word: str) -> str:
    return "-" + word.replace(" ", "-")


def _save_sheet(file: Path, inputs: EditInputs, edited: Mapping[str, Tensor]) -> None:
    """Save all results beside their images, a column for each start."""
    copies = len(next(iter(edited.values()))) // len(inputs.names)
    photos = inputs.photos.repeat(copies, 1, 1, 1)
    rows = [f"{name} {k}" if copies > 1 else name for k in range(copies) for name in inputs.names]
    sheet = torch.stack([photos, *edited.values()], 1)
    save_png(file, enlarged_sheet(sheet, rows, ["picture", *edited]))
