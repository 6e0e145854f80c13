"""Edit: the jobs of `jinc edit` and `jinc inpaint` on one picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from jinc.app.jobs import Context, Job, Shown, watched
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.app.uploads import in_colour, painted, received_bytes
from jinc.cli.edit_inputs import EditInputs, EditOptions
from jinc.cli.inpaint import with_jumps
from jinc.cli.naming import named
from jinc.diffusion import from_noise, sdedit_start
from jinc.errors import JincError
from jinc.models import edit_images, generate_images, images_of
from jinc.models.generation.editing import Start
from jinc.types import Images

EDIT = """\
from functools import partial

from jinc.data import fit, read_picture
from jinc.diffusion import sdedit_start
from jinc.models import SamplingPlan, edit_images, images_of, open_model

model = open_model({source!r}, device={device!r})
plan = {plan}
photo, canvas = fit(read_picture("picture.png"), model.image_size, model.channels)
start = partial(sdedit_start, strength={strength:.12g}, steps=plan.levels(model.schedule))
images = images_of(edit_images(model, photo, plan, start=start))
canvas.paste_back(images)[0].save("result.png")
"""

INPAINT = """\
from jinc.data import crop_with, fit, read_mask, read_picture
from jinc.diffusion import from_noise, repaint_levels
from jinc.models import SamplingPlan, edit_images, images_of, open_model

model = open_model({source!r}, device={device!r})
plan = {plan}
picture = read_picture("picture.png")
mask = read_mask("mask.png", picture)
region = crop_with(mask, model.image_size)
photo, canvas = fit(picture, model.image_size, model.channels, region=region)
start = from_noise({levels})
images = images_of(edit_images(model, photo, plan, start=start, masks=canvas.mask(mask)))
canvas.paste_back(images, mask)[0].save("result.png")
"""

QUICK = 20
"""Steps of an image to edit."""

PICTURE, MASK = Path("picture.png"), Path("mask.png")
"""Names of inputs in the command and the program."""

JUMP = 10
"""Of RePaint, sampling steps; the default of the command."""


@dataclass(frozen=True)
class Drawing:
    """What is on the canvas, as the browser sends it.

    Args:
        background: the picture below; None if there is none.
        layers: what is painted over it.
        composite: all together.
    """

    background: bytes | None
    layers: Sequence[bytes]
    composite: bytes | None


def edit(context: Context, *, drawing: Drawing | None, strength: float, **given: Any) -> Job:
    """Prepare an edit of a picture or drawing (SDEdit).

    Args:
        context: the model.
        drawing: all of it is the picture.
        strength: starting noise level as a share of T, in (0, 1].
        given: fields of `EditOptions`.

    Raises:
        JincError: a value is invalid, or there is no picture.
    """
    if drawing is None or drawing.composite is None:
        raise JincError("the picture: missing; draw one, or bring one")
    options = context.options(EditOptions, images=(PICTURE,), number=1, **given)
    plan, levels = options.for_images(context.generator), options.levels(context.generator.schedule)
    start = partial(sdedit_start, strength=strength, steps=levels)
    command = ["edit", context.source, "--out", "edits", "--strength", f"{strength:.12g}"]
    program = EDIT.format(
        source=context.source, device=context.device, plan=plan_call(plan), strength=strength
    )
    recipe = Recipe(shell(command, options), program)
    return Job(recipe, _shown(context, plan, start, drawing.composite))


def inpaint(context: Context, *, drawing: Drawing | None, times: int, **given: Any) -> Job:
    """Prepare the inpainting of what is painted over (RePaint).

    Args:
        context: the model.
        drawing: its layers are the mask of its background.
        times: passes over each jump.
        given: fields of `EditOptions`.

    Raises:
        JincError: as of `edit`.
    """
    if drawing is None or drawing.background is None:
        raise JincError("the picture: missing; bring one, then paint over what to generate")
    options = context.options(EditOptions, images=(PICTURE,), mask=str(MASK), number=1, **given)
    options.refuse_own_levels()
    plan = options.for_images(context.generator)
    levels = with_jumps(options.levels(context.generator.schedule), JUMP, times, options.sampler)
    command = ["inpaint", context.source, "--out", "inpainted", "--times", str(times)]
    program = INPAINT.format(
        source=context.source, device=context.device, plan=plan_call(plan), levels=levels
    )
    recipe = Recipe(shell(command, options), program)
    shown = _shown(context, plan, from_noise(levels), drawing.background, drawing.layers)
    return Job(recipe, shown)


def sampled(context: Context, seed: int) -> Images:
    """Generate an image to edit, `[1, C, H, W]`.

    Raises:
        JincError: the model generates nothing by itself.
    """
    model = context.generator
    steps = min(QUICK, model.timesteps)
    plan = context.options(EditOptions, images=(PICTURE,), number=1, seed=seed, steps=steps)
    return images_of(generate_images(model, replace(plan.for_model(model), batch=1)))


def _shown(
    context: Context,
    plan: EditOptions,
    start: Start,
    picture: bytes,
    layers: Sequence[bytes] | None = None,
) -> Iterator[Shown]:
    """Show the picture, the mask if there are layers, and the result."""
    model = context.generator
    with context.place() as folder:
        whole = received_bytes(picture, folder)
        whole.save(folder / PICTURE)
        given = [folder / PICTURE]
        if layers is not None:
            seen = [received_bytes(each, folder, "the mask") for each in layers]
            painted(seen, whole.size).save(folder / MASK)
            given.append(folder / MASK)
            plan = replace(plan, mask=str(folder / MASK))
        inputs = EditInputs.read(model, replace(plan, images=(folder / PICTURE,)))
        with named("strength"):
            _, levels = start(model.schedule, inputs.photos, noise=torch.zeros_like)
        run = edit_images(model, inputs.photos, plan, start=start, masks=inputs.mask_tensor())
        for images, line in watched(run, 1, len(levels), plan):
            (canvas,), mask = inputs.canvases, inputs.masks[0] if inputs.masks else None
            (result,) = canvas.paste_back(images, mask)
            yield Shown((*given, in_colour(result)), line)
        inputs.save(folder, images)
        yield Shown((*given, folder / "picture-0.png"), line)
