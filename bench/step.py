"""Time a training step: configurations side by side, fast paths against the naive reference.

    python bench/step.py [--rounds 7] [--out results/bench-step.json]

Batch 16 of 3×32×32, a network of width 32 (5.9 M parameters, R 2.9 M), forward, backward and AdamW.
Every round times each network once, so that a busy machine slows all of them; the script reports
medians of times relative to another network in the same round. `naive` is the same network with
zero-stuffing and dense filters; `circular` and `reflect` are paddings, the others have zeros.
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
from jinc.signal.padding import PADDINGS

NETWORKS = (
    *("A", "D-2N", "B@6", "D@6", "D@12", "R@6", "R@12", "D@ideal"),
    *(f"{name} {padding}" for padding in ("circular", "reflect") for name in ("A", "D@12", "R@12")),
    "D@12 naive",  # last: it uses far more memory than the others
)


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
    network = UNet(config, padding=kind if kind in PADDINGS else "zeros")
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    x_t, t, eps = torch.randn(16, 3, 32, 32), torch.randint(1000, (16,)), torch.randn(16, 3, 32, 32)

    def step() -> None:
        with naive() if kind == "naive" else contextlib.nullcontext():
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

    def relative(name: str, other: str) -> float:
        """Return the median of the time of one network relative to another, round by round."""
        return statistics.median(a / b for a, b in zip(times[name], times[other], strict=True))

    to_zeros = {name: relative(name, name.split()[0]) for name in NETWORKS if " " in name}
    to_d = {f"R@{taps}": relative(f"R@{taps}", f"D@{taps}") for taps in (6, 12)}
    for name, value in median.items():
        plain = f"   {to_zeros[name]:5.2f} × {name.split()[0]}" if name in to_zeros else ""
        print(f"{name:14} {value:7.3f} s   {relative(name, 'A'):5.2f} × A{plain}")
    print(f"R relative to D: {to_d}")
    help_seconds = statistics.median(seconds(start_up) for _ in range(options.rounds))
    print(f"jinc --help takes {help_seconds:.2f} s")

    result = {
        "what": "training step, batch 16, 3×32×32, width 32: medians in seconds",
        "seconds": median,
        "relative_to_A": {name: relative(name, "A") for name in NETWORKS},
        "relative_to_zeros": to_zeros,
        "relative_to_D": to_d,
        "help_seconds": help_seconds,
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
