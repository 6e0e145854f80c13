"""`jinc inpaint`: parts of pictures made anew, the rest as it is."""

import json
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from jinc.cli.brought import Brought, PictureOptions, bring, names_of, result_names, save_results
from jinc.cli.outputs import enlarged_sheet
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.watching import Watch
from jinc.data import save_png
from jinc.diffusion import from_noise, repaint_levels
from jinc.errors import JincError
from jinc.models import edit_images
from jinc.types import Images

MOST_TIMES = 100
"""How often a part of the way is walked, at most; it multiplies the time and the list of levels."""


def inpaint(
    source: Path,
    /,
    *,
    out: Path,
    jump: int = 10,
    times: int = 10,
    options: Annotated[PictureOptions, Parameter(name="*")],
) -> None:
    """Generate what is missing in pictures, so that it goes with what is there.

    Args:
        source: a run folder, or a model folder.
        out: folder for the results, each at its image's size, sheet.png and provenance.json.
        jump: steps that are walked down, up again and down, so that both parts agree (RePaint).
        times: how often each is walked down; 1 puts known pixels in their place, and no more.
        options: which pictures, which part of them, and how it is made.
    """
    if options.mask is None:
        raise JincError("--mask: say what to generate: a file, alpha, or x,y,width,height")
    if jump < 1:
        raise JincError(f"--jump: {jump} is not at least 1")
    if not 1 <= times <= MOST_TIMES:
        raise JincError(f"--times: {times:,} is not from 1 to {MOST_TIMES}")
    results = result_names(names_of(options.images), options.number)
    names = ["sheet.png", *results, *options.pictures]
    check_results(out, "inpaintings", names, options.images)
    model = options.open(source)
    levels = options.levels(model.schedule)
    if options.sampler == "adaptive":
        raise JincError("--sampler: adaptive has no level in common at which pixels are put back")
    if times > 1 and len(levels) > 1:
        try:
            levels = repaint_levels(levels, min(jump, len(levels) - 1), times)
        except JincError as error:
            raise JincError(f"--{error}") from None
        if options.sampler not in ("ddim", "ddpm", "posterior"):
            reason = "cannot go up again; take --times 1, or ddim, ddpm or posterior"
            raise JincError(f"--sampler: {options.sampler} {reason}")
    plan = options.for_pictures(model)
    brought = bring(model, options)
    facts = generation_facts(source, plan, len(levels)) | {"jump": jump, "times": times}
    start, masks = from_noise(levels), brought.mask_tensor()
    walks = edit_images(model, brought.photos, plan, start=start, masks=masks)
    watch = Watch(options, len(levels), plan.batches, "inpainting")
    made = torch.cat([images.cpu() for _, images in watch.finished(walks)])
    begin_results(out, "inpaintings", facts, names)
    written = [*_write(out, brought, made), *watch.write(out)]
    if options.json_:
        print(json.dumps({"images": plan.number, "steps": len(levels), "written": written}))
        return
    print(f"{plan.number} results: {out}, beside one another in {out / 'sheet.png'}")


def _write(out: Path, brought: Brought, made: Images) -> list[str]:
    """Write every result into its picture, and all of them on a sheet, and return the files."""
    files, photos = save_results(out, brought, made), len(brought.photos)
    masks = brought.mask_tensor()
    assert masks is not None  # it is asked for
    seen = brought.photos * (1 - masks)  # grey where something is to be generated
    copies = made.view(-1, photos, *made.shape[1:]).transpose(0, 1)
    sheet = torch.cat([brought.photos[:, None], seen[:, None], copies], 1)
    columns = ["picture", "known", *(str(copy) for copy in range(copies.shape[1]))]
    save_png(out / "sheet.png", enlarged_sheet(sheet, brought.names, columns))
    return [str(out / "sheet.png"), *files]
