"""Measure the equivariance of trained networks to rotations and shifts, in decibels.

    python studies/equivariance_runs.py MNIST_FOLDER MNIST_M_FOLDER     # trains them, takes hours
    python studies/equivariance.py MNIST_FOLDER MNIST_M_FOLDER [--out results/equivariance.json]

Every network is measured on 32 test images of its data, and on 32 generated images:

- network: predictions from transformed noisy images against transformed predictions, at three t;
- EQ-T, EQ-T frac and EQ-R, by Fourier shifts and rotations, with DDIM in 50 steps;
- on the way: images transformed a little after every step against images transformed at the end, by
  angles between −90 and 90° with the unitary operator and with the spline, and by half a pixel;
  with DDIM in 50 and in 20 steps, and with DDPM in all 1,000 for the networks named in ANCESTRAL.

"floors" has, for every kind of data, the figures of an exactly equivariant denoiser of images with
the same spectrum, clipped like the networks: the limits set by the pixel grid, clipping and
operator. Existing measurements are not repeated.
"""

import argparse
import json
import math
import platform
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from equivariance_runs import AUGMENT, Cell, cells, done

from jinc.data import load_images, to_float
from jinc.diffusion import (
    Method,
    Moving,
    Rotation,
    Schedule,
    SeededNoise,
    Shift,
    clip,
    ddim,
    ddpm,
    forward,
    isotropic,
    rotating,
    shifting,
    timesteps,
)
from jinc.files import writing
from jinc.metrics import (
    Sampling,
    eq_r,
    eq_t,
    eq_t_frac,
    moved_during_sampling,
    network_equivariance,
)
from jinc.models import Model, SamplingPlan
from jinc.train import Run
from jinc.train.augment import Augmentation
from jinc.types import Denoiser, Images

MANY, NUMBER, FEW = 512, 32, 8
LEVELS = (100, 300, 600)
ANGLES = {50: (-90, -45, -15, 15, 45, 90), 20: (-90, -45, -15, 15, 45, 90), 1000: (45, 90)}
"""Angles by number of steps."""
METHODS = ("unitary", "spline")
SAMPLERS: dict[str, tuple[Method, int]] = {
    "DDIM-50": (ddim(), 50),
    "DDIM-20": (ddim(), 20),
    "DDPM-1000": (ddpm(), 1000),
}
ANCESTRAL = (
    ("mnist", "shifted", "circular"),
    ("mnist", "turned", "zeros"),
    ("mnist", "as it is", "zeros"),
    ("mnist-m", "shifted", "circular"),
    ("mnist-m", "turned", "zeros"),
)


def of_network(cell: Cell, model: Model, folder: Path) -> dict[str, Any]:
    """Measure all figures of one network."""
    many = clean_images(cell, folder, MANY)
    x0 = many[:NUMBER]
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(1))
    half = Shift(torch.full((NUMBER, 2), 0.5 / x0.shape[-1]))
    turn = Rotation.draw(np.random.default_rng(1), NUMBER)
    levels = {
        name: [
            vars(each)
            for each in network_equivariance(
                model.denoiser(), model.schedule, x0, eps, move, LEVELS
            )
        ]
        for name, move in (("half a pixel", half), ("turn", turn))
    }
    ancestral = not cell.loss and (cell.data, cell.kind, cell.padding) in ANCESTRAL
    generated = of_sampling(
        SamplingPlan().denoiser(model, range(NUMBER)), model.schedule, x0, ancestral
    )
    return {"cell": vars(cell), "loss": loss(model, many), "network": levels, **generated}


def floor(cell: Cell, schedule: Schedule, folder: Path) -> dict[str, Any]:
    """Measure an exactly equivariant denoiser of such images."""
    x0 = clean_images(cell, folder, NUMBER)
    ancestral = any((cell.data, cell.kind) == each[:2] for each in ANCESTRAL)
    return of_sampling(clip(isotropic.fit(schedule, x0)), schedule, x0, ancestral)


