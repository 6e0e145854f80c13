"""Upscale: the job of `jinc upscale` on one picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from jinc.app.jobs import Context, Job, Shown, watched
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.app.uploads import received
from jinc.cli.upscale import UpscaleOptions
from jinc.data import image_grid, save_png
from jinc.errors import JincError
from jinc.models import Enlargement, SmallImage, UpscalingModel, upscale_in_turn

PROGRAM = """\
from jinc.data import read_picture, save_png
from jinc.models import SamplingPlan, SmallImage, images_of, open_upscaler, upscale_in_turn

model = open_upscaler({source!r}, device={device!r})
plan = {plan}
small = SmallImage.of(read_picture("picture.png"), model)
images = images_of(upscale_in_turn(model, [small.low], plan))
save_png("picture-0.png", small.crop(images))
"""

MOST_PIXELS = 128**2
"""Of a picture to enlarge, before enlargement: time and memory grow with it."""


def upscale(context: Context, *, picture: Path | None, **given: Any) -> Job:
    """Prepare the enlargement of a picture.

    Args:
        context: the upscaler.
        picture: an uploaded file.
        given: fields of `UpscaleOptions`.

    Raises:
        JincError: a value is invalid, or the picture cannot be read.
    """
    model = context.upscaler
    if model is None:
        raise JincError(f"{context.source}: is no upscaler")
    if picture is None:
        raise JincError("the picture: missing; bring one")
    options = context.options(UpscaleOptions, images=(Path("picture.png"),), number=1, **given)
    found = received(picture)
    height, width = found.size
    if height * width > MOST_PIXELS:
        reason = f"{width}×{height} pixels, the limit of this page is {MOST_PIXELS:,}"
        raise JincError(f"the picture: {reason}; use the command, or a smaller one")
    small = SmallImage.of(found, model)
    first = Enlargement(model, small.low, options.level, lambda: torch.zeros_like)
    plan = options.for_model(first, usual=())
    recipe = Recipe(
        shell(["upscale", context.source, "--out", "upscaled"], options),
        PROGRAM.format(source=context.source, device=context.device, plan=plan_call(plan)),
    )
    return Job(recipe, _shown(context, model, small, plan))


def _shown(
    context: Context, model: UpscalingModel, small: SmallImage, plan: UpscaleOptions
) -> Iterator[Shown]:
    steps = len(plan.levels(model.schedule))
    run = upscale_in_turn(model, [small.low], plan, level=plan.level, agree=plan.agree)
    with context.place() as folder:
        before, after = folder / "bicubic.png", folder / "picture-0.png"
        save_png(before, small.bicubic)
        for images, line in watched(run, 1, steps, plan):
            yield Shown((before, image_grid(small.crop(images), padding=0)), line)
        save_png(after, small.crop(images))
        yield Shown((before, after), line)
