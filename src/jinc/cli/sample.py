"""`jinc sample`."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.places import check_folder, make_folder
from jinc.cli.watching import Watch, WatchedOptions
from jinc.data import image_grid, remove_images, save_images, save_png
from jinc.models import CHUNK, generate_images, grid_columns

MOST_SHOWN = 400
"""Images in one grid."""

USUAL = WatchedOptions()


def sample(
    source: Path,
    /,
    *,
    out: Path,
    options: Annotated[WatchedOptions, Parameter(name="*")] = USUAL,
) -> None:
    """Generate images. Image i of a seed is the same, byte for byte, however many are asked for.

    Args:
        source: a run folder, or a model folder.
        out: folder for the images, 000000.png and on, and grid.png with the first 400.
        options: which images, and how.
    """
    options.check()
    check_folder(out)
    model = options.open(source)
    levels, shaping = options.levels(model.timesteps), options.shaping(model)
    number = options.number
    walks = generate_images(
        model, number, shaping=shaping, walk=options.walk(), steps=levels, seed=options.seed
    )
    make_folder(out)
    images: list[Tensor] = []
    watch = Watch(options, len(levels), -(-number // CHUNK))
    for numbers, done in watch.finished(walks):
        save_images(out, done, numbers.start)
        images += [done] if numbers.start < MOST_SHOWN else []
    remove_images(out, number)  # of an earlier call for more
    shown = torch.cat(images)[:MOST_SHOWN]
    save_png(out / "grid.png", image_grid(shown, columns=grid_columns(shaping.prompts), scale=None))
    which = "all of them" if len(shown) == number else f"the first {len(shown)}"
    files = ", ".join([str(out / "grid.png"), *watch.write(out)])
    print(f"{number} images: {out}, {which} in {files}")
