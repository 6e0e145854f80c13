"""Are digits still recognised after rotation during sampling, and back?

    jinc train --preset mnist-class --data MNIST --out runs/mnist-class          # once
    python examples/mnist_classifier.py MNIST                                 # once, the classifier
    python studies/recognition.py runs/mnist-class runs/classifier.safetensors
        [--number 200] [--few 60] [--guidance 1] [--out results/recognition.json]

Digits of all classes in turn are rotated by θ in all, a little after every step, rotated back in
one operation by the same operator, and given to a classifier of upright digits. All start from the
same noise; fresh noise is rotated with the image, without loss. DDPM, with all its steps, generates
only --few digits.
"""

import argparse
import json
import math
import platform
import runpy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from class_agreement import CLASSES, EXAMPLE, judge

from jinc.diffusion import Method, ddim, ddpm, sample
from jinc.files import writing
from jinc.models import Model, SamplingPlan, images_of, sweep_images, turns
from jinc.train import Run

ANGLES = (0, 15, 30, 45, 90)
OPERATORS = ("unitary", "spline")
SAMPLERS: dict[str, tuple[Method, int]] = {
    "DDIM-20": (ddim(), 20),
    "DDIM-50": (ddim(), 50),
    "DDPM": (ddpm(), 300),
}
LONG = ("DDPM",)
"""Samplers that generate --few digits."""


def recognised(
    model: Model, classifier: Any, operator: str, sampler: str, number: int, guidance: float
) -> list[float]:
    """Return the share of digits classified as requested, by angle."""
    method, steps = SAMPLERS[sampler]
    asked = torch.arange(number).repeat_interleave(len(ANGLES)) % CLASSES
    walk = sweep_images(
        model,
        turns([math.radians(angle) for angle in ANGLES], operator),
        SamplingPlan(
            number=number,
            prompts=model.class_names,
            guidance=guidance,
            sampler=partial(sample, method=method),
            steps=steps,
        ),
        back=True,
    )
    images = images_of(walk)
    right = judge(classifier, images).argmax(-1) == asked
    return right.view(number, len(ANGLES)).float().mean(0).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--few", type=int, default=60)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("results/recognition.json"))
    options = parser.parse_args()
    model = Run.open(options.run).model()
    classifier = runpy.run_path(str(EXAMPLE))["load"](options.classifier)
    found: dict[str, dict[str, list[float]]] = {}
    numbers = {name: options.few if name in LONG else options.number for name in SAMPLERS}
    for sampler, number in numbers.items():
        for operator in OPERATORS:
            shares = recognised(model, classifier, operator, sampler, number, options.guidance)
            found.setdefault(sampler, {})[operator] = shares
            print(sampler, operator, dict(zip(ANGLES, shares, strict=True)), flush=True)
    result = {
        "what": "share of digits that a classifier recognises as requested, after rotation during "
        "sampling and back",
        "digits": numbers,
        "guidance": options.guidance,
        "angles": ANGLES,
        "recognised": found,
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
