"""`jinc sample`."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.memory import keep_freed_memory
from jinc.cli.models import class_labels, open_model
from jinc.cli.places import check_folder, make_folder
from jinc.cli.sampling import (
    MethodName,
    check_guidance,
    check_number_and_seed,
    sampling_levels,
    sampling_method,
)
from jinc.data import image_grid, save_images, save_png
from jinc.models import CHUNK, choose_device, generate_images, grid_columns

MOST_SHOWN = 400
"""Images in one grid."""


def sample(
    source: Path,
    /,
    *,
    out: Path,
    number: Annotated[int, Parameter(alias="-n")] = 16,
    method: MethodName = "ddim",
    steps: int | None = None,
    eta: float = 0.0,
    seed: int = 0,
    classes: Annotated[
        tuple[str, ...], Parameter(name="--class", consume_multiple=True, negative=())
    ] = (),
    guidance: float = 1.0,
    clip: bool = True,
    calibrate: bool | None = None,
    device: str = "auto",
) -> None:
    """Generate images. Image i of a seed is the same, byte for byte, however many are asked for.

    Args:
        source: a run folder, or a model folder.
        out: folder for the images, 000000.png and on, and grid.png with the first 400.
        number: how many.
        method: DDIM; DDPM, the published sampler; or the strided posterior.
        steps: how many steps: 50 for ddim and posterior, all for ddpm, if not given.
        eta: of DDIM: 0 draws no fresh noise, 1 as much as DDPM.
        seed: other seeds give other images.
        classes: classes to generate, by name or number, dealt out in turn; all if not given.
        guidance: γ of classifier-free guidance, for models whose labels were hidden in training:
            0 forgets the classes, 1 is the model as it is, 5 insists.
        clip: keep predictions in the range of images.
        calibrate: correct the amplitude of the predicted noise; if not given, for networks that
            cannot know it. The published sampler is `--method ddpm --no-clip --no-calibrate`.
        device: cpu, cuda, mps, or auto for the best there is.
    """
    console = Console(stderr=True)
    keep_freed_memory()
    check_number_and_seed(number, seed)
    check_folder(out)
    model = open_model(source)
    model.network.to(choose_device(device))
    levels = sampling_levels(model, method, steps)
    labels = class_labels(model, classes)
    check_guidance(model, guidance)
    walks = generate_images(
        model,
        number,
        method=sampling_method(method, eta),
        steps=levels,
        seed=seed,
        labels=labels,
        guidance=guidance,
        clipped=clip,
        calibrated=calibrate,
    )
    make_folder(out)
    images: list[Tensor] = []
    with Progress(console=console) as bar:
        chunks = -(-number // CHUNK)
        task = bar.add_task("sampling", total=chunks * len(levels))
        for numbers, step in walks:
            bar.advance(task)
            if step.t == -1:
                save_images(out, step.x_t, numbers.start)
                images += [step.x_t] if numbers.start < MOST_SHOWN else []
    shown = torch.cat(images)[:MOST_SHOWN]
    save_png(out / "grid.png", image_grid(shown, columns=grid_columns(labels), scale=None))
    which = "all of them" if len(shown) == number else f"the first {len(shown)}"
    print(f"{number} images: {out}, {which} in {out / 'grid.png'}")
