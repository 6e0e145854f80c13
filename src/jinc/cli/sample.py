"""`jinc sample`."""

from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.models import open_model
from jinc.cli.places import check_folder, make_folder
from jinc.cli.sampling import USUAL, Options
from jinc.data import image_grid, save_images, save_png
from jinc.models import CHUNK, generate_images, grid_columns

MOST_SHOWN = 400
"""Images in one grid."""


def sample(source: Path, /, *, out: Path, options: Options = USUAL) -> None:
    """Generate images. Image i of a seed is the same, byte for byte, however many are asked for.

    Args:
        source: a run folder, or a model folder.
        out: folder for the images, 000000.png and on, and grid.png with the first 400.
        options: which images, and how.
    """
    options.check()
    check_folder(out)
    model = options.on_device(open_model(source))
    levels, shaping = options.levels(model.timesteps), options.shaping(model)
    number = options.number
    walks = generate_images(
        model, number, shaping=shaping, walk=options.walk(), steps=levels, seed=options.seed
    )
    make_folder(out)
    images: list[Tensor] = []
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("sampling", total=-(-number // CHUNK) * len(levels))
        for numbers, step in walks:
            bar.advance(task)
            if step.t == -1:
                save_images(out, step.x_t, numbers.start)
                images += [step.x_t] if numbers.start < MOST_SHOWN else []
    shown = torch.cat(images)[:MOST_SHOWN]
    save_png(out / "grid.png", image_grid(shown, columns=grid_columns(shaping.prompts), scale=None))
    which = "all of them" if len(shown) == number else f"the first {len(shown)}"
    print(f"{number} images: {out}, {which} in {out / 'grid.png'}")
