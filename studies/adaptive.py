"""Do adaptive step sizes save network calls at equal quality?

    jinc train --preset mnist-class --data MNIST --out runs/mnist-class          # once
    python examples/mnist_classifier.py MNIST                                 # once, the classifier
    python studies/adaptive.py runs/mnist-class runs/classifier.safetensors --mnist MNIST
        [--number 1000] [--unasked 500] [--work runs/adaptive] [--out results/adaptive.json]
        [--picture docs/steps.png]

Compares DDIM in 5, 10, 20 and 50 steps with adaptive steps at four tolerances, by the Fréchet
distance to real test digits in features of the classifier; with the classes as prompts in turn, and
without prompts. For each tolerance, with as many calls rounded up, it adds DPM-Solver++ (2M) and
the steps of `adaptive` at even levels, which separates the effects of second order, of τ and of
adaptivity. All samplers start from the same noise, so differences of distances are bootstrapped
over the same images. `off` is the root mean square distance from the end of the flow, approximated
by 60 even second-order steps.

Generated images are cached under --work.
"""

import argparse
import json
import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from jinc.data import load_images
from jinc.diffusion import AdaptiveStep, SamplerFn, adaptive, ddim, dpm_solver, sample
from jinc.files import writing
from jinc.metrics import (
    Extractor,
    Statistics,
    features_of,
    frechet_distance,
    frechet_error,
    open_digit_classifier,
)
from jinc.models import Model, SamplingPlan, generate_images
from jinc.report.steps import plot_steps, visited_levels
from jinc.train import Run

BUDGETS = {5: 0.06, 10: 0.03, 20: 0.02, 50: 0.01}
"""Steps of DDIM, and the tolerance compared with them."""

FLOW = "the flow"
REPEATS = 200


@dataclass(frozen=True)
class Cell:
    """One sampler and its number of steps.

    Args:
        name: of the file and the row.
        walk: the sampler.
        steps: its steps or levels.
    """

    name: str
    walk: SamplerFn
    steps: int


@dataclass(frozen=True, eq=False)
class Made:
    """Generated images `[N, C, H, W]`, and the network calls of each `[N]`."""

    images: Tensor
    calls: Tensor


def fixed(steps: int) -> Cell:
    """Return the steps of `adaptive` at even levels, without a tolerance."""
    return Cell(f"second order in tau {steps}", partial(adaptive, tolerance=0.0), steps)


def cells(timesteps: int, calls: dict[int, float]) -> Iterator[Cell]:
    """Yield the cells, given the mean calls of the adaptive ones."""
    yield Cell(FLOW, partial(adaptive, tolerance=0.0), 60)
    for steps, tolerance in BUDGETS.items():
        yield Cell(f"ddim {steps}", partial(sample, method=ddim()), steps)
        yield Cell(f"adaptive {tolerance:g}", partial(adaptive, tolerance=tolerance), timesteps)
        equal = math.ceil(calls[steps])
        yield Cell(f"ddim {equal}", partial(sample, method=ddim()), equal)
        yield Cell(f"dpm++ {equal}", dpm_solver, equal)
        yield fixed(equal)


def make(cell: Cell, model: Model, plan: SamplingPlan, file: Path) -> Made:
    """Generate images, or read them from the cache."""
    if not file.exists():
        images, calls = [], []
        own = replace(plan, sampler=cell.walk, steps=cell.steps)
        for numbers, step in generate_images(model, own):
            if step.t == -1:
                images.append(step.x_t)
                each = step.calls if isinstance(step, AdaptiveStep) else torch.tensor(cell.steps)
                calls.append(each.expand(len(numbers)) if each.ndim == 0 else each[: len(numbers)])
        with writing(file) as out:
            out.write(save({"images": torch.cat(images), "calls": torch.cat(calls)}))
    return Made(**load_file(file))


def row(made: Made, features: Tensor, flow: Made, real: Statistics, agree: float | None) -> Any:
    """Return the figures of one cell."""
    apart = (made.images - flow.images).flatten(1).square().mean(1).sqrt()
    calls = made.calls.double()
    return {
        "calls": calls.mean().item(),
        "calls_std": calls.std().item(),
        "frechet": frechet_distance(real, Statistics.of(features)),
        "frechet_error": frechet_error(real, features, repeats=REPEATS)[0],
        "off": apart.square().mean().sqrt().item(),
        "found_as_asked": agree,
    }


def difference(real: Statistics, one: Tensor, other: Tensor) -> dict[str, float]:
    """Return the difference of two distances from the same noise, and its standard error."""
    rng, found = np.random.default_rng(0), []
    for _ in range(REPEATS):
        drawn = torch.from_numpy(rng.integers(0, len(one), len(one)))
        a, b = (frechet_distance(real, Statistics.of(each[drawn])) for each in (one, other))
        found.append(a - b)
    whole = [frechet_distance(real, Statistics.of(each)) for each in (one, other)]
    return {"frechet_less": whole[1] - whole[0], "error": float(np.std(found, ddof=1))}


