"""`jinc inpaint`."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from jinc.cli.edit_inputs import EditInputs, EditOptions, names_of, result_names
from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.results import Results
from jinc.cli.sampling import SAMPLING
from jinc.data import save_png
from jinc.diffusion import SAMPLERS, from_noise, repaint_levels
from jinc.errors import JincError, counted
from jinc.models import edit_images
from jinc.report import enlarged_sheet
from jinc.types import Images

MOST_TIMES = 100
"""Passes over a part of the levels; they multiply the time and the list of levels."""


def inpaint(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    jump: int = 10,
    times: int = 10,
    options: Annotated[EditOptions, Parameter(name="*", group=SAMPLING)],
) -> None:
    """Inpaint images (RePaint): generate the masked area to match the rest.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for the results, each at its image's size, sheet.png and provenance.json
            (default: out/MODEL/inpaint).
        jump: length of a RePaint jump, in sampling steps, at least 1: after so many steps, noise is
            added back and removed again, which matches the generated area to the known one.
        times: passes over each jump, 1 to 100 (RePaint's r), which multiply the model calls; 1
            disables jumps.
        options: input images and masks, and how results are generated.
    """
    if options.mask is None:
        raise JincError("--mask: missing; give a mask file, alpha, or x,y,width,height")
    if jump < 1:
        raise JincError(f"--jump: {jump} is not at least 1")
    if not 1 <= times <= MOST_TIMES:
        raise JincError(f"--times: {times:,} is not from 1 to {MOST_TIMES}")
    options.refuse_own_levels()
    files = result_names(names_of(options.images), options.number)
    names = ["sheet.png", *files, *options.trajectories]
    out = out or results_folder(source, "inpaint")
    results = Results(out, "inpaintings", options, names, options.images)
    model = options.open(source)
    levels = with_jumps(options.levels(model.schedule), jump, times, options.sampler)
    plan, inputs = options.for_images(model), EditInputs.read(model, options)
    results.describe(source, plan, len(levels), jump=jump, times=times)
    run = edit_images(
        model, inputs.photos, plan, start=from_noise(levels), masks=inputs.mask_tensor()
    )
    images = results.images(run, plan.number, len(levels), "inpainting")
    inputs.save(results.folder(), images)
    _save_sheet(out / "sheet.png", inputs, images)
    line = f"{counted(plan.number, 'results')}: {out}, side by side in {out / 'sheet.png'}"
    results.report(line, {"images": plan.number, "steps": len(levels)})


def with_jumps(levels: list[int], jump: int, times: int, sampler: str) -> list[int]:
    """Insert RePaint's jumps into falling levels.

    Raises:
        JincError: too many levels, or a sampler that cannot follow them.
    """
    if times == 1 or len(levels) == 1:
        return levels
    if not SAMPLERS[sampler].can_rise:
        able = ", ".join(name for name, entry in SAMPLERS.items() if entry.can_rise)
        raise JincError(
            f"--sampler: {sampler} cannot jump back to higher noise levels; choose one of {able}, "
            "or --times 1"
        )
    try:
        return repaint_levels(levels, min(jump, len(levels) - 1), times)
    except JincError as error:
        raise JincError(f"--{error}") from None


def _save_sheet(file: Path, inputs: EditInputs, images: Images) -> None:
    """Save a row for each image: itself, what is known of it (the rest grey), and its results."""
    masks = inputs.mask_tensor()
    assert masks is not None  # --mask is required
    photos = inputs.photos[:, None]
    copies = images.view(-1, len(photos), *images.shape[1:]).transpose(0, 1)
    sheet = torch.cat([photos, photos * (1 - masks[:, None]), copies], 1)
    columns = ["picture", "known", *(str(copy) for copy in range(copies.shape[1]))]
    save_png(file, enlarged_sheet(sheet, inputs.names, columns))
