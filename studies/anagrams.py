"""How often does an anagram show two digits? An MNIST classifier evaluates both views.

    python examples/mnist_classifier.py MNIST                         # once, trains the classifier
    python studies/anagrams.py runs/mnist-class runs/classifier.safetensors
        [--number 100] [--out results/anagrams.json]

An anagram succeeds if the classifier finds the first digit in the image and the second in its view.
The control of every pair is generated from the same noise with the first prompt only: a 0 upside
down is a 0 anyway. Cells already in the file with the same settings are not measured again.
"""

import argparse
import json
import platform
import runpy
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from class_agreement import CLASSES, EXAMPLE, SURE, judge
from torch import Tensor, nn

from jinc.diffusion import (
    Reduction,
    alternating,
    identity,
    mean,
    sum_preserving,
    timesteps,
    view_by_name,
)
from jinc.errors import JincError
from jinc.files import writing
from jinc.models import Anagram, Model, SamplingPlan, generate_images, images_of, open_model

ALONE = "alone"
"""In place of a reduction: the control with the first prompt only."""


@dataclass(frozen=True)
class Cell:
    """One setting to measure.

    Args:
        first: the digit in the image.
        second: the digit in the view.
        view: name for `view_by_name`.
        reduction: combines the predictions; `alone` uses the first prompt only.
        guidance: γ.
        eta: of DDIM.
    """

    first: int
    second: int
    view: str
    reduction: Literal["mean", "sum", "alternating", "alone"] = "mean"
    guidance: float = 5.0
    eta: float = 0.0

    @property
    def name(self) -> str:
        """Name with all settings."""
        pair = f"{self.first} | {self.second} {self.view}"
        return f"{pair}, {self.reduction}, γ = {self.guidance:g}, η = {self.eta:g}"


PAIRS = (
    (6, 9, "quarter_turns 2"),
    (4, 7, "quarter_turns 2"),
    (8, 8, "quarter_turns 2"),
    (2, 5, "vflip"),
    (7, 9, "rotate 37"),
    (4, 2, "rotate 37"),
)
EASY, HARD = PAIRS[0], PAIRS[4]
CELLS = [
    *(Cell(*pair, reduction) for pair in PAIRS for reduction in ("mean", ALONE)),
    *(Cell(*pair, guidance=guidance) for pair in (EASY, HARD) for guidance in (1.0, 10.0)),
    *(Cell(*pair, reduction) for pair in (EASY, HARD) for reduction in ("sum", "alternating")),
]


def anagrams(model: Model, cell: Cell, number: int, steps: int) -> Tensor:
    """Generate anagrams `[number, C, H, W]`."""
    levels = timesteps(model.timesteps, steps)
    joins: dict[str, Reduction] = {
        "mean": mean(),
        "sum": sum_preserving(model.schedule),
        "alternating": alternating(levels),
        ALONE: mean(),
    }
    views, digits = (identity(), view_by_name(cell.view)), (cell.first, cell.second)
    seen = 1 if cell.reduction == ALONE else 2
    prompts = [model.class_names[digit] for digit in digits[:seen]]
    plan = SamplingPlan(
        number=number, prompts=prompts, guidance=cell.guidance, eta=cell.eta, steps=levels
    )
    composition = Anagram(views=views[:seen], reduce=joins[cell.reduction])
    return images_of(generate_images(model, plan, composition=composition))


def judged(images: Tensor, cell: Cell, classifier: nn.Module) -> dict[str, Any]:
    """Return the shares of images in which the classifier finds the digits."""
    looks = images, view_by_name(cell.view)(images)
    found = torch.stack([judge(classifier, look) for look in looks])
    digits = torch.tensor([cell.first, cell.second])[:, None]
    right = found.argmax(-1) == digits
    sure = found.gather(-1, digits[..., None].expand(2, len(images), 1))[..., 0] >= SURE
    shares = {"finds_first": right[0], "finds_second": right[1]}
    shares |= {"finds_both": right.all(0), "sure_of_both": sure.all(0)}
    return {name: those.double().mean().item() for name, those in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("results/anagrams.json"))
    options = parser.parse_args()
    model = open_model(options.run)
    if len(model.class_names) != CLASSES:
        raise JincError(f"{options.run}: has {len(model.class_names)} classes, not the ten digits")
    classifier = runpy.run_path(str(EXAMPLE))["load"](options.classifier)
    settings = {"pictures": options.number, "sampling": f"DDIM, {options.steps} steps"}
    result = {
        "what": "shares of anagrams in which an MNIST classifier finds the first digit, the second "
        "in the view, both, and both with at least the probability of sure_means_probability",
        "sure_means_probability": SURE,
        **settings,
        "cells": {},
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    if options.out.exists():
        before = json.loads(options.out.read_text())
        if all(before.get(name) == value for name, value in settings.items()):
            result["cells"] = before["cells"]
    for cell in CELLS:
        if cell.name not in result["cells"]:
            since = time.process_time()
            shares = judged(anagrams(model, cell, options.number, options.steps), cell, classifier)
            seconds = {"cpu_seconds": time.process_time() - since}
            result["cells"][cell.name] = asdict(cell) | shares | seconds
            with writing(options.out) as file:
                file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
        found = result["cells"][cell.name]
        sure = f"{found['sure_of_both']:.0%} with p ≥ {SURE:g}"
        print(f"{cell.name}: {found['finds_both']:.0%} both, {sure}", flush=True)


if __name__ == "__main__":
    main()
