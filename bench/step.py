"""Time a training step: configurations side by side, fast paths against the naive reference.

    python bench/step.py [--rounds 7] [--out results/bench-step.json]

Batch 16 of 3×32×32, a network of width 32 (5.9 M parameters), forward, backward and AdamW. Every
round times each network once, so that a busy machine slows all of them; the script reports medians,
of which only ratios are meaningful. `naive` is the same network with zero-stuffing and dense
filters.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from machine import machine

from jinc.nn import UNet
from jinc.signal import reference

NETWORKS = ("A", "D-2N", "B@6", "D@6", "D@12", "D@ideal", "D@12 naive")


def naive() -> contextlib.AbstractContextManager[object]:
    """Replace the fast resamplers by the slow references."""
    return mock.patch.multiple(
        "jinc.nn.layers",
        upsample=reference.upsample,
        downsample=reference.downsample,
        filtered_activation=reference.filtered_activation,
    )


def training_step(name: str) -> Callable[[], None]:
    """Return a function that runs one training step of a new network."""
    torch.manual_seed(0)
    config, _, kind = name.partition(" ")
    network = UNet(config)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    x_t, t, eps = torch.randn(16, 3, 32, 32), torch.randint(1000, (16,)), torch.randn(16, 3, 32, 32)

    def step() -> None:
        with naive() if kind else contextlib.nullcontext():
            optimiser.zero_grad()
            (network(x_t, t) - eps).square().mean().backward()
            optimiser.step()

    return step


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def start_up() -> object:
    """Run `jinc --help` in its own process."""
    call = "import sys; sys.argv = ['jinc', '--help']; from jinc.cli import main; main()"
    return subprocess.run([sys.executable, "-c", call], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("results/bench-step.json"))
    options = parser.parse_args()

    steps = {name: training_step(name) for name in NETWORKS}
    for step in steps.values():
        step()
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name, step in steps.items():
            times[name].append(seconds(step))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{name:12} {value:7.3f} s   {value / median['A']:5.2f} × A")
    ratio = median["D@12 naive"] / median["D@12"]
    print(f"the fast path of D@12 is {ratio:.2f} times as fast as the naive one")
    help_seconds = statistics.median(seconds(start_up) for _ in range(options.rounds))
    print(f"jinc --help takes {help_seconds:.2f} s")

    result = {
        "what": "training step, batch 16, 3×32×32, width 32: medians in seconds",
        "seconds": median,
        "relative_to_A": {name: value / median["A"] for name, value in median.items()},
        "naive_over_fast_D@12": ratio,
        "help_seconds": help_seconds,
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
