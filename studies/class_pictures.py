"""Draw samples of a class-conditional run: during training, and by guidance scale.

    python studies/class_pictures.py RUN [--guidance 0 5 10] [--out docs/mnist-class.png]

Left: the samples drawn during training, the earliest at the top. Right: four images of every class
for each guidance scale γ, from the same noise.
"""

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.data import image_grid
from jinc.files import writing
from jinc.models import Model, SamplingPlan, generate_images, images_of
from jinc.train import Run


def guided(model: Model, guidance: float) -> torch.Tensor:
    """Generate four images of every class by DDIM in 50 steps with η = 1."""
    names = model.class_names
    plan = SamplingPlan(number=4 * len(names), prompts=names, guidance=guidance, eta=1.0)
    return images_of(generate_images(model, plan))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--guidance", type=float, nargs="+", default=[0, 5, 10])
    parser.add_argument("--out", type=Path, default=Path("docs/mnist-class.png"))
    options = parser.parse_args()
    run = Run.open(options.run)
    config, model = run.config, run.model()
    steps = {
        config.steps_of_epochs(epochs, len_of(run)): f"epoch {epochs:g}"
        for epochs in config.sample_epochs
    }
    left = {title: Image.open(run.samples(step)) for step, title in steps.items()}
    right = {
        f"γ = {g:g}": image_grid(guided(model, g), columns=len(model.class_names), scale=None)
        for g in options.guidance
    }
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    halves = figure.subfigures(1, 2)
    for half, pictures in zip(halves, (left, right), strict=True):
        axes = half.subplots(len(pictures), 1)
        for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
            axis.imshow(picture, cmap="gray")
            axis.set_title(title, fontsize=9, pad=3)
            axis.axis("off")
    with writing(options.out) as file:
        figure.savefig(file, format="png", dpi=100)


def len_of(run: Run) -> int:
    """Return the number of images in an epoch of a run, from its last step."""
    config = run.config
    return round(run.read_log()[-1]["step"] * config.batch_size / config.epochs)


if __name__ == "__main__":
    main()
