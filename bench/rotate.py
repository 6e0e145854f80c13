"""Time the rotation of a batch against SciPy's spline and against one network call.

    python bench/rotate.py [--rounds 15] [--out results/bench-rotate.json]

64 images of 3×32×32 in float32, by one angle and by one angle per image. SciPy rotates them one by
one with `ndimage.rotate(order=3, mode="grid-wrap")`. The step is one call of the U-Net of width 32
(5.9 M parameters) without gradients, as in sampling. Every round times everything once, so that a
busy machine slows all of it; the script reports medians of CPU time, of which only ratios are
meaningful. As in Jinc's commands, the process keeps freed memory.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import machine
from scipy import ndimage

from jinc.models import keep_freed_memory
from jinc.nn import UNet
from jinc.signal import rotate
from jinc.signal.rotate import METHODS

ANGLE_DEGREES = 0.09


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of one call, over all threads."""
    start = time.process_time()
    call()
    return time.process_time() - start


def scipy_spline(x: torch.Tensor) -> list[object]:
    """Rotate images one by one."""
    return [
        ndimage.rotate(image, ANGLE_DEGREES, (2, 1), reshape=False, order=3, mode="grid-wrap")
        for image in x.numpy()
    ]


def measured(rounds: int) -> dict[str, float]:
    """Return the median seconds of every method."""
    torch.manual_seed(0)
    x, t = torch.randn(64, 3, 32, 32), torch.full((64,), 500)
    angle = torch.tensor(ANGLE_DEGREES).deg2rad().item()
    each = torch.linspace(-3, 3, 64)
    network = UNet("A").eval()
    calls: dict[str, Callable[[], object]] = {
        "scipy spline": lambda: scipy_spline(x),
        **{method: lambda method=method: rotate(x, angle, method) for method in METHODS},
        "unitary, an angle each": lambda: rotate(x, each),
        "step of the U-Net": lambda: network(x, t),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            times[name].append(seconds(call))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("results/bench-rotate.json"))
    options = parser.parse_args()

    keep_freed_memory()
    median = measured(options.rounds)
    for name, value in median.items():
        print(f"{name:24} {1e3 * value:8.2f} ms   {median['scipy spline'] / value:5.1f} × as fast")
    result = {
        "what": "64 images of 3×32×32, float32, one angle: medians of CPU time, seconds",
        "seconds": median,
        "scipy_over_unitary": median["scipy spline"] / median["unitary"],
        "unitary_over_step": median["unitary"] / median["step of the U-Net"],
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
