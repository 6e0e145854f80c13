"""`jinc sample`."""

import json
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.watching import Watch, WatchedOptions
from jinc.data import image_grid, numbered_name, save_images, save_png
from jinc.errors import counted
from jinc.models import generate_images, grid_columns

MOST_SHOWN = 400
"""Images in one grid."""

USUAL = WatchedOptions()


def sample(
    source: Path,
    /,
    *,
    out: Path,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[WatchedOptions, Parameter(name="*")] = USUAL,
) -> None:
    """Generate images. Image i of a seed is the same, byte for byte, however many are asked for.

    Args:
        source: a run folder, or a model folder.
        out: folder for the images (000000.png …), grid.png with the first 400 of them, and
            provenance.json.
        json_: print JSON for machines.
        options: which images, and how.
    """
    number = options.number
    names = [*map(numbered_name, range(number)), "grid.png", *options.pictures]
    check_results(out, "images", names)
    model = options.open(source)
    plan = options.for_model(model)
    steps = plan.count(model.timesteps)
    facts = generation_facts(source, plan, steps)
    images: list[Tensor] = []
    watch = Watch(options, steps, plan.batches)
    for numbers, done in watch.finished(generate_images(model, plan)):
        if not images:
            begin_results(out, "images", facts, names)
        save_images(out, done, numbers.start)
        images += [done] if numbers.start < MOST_SHOWN else []
    shown = torch.cat(images)[:MOST_SHOWN]
    save_png(out / "grid.png", image_grid(shown, columns=grid_columns(plan.prompts), scale=None))
    which = "all of them" if len(shown) == number else f"the first {len(shown)}"
    files = [str(out / "grid.png"), *watch.write(out)]
    if json_:
        print(json.dumps({"images": number, "out": str(out), "written": files}))
        return
    print(f"{counted(number, 'images')}: {out}, {which} in {', '.join(files)}")
