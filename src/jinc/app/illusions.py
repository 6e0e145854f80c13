"""Illusions: the job of `jinc illusion anagram`, and a check of its views."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.app.jobs import Context, Job, Shown, watched
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.cli.illusion import ReductionName, anagrams, views_of
from jinc.cli.stages import IllusionOptions, Stages
from jinc.data import save_png
from jinc.diffusion import View, certify
from jinc.models import generate_images
from jinc.report import enlarged_sheet
from jinc.types import Images

PROGRAM = """\
import torch

from jinc.data import save_png
from jinc.diffusion import {reduce}, view_by_name
from jinc.models import Anagram, SamplingPlan, generate_images, images_of, open_model
from jinc.report import enlarged_sheet

model = open_model({source!r}, device={device!r})
plan = {plan}
views = [view_by_name("identity"), view_by_name({view!r})]
illusion = Anagram(views=views, reduce={reduce}({argument}))
images = images_of(generate_images(model, plan, composition=illusion))
labels = [f"{{view.name}}: {{prompt}}" for view, prompt in zip(views, plan.prompts)]
seen = torch.stack([view(images) for view in views], 1)
save_png("sheet.png", enlarged_sheet(seen, [str(i) for i in range(len(images))], labels))
"""

REDUCTIONS = {
    "mean": ("mean", ""),
    "sum": ("sum_preserving", "model.schedule"),
    "alternating": ("alternating", "plan.levels(model.schedule)"),
}
"""Names at the command line, and the functions with their arguments."""


def illusion(
    context: Context,
    *,
    first: str,
    second: str,
    view: str,
    reduction: ReductionName = "mean",
    **given: Any,
) -> Job:
    """Prepare images that show one thing, and another one through a view.

    Args:
        context: the model.
        first: prompt of the images as they are.
        second: prompt of the images through the view.
        view: its name.
        reduction: how predictions are combined.
        given: fields of `IllusionOptions`.

    Raises:
        JincError: a value is invalid, or the model cannot follow it.
    """
    options = context.options(IllusionOptions, prompts=(first, second), **given)
    views = views_of(["identity", view])
    stages = anagrams(context.generator, views, reduction, options)
    command = ["illusion", "anagram", context.source, "--out", "illusions"]
    command += ["--view", "identity", view]
    command += ["--reduction", reduction] * (reduction != "mean")
    reduce, argument = REDUCTIONS[reduction]
    program = PROGRAM.format(
        source=context.source,
        device=context.device,
        plan=plan_call(stages.plan),
        view=view,
        reduce=reduce,
        argument=argument,
    )
    return Job(Recipe(shell(command, options), program), _shown(context, stages, views))


def certified(context: Context, view: str) -> str:
    """Check that a view is orthogonal on images of the model, and say how far.

    Raises:
        JincError: there is no such view, or it is not orthogonal.
    """
    model = context.generator
    (found,) = views_of([view])
    errors = certify(found, (model.channels, *model.image_size))
    return f"`{found.name}` is orthogonal: UᵀU = I to {errors.orthogonal:.0e}"


def _shown(context: Context, stages: Stages, views: list[View]) -> Iterator[Shown]:
    model, plan = stages.model, stages.plan
    run = generate_images(model, plan, composition=stages.composition)
    for images, line in watched(run, plan.number, stages.steps, plan):
        sheet = _sheet(images, views, plan.prompts)
        yield Shown((sheet,), line)
    with context.place() as folder:
        save_png(folder / "sheet.png", sheet)
        yield Shown((folder / "sheet.png",), line)


def _sheet(images: Images, views: list[View], prompts: Any) -> NDArray[np.uint8]:
    labels = [f"{view.name}: {prompt}" for view, prompt in zip(views, prompts, strict=True)]
    seen = torch.stack([view(images) for view in views], 1)
    return enlarged_sheet(seen, [str(number) for number in range(len(images))], labels)
