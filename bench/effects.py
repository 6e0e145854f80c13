"""Measure the overhead of effects relative to the time of their network calls.

    python bench/effects.py [--rounds 11] [--quick] [--out results/bench-effects.json]

Two networks, batch 16: the U-Net of width 32 (5.9 M parameters) on 3×32×32, and that of CS180 with
width 32, as in `runs/mnist-class`, on 1×28×28. The figure is CPU time outside the network divided
by CPU time inside it, within the same call, so that a busy machine slows both. Every round calls
everything once; the script reports medians over rounds. It also counts network calls: all branches
of an effect share one.

`plain` is a denoiser without effects; `one step` is a complete DDIM step, optionally with `replace`
or `RePaint`.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from tables import Table, main
from timing import Size
from torch import Tensor, nn

from jinc.diffusion import (
    SeededNoise,
    anagram,
    c4,
    calibrate,
    cfg,
    clip,
    colour_hybrid,
    dynamic_threshold,
    generate,
    hybrid,
    identity,
    project,
    quarter_turns,
    repaint_levels,
    replace,
    rotation,
    sum_preserving,
    symmetrize,
    triple_hybrid,
)
from jinc.models import Model
from jinc.nn import CS180UNet, UNet
from jinc.types import Denoiser

BATCH = 16
DIGITS = tuple("0123456789")


class Inside:
    """Measures the time, number and batch size of network calls."""

    def __init__(self, network: nn.Module) -> None:
        network.register_forward_pre_hook(self._enter)
        network.register_forward_hook(self._leave)
        self.forget()

    def forget(self) -> None:
        """Reset the counters."""
        self.seconds, self.calls, self.images = 0.0, 0, 0

    def _enter(self, network: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        self.calls += 1
        self.images += len(arguments[0])
        self.seconds -= time.process_time()

    def _leave(self, network: nn.Module, arguments: tuple[Tensor, ...], answer: Tensor) -> None:
        self.seconds += time.process_time()


def denoisers(model: Model, shape: tuple[int, ...]) -> dict[str, Denoiser]:
    """Return every effect on a model, by name."""
    cat, dog, bird, any_ = (model.prompted([word] * BATCH) for word in ("3", "5", "7", ""))
    half = torch.zeros(shape[-2:])
    half[: shape[-2] // 2] = 1
    upright = identity(), cat
    found: dict[str, Denoiser] = {
        "plain": cat,
        "clip": clip(cat),
        "dynamic_threshold": dynamic_threshold(cat),
        "calibrate": calibrate(cat, model.schedule),
        "project": project(cat, onto=torch.zeros(shape), where=half),
        "cfg": cfg(cat, any_, 5.0),
        "cfg, rescaled": cfg(cat, any_, 5.0, rescale=0.7),
        "anagram, upside down": anagram([upright, (quarter_turns(2), dog)]),
        "anagram, 37°": anagram([upright, (rotation(math.radians(37)), dog)]),
        "anagram, 37°, sum": anagram(
            [upright, (rotation(math.radians(37)), dog)], sum_preserving(model.schedule)
        ),
        "hybrid": hybrid(cat, dog),
        "hybrid of three": triple_hybrid(cat, dog, bird),
        "symmetrize, C4": symmetrize(cat, c4()),
    }
    if shape[1] == 3:
        found["hybrid by colour"] = colour_hybrid(cat, dog)
    guided = [(view, cfg(d, any_, 5.0)) for view, d in (upright, (rotation(0.6), dog))]
    found["anagram, cfg, calibrate, clip"] = clip(calibrate(anagram(guided), model.schedule))
    return found


def calls_of(model: Model, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """Return all calls to measure, by name."""
    noise = SeededNoise(0, range(BATCH))
    x_t, t = noise(torch.empty(shape)), torch.full((BATCH,), model.timesteps // 2)
    made = denoisers(model, shape)
    calls: dict[str, Callable[[], object]] = {
        name: lambda denoiser=denoiser: denoiser(x_t, t) for name, denoiser in made.items()
    }
    half = torch.zeros(shape[-2:])
    half[: shape[-2] // 2] = 1
    put_back = replace(model.schedule, torch.zeros(shape), half, noise)
    levels = [9, 8, 7, 6]

    def walk(levels: list[int], **options: Any) -> Callable[[], object]:
        return lambda: generate(made["plain"], model.schedule, x_t, steps=levels, **options)

    calls["one step"] = walk(levels)
    calls["one step, replace"] = walk(levels, noise=noise, after=put_back)
    jumps = repaint_levels(levels, jump=2, times=2)
    calls["one step, RePaint"] = walk(jumps, noise=noise, after=put_back)
    return calls


def rows_of(model: Model, shape: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    """Return medians over rounds by effect."""
    inside = Inside(model.network)
    calls = calls_of(model, shape)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(rounds + 2):
        for name, call in calls.items():
            inside.forget()
            since = time.process_time()
            call()
            outside = time.process_time() - since - inside.seconds
            found[name].append(
                {
                    "share": outside / inside.seconds,
                    "network, s": inside.seconds,
                    "calls": inside.calls,
                    "images": inside.images,
                }
            )
    return {
        name: {key: statistics.median(row[key] for row in rows[2:]) for key in rows[0]}
        for name, rows in found.items()
    }


@torch.no_grad()
def measure(size: Size) -> list[Table]:
    """Measure every effect on both networks."""
    torch.manual_seed(0)
    unet = UNet("A", channels=3, width=size.width, classes=10).eval()
    cs180 = CS180UNet("A", channels=1, width=size.width, classes=10, timesteps=300).eval()
    models = {
        "UNet A": Model(unet, (32, 32), DIGITS),
        "CS180UNet A": Model(cs180, (28, 28), DIGITS, timesteps=300),
    }
    tables = []
    for name, model in models.items():
        shape = BATCH, model.network.channels, *model.image_size
        title = f"{name}, width {size.width}, {'×'.join(map(str, shape))}"
        note = "CPU time outside the network relative to that inside it: medians."
        tables.append(Table(title, rows_of(model, shape, size.rounds), note))
    return tables


if __name__ == "__main__":
    main(__doc__, measure, "effects")