def calls_as_good(rows: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Interpolate the even steps with the same `off` as each tolerance; None if out of range."""
    found: dict[str, dict[str, float | None]] = {}
    for name, own in rows.items():
        if not name.startswith("adaptive"):
            continue
        found[name] = {"adaptive": own["calls"]}
        for kind in ("ddim", "dpm++", "second order in tau"):
            line = sorted(
                (math.log(each["off"]), math.log(each["calls"]))
                for other, each in rows.items()
                if other.startswith(kind) and each["off"] > 0
            )
            off, calls = zip(*line, strict=True)
            own_off = math.log(own["off"])
            inside = off[0] <= own_off <= off[-1]
            found[name][kind] = math.exp(np.interp(own_off, off, calls)) if inside else None
    return found


class Study:
    """All cells with the same prompts.

    Args:
        model: generates images.
        judge: feature extractor.
        real: statistics of its features for real digits.
        plan: all settings of sampling except the sampler.
        work: folder of cached images.
    """

    def __init__(
        self,
        model: Model,
        judge: Extractor,
        real: Statistics,
        plan: SamplingPlan,
        work: Path,
    ) -> None:
        self.model, self.judge, self.real = model, judge, real
        self.plan, self.work = plan, work
        self.features: dict[str, Tensor] = {}

    def rows(self) -> dict[str, Any]:
        """Measure all cells."""
        calls: dict[int, float] = {}
        for steps, tolerance in BUDGETS.items():
            cell = Cell(
                f"adaptive {tolerance:g}",
                partial(adaptive, tolerance=tolerance),
                self.model.timesteps,
            )
            calls[steps] = self._made(cell).calls.double().mean().item()
        flow = self._made(fixed(60))
        rows: dict[str, Any] = {}
        for cell in cells(self.model.timesteps, calls):
            if cell.name in rows:
                continue
            made = flow if cell.name == FLOW else self._made(cell)
            features, agree = self._looked_at(made)
            self.features[cell.name] = features
            rows[cell.name] = row(made, features, flow, self.real, agree)
            print(cell.name, {k: v and round(v, 4) for k, v in rows[cell.name].items()}, flush=True)
        return rows

    def compared(self) -> dict[str, Any]:
        """Compare each tolerance with DDIM and with the flow."""
        found = {}
        for steps, tolerance in BUDGETS.items():
            own, ddim_, flow = (
                self.features[name] for name in (f"adaptive {tolerance:g}", f"ddim {steps}", FLOW)
            )
            found[f"adaptive {tolerance:g} for ddim {steps}"] = difference(self.real, own, ddim_)
            found[f"adaptive {tolerance:g} for {FLOW}"] = difference(self.real, own, flow)
        return found

    def _made(self, cell: Cell) -> Made:
        file = self.work / f"{cell.name}.safetensors"
        return make(cell, self.model, self.plan, file)

    def _looked_at(self, made: Made) -> tuple[Tensor, float | None]:
        """Return features, and the share of digits classified as the requested class."""
        found = features_of([made.images], self.judge)
        if found.logits is None or not self.plan.prompts:
            return found.values, None
        asked = torch.arange(self.plan.number) % len(self.plan.prompts)
        return found.values, (found.logits.argmax(1) == asked).double().mean().item()


def draw(model: Model, plan: SamplingPlan, tolerance: float, file: Path) -> None:
    """Plot the levels of the steps."""
    asked, images = [], []
    steps: list[Any] = []
    own = replace(plan, sampler="adaptive", tolerance=tolerance)
    for _, step in generate_images(model, own):
        steps.append(step)
        if step.t == -1:
            levels, end = visited_levels(steps, model.timesteps - 1)
            asked, images, steps = asked + levels[: len(end)], [*images, end], []
    title = f"Digits, tolerance {tolerance:g}"
    plot_steps(asked, model.timesteps, file, images=torch.cat(images), title=title)


def real_floor(judge: Extractor, mnist: Path, size: int, number: int, real: Statistics) -> float:
    """Score as many real training digits, the best that a model can be expected to reach."""
    train = load_images(mnist, split="train", image_size=size, channels=1)
    return frechet_distance(real, features_of([train.batch(range(number))], judge).statistics)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--unasked", type=int, default=500, help="images without prompts")
    parser.add_argument("--work", type=Path, default=Path("runs/adaptive"))
    parser.add_argument("--out", type=Path, default=Path("results/adaptive.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/steps.png"))
    options = parser.parse_args()

    model, judge = Run.open(options.run).model(), open_digit_classifier(options.judge)
    size = model.image_size[0]
    test = load_images(options.mnist, split="test", image_size=size, channels=1)
    real = features_of(test, judge).statistics
    conditional = SamplingPlan(number=options.number, prompts=model.class_names)
    result: dict[str, Any] = {
        "what": "Fréchet distance of generated digits to "
        f"{len(test)} real test digits in features of a classifier, by network calls per image; "
        "'off' is the root mean square distance from the end of the flow",
        "timesteps": model.timesteps,
        "judge": judge.facts.words(),
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    draw(model, replace(conditional, number=200), BUDGETS[20], options.picture)
    for name, plan in (
        ("asked for digits in turn", conditional),
        ("unasked", SamplingPlan(number=options.unasked)),
    ):
        print(name, flush=True)
        number = plan.number
        study = Study(model, judge, real, plan, options.work / f"{name}, {number}")
        rows = study.rows()
        result[name] = {
            "images": number,
            "as_many_real_training_digits": real_floor(judge, options.mnist, size, number, real),
            "cells": rows,
            "compared": study.compared(),
            "calls_for_as_small_an_off": calls_as_good(rows),
        }
        with writing(options.out) as file:
            file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
