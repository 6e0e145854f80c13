"""Rotate and shift: the jobs of `jinc rotate` and `jinc shift`, with the consistency in dB."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinc.app.jobs import Context, Job, Shown, watched
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.cli.rotate import rotations
from jinc.cli.shift import offset
from jinc.cli.sweep import SweepOptions, plan_of, sheet_of
from jinc.data import numbered_name, save_png
from jinc.metrics import consistency
from jinc.models import Sweep, Way, shifts, sweep_images
from jinc.types import Images

PROGRAM = """\
{head}from jinc.data import enlargement, image_grid, save_png
from jinc.models import SamplingPlan, grid_columns, images_of, open_model, sweep_images
from jinc.models import {way}, {kind}

model = open_model({source!r}, device={device!r})
plan = {plan}
sweep = {sweep}
images = images_of(sweep_images(model, sweep, plan, way={way}))
for k in range(len(sweep)):
    columns, scale = grid_columns(plan.prompts), enlargement(model.image_size, 128)
    save_png(f"{{k:06}}.png", image_grid(images[k :: len(sweep)], columns, scale=scale))
"""


def rotate(context: Context, *, angle: float, method: str = "unitary", **given: Any) -> Job:
    """Prepare the same images upright and rotated during sampling.

    Args:
        context: the model.
        angle: degrees, counter-clockwise.
        method: rotation operator.
        given: fields of `SweepOptions`.

    Raises:
        JincError: a value is invalid, or the model cannot follow it.
    """
    options = context.options(SweepOptions, out=(Path("rotated"),), **given)
    sweep, words = rotations(context.generator, options, [0, angle], method)
    operator = ["--method", method] * (method != "unitary")
    command = ["rotate", context.source, "--angles", f"0,{angle:g}", *operator]
    call = f"turns([0.0, math.radians({angle:g})], {method!r})"
    return _job(context, sweep, options, words, command, call)


def shift(context: Context, *, right: float, down: float, **given: Any) -> Job:
    """Prepare the same images in place and shifted during sampling.

    Args:
        context: the model.
        right: pixels.
        down: pixels.
        given: fields of `SweepOptions`.

    Raises:
        JincError: as of `rotate`.
    """
    options = context.options(SweepOptions, out=(Path("shifted"),), **given)
    sweep = shifts([0.0, down], [0.0, right], options.pace_of(context.generator))
    far = ["--right", f"0,{right:g}", "--down", f"0,{down:g}"]
    call = f"shifts([0.0, {down:g}], [0.0, {right:g}])"
    words = [offset(0, 0), offset(right, down)]
    return _job(context, sweep, options, words, ["shift", context.source, *far], call)


def _job(
    context: Context,
    sweep: Sweep,
    options: SweepOptions,
    words: list[str],
    command: Sequence[str],
    call: str,
) -> Job:
    way = options.way_of(context.generator)
    plan = plan_of(context.generator, sweep, options)
    program = PROGRAM.format(
        source=context.source,
        device=context.device,
        plan=plan_call(plan),
        sweep=call,
        kind=call.partition("(")[0],
        head="import math\n\n" * ("math" in call),
        way=getattr(way, "__name__", "by_state"),
    )
    return Job(Recipe(shell(command, options), program), _shown(context, sweep, plan, way, words))


def _shown(
    context: Context, sweep: Sweep, plan: SweepOptions, way: Way, words: list[str]
) -> Iterator[Shown]:
    model, total = context.generator, plan.number * len(sweep)
    run = sweep_images(model, sweep, plan, way=way)
    for images, line in watched(run, total, plan.count(model.timesteps), plan):
        frames = sheet_of(images, plan, words).frames
        yield Shown(tuple(frames), line)
    db = _consistency(model.schedule, sweep, plan, images)
    with context.place() as folder:
        files = [folder / numbered_name(place) for place in range(len(frames))]
        for file, frame in zip(files, frames, strict=True):
            save_png(file, frame)
        said = f"consistency **{db:.1f} dB**: moved during sampling against moved afterwards"
        yield Shown(tuple(files), f"{said} · {line}")


def _consistency(schedule: Any, sweep: Sweep, plan: SweepOptions, images: Images) -> float:
    levels = plan.levels(schedule)
    still, moved = images[::2], images[1::2]
    return consistency(still, moved, sweep.moving([1] * len(still), levels))
