"""Generate: the job of `jinc sample`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinc.app.jobs import Context, Job, Shown, watched
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.cli.results import ResultOptions
from jinc.data import image_grid, save_png
from jinc.models import SamplingPlan, generate_images, grid_columns
from jinc.types import Images

PROGRAM = """\
from jinc.data import image_grid, save_png
from jinc.models import SamplingPlan, generate_images, grid_columns, images_of, open_model

model = open_model({source!r}, device={device!r})
plan = {plan}
images = images_of(generate_images(model, plan))
save_png("grid.png", image_grid(images, columns=grid_columns(plan.prompts), scale=None))
"""


def generate(context: Context, **given: Any) -> Job:
    """Prepare the generation of a grid of images.

    Args:
        context: the model.
        given: fields of `ResultOptions`.

    Raises:
        JincError: a value is invalid, or the model cannot follow it.
    """
    options = context.options(ResultOptions, **given)
    plan = options.for_model(context.generator)
    call = plan_call(plan)
    recipe = Recipe(
        shell(["sample", context.source, "--out", "samples"], options),
        PROGRAM.format(source=context.source, device=context.device, plan=call),
    )
    return Job(recipe, _shown(context, plan))


def _shown(context: Context, plan: SamplingPlan) -> Iterator[Shown]:
    model = context.generator
    run = generate_images(model, plan)
    for images, line in watched(run, plan.number, plan.count(model.timesteps), plan):
        picture = _grid(images, plan)
        yield Shown((picture,), line)
    with context.place() as folder:
        save_png(folder / "grid.png", picture)
        yield Shown((folder / "grid.png",), line)


def _grid(images: Images, plan: SamplingPlan) -> NDArray[np.uint8]:
    return image_grid(images, columns=grid_columns(plan.prompts), scale=None)