def of_sampling(
    denoiser: Denoiser, schedule: Schedule, x0: Images, ancestral: bool
) -> dict[str, Any]:
    """Measure the images that a denoiser generates."""
    sampling = Sampling(denoiser, schedule, x0)
    replay = partial(SeededNoise, 0, range(NUMBER))
    eq = {
        each.__name__: each(sampling, replay, np.random.default_rng(2))
        for each in (eq_t, eq_t_frac, eq_r)
    }
    ways = {
        name: on_the_way(denoiser, schedule, x0, *how)
        for name, how in SAMPLERS.items()
        if ancestral or name != "DDPM-1000"
    }
    return {"eq": eq, "on the way": ways}


def on_the_way(
    denoiser: Denoiser, schedule: Schedule, x0: Images, method: Method, steps: int
) -> dict[str, Any]:
    """Return the PSNR of images rotated by each angle, and shifted by ½ px, during sampling."""
    number = NUMBER if steps < 1000 else FEW
    levels = timesteps(len(schedule), steps)
    sampling = Sampling(denoiser, schedule, x0[:number], method, levels)
    turns: list[Moving] = [
        rotating(math.radians(angle), levels, name) for name in METHODS for angle in ANGLES[steps]
    ]
    movings = [*turns, shifting(0.5, 0.5, levels)]
    replay = partial(SeededNoise, 3, range(number))
    *dbs, shifted = [db for _, db in moved_during_sampling(sampling, replay, movings)]
    curves = np.array(dbs).reshape(len(METHODS), -1).tolist()
    return {"turned": dict(zip(METHODS, curves, strict=True)), "shifted": shifted}


def clean_images(cell: Cell, folder: Path, number: int) -> Images:
    """Return test images with the augmentation of the training data."""
    images = load_images(folder, split="test", image_size=16)
    x0 = to_float(images.batch(np.arange(number)))
    augmentation = Augmentation(AUGMENT[cell.kind])
    return augmentation.apply(x0, augmentation.draw(np.random.default_rng(0), number))


@torch.no_grad()
def loss(model: Model, x0: Images) -> float:
    """Return the mean square error of ε on test images, with t spread evenly over all levels."""
    random = torch.Generator().manual_seed(4)
    eps = torch.randn(x0.shape, generator=random)
    t = torch.linspace(0, model.timesteps - 1, len(x0)).long()
    x_t = forward(model.schedule, x0, t, eps)
    parts = zip(x_t.split(64), t.split(64), strict=True)
    eps_hat = torch.cat([model.network(x, at) for x, at in parts])
    return float((eps_hat - eps).square().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path)
    parser.add_argument("mnist_m", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--runs", type=Path, default=Path("runs/equivariance"))
    parser.add_argument("--out", type=Path, default=Path("results/equivariance.json"))
    options = parser.parse_args()
    folders = {"mnist": options.mnist, "mnist-m": options.mnist_m}
    before = json.loads(options.out.read_text()) if options.out.is_file() else {}
    measured, floors = before.get("runs", {}), before.get("floors", {})
    for cell in cells():
        path, data = options.runs / cell.name, f"{cell.data} {cell.kind}"
        if cell.name in measured or not done(path, options.steps):
            continue
        model, folder = Run.open(path).model(), folders[cell.data]
        if data not in floors:
            floors[data] = floor(cell, model.schedule, folder)
        measured[cell.name] = of_network(cell, model, folder)
        eq = measured[cell.name]["eq"]
        print(cell.name, {name: round(db, 1) for name, db in eq.items()}, flush=True)
        result = {
            "what": "equivariance of trained networks, dB; see studies/equivariance.py",
            "images": f"16×16, {NUMBER} of them, {FEW} for DDPM",
            "angles by steps": ANGLES,
            "trained": f"{options.steps} steps of batch 32, width 16",
            "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
            "floors": floors,
            "runs": measured,
        }
        with writing(options.out) as file:
            file.write((json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
