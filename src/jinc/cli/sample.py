"""`jinc sample`."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.results import ResultOptions, Results
from jinc.cli.sampling import SAMPLING
from jinc.data import image_grid, numbered_name, save_images, save_png
from jinc.errors import counted
from jinc.models import generate_images, grid_columns

MOST_SHOWN = 400
"""Images in the grid."""

DEFAULTS = ResultOptions()


def sample(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    options: Annotated[ResultOptions, Parameter(name="*", group=SAMPLING)] = DEFAULTS,
) -> None:
    """Generate images. Image i of a seed is the same, byte for byte, however many you generate.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for the images (000000.png …), grid.png with the first 400 of them, and
            provenance.json (default: out/MODEL/sample).
        options: which images, and how.
    """
    number, out = options.number, out or results_folder(source, "sample")
    shown = ["grid.png", *options.trajectories]
    results = Results(out, "images", options, [*map(numbered_name, range(number)), *shown])
    model = options.open(source)
    plan = options.for_model(model)
    steps = plan.count(model.timesteps)
    results.describe(source, plan, steps)
    first: list[Tensor] = []
    for numbers, images in results.finished(generate_images(model, plan), number, steps):
        save_images(results.folder(), images, numbers.start)
        first += [images] if numbers.start < MOST_SHOWN else []
    grid = torch.cat(first)[:MOST_SHOWN]
    save_png(out / "grid.png", image_grid(grid, columns=grid_columns(plan.prompts), scale=None))
    which = "all of them" if len(grid) == number else f"the first {len(grid)}"
    files = ", ".join(str(out / name) for name in shown)
    line = f"{counted(number, 'images')}: {out}, {which} in {files}"
    results.report(line, {"images": number, "out": str(out)}, shown)
