"""Time a training step: configurations side by side, fast paths against the naive reference.

    python bench/step.py [--rounds 7] [--out results/bench-step.json]

Batch 16 of 3×32×32, a network of width 32 (5.9 M parameters, R 2.9 M), forward, backward and AdamW.
Every round times each network once, so that a busy machine slows all of them; the script reports
medians of times relative to another network in the same round. `naive` is the same network with
zero-stuffing and dense filters; `circular` and `reflect` are paddings, the others have zeros. Two
networks of diffusers, of 5.0 and 6.1 million parameters, are trained in the same way. `memory` is
the peak of a step beyond weights and optimiser, `sampling` a step for 64 images without gradients.
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
from diffusers import UNet2DModel
from machine import machine
from memory import peak_bytes
from torch import Tensor, nn

from jinc.nn import UNet
from jinc.signal import reference
from jinc.signal.padding import PADDINGS

NETWORKS = (
    *("A", "D-2N", "B@6", "D@6", "D@12", "R@6", "R@12", "D@ideal"),
    *(f"{name} {padding}" for padding in ("circular", "reflect") for name in ("A", "D@12", "R@12")),
    *("diffusers, 1 layer", "diffusers, 2 layers"),
    "D@12 naive",  # last: it uses far more memory than the others
)
COMPARED = ("A", "D@6", "D@12")
"""In memory and sampling."""


def naive() -> contextlib.AbstractContextManager[object]:
    """Replace the fast resamplers by the slow references."""
    return mock.patch.multiple(
        "jinc.nn.layers",
        upsample=reference.upsample,
        downsample=reference.downsample,
        filtered_activation=reference.filtered_activation,
    )


class Diffusers(nn.Module):
    """A `UNet2DModel` with some layers a block, and attention at the second level."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.unet = UNet2DModel(
            sample_size=32,
            block_out_channels=(48, 96, 128, 128) if layers == 1 else (48, 96, 112, 112),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
            layers_per_block=layers,
            norm_num_groups=16,
        )

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise of `[B, 3, 32, 32]`."""
        predicted: Tensor = self.unet(x_t, t).sample
        return predicted


def network_of(name: str) -> nn.Module:
    """Make a network by its name."""
    torch.manual_seed(0)
    if name.startswith("diffusers"):
        return Diffusers(1 if "1 layer" in name else 2)
    config, _, kind = name.partition(" ")
    return UNet(config, padding=kind if kind in PADDINGS else "zeros")


def training_step(name: str) -> Callable[[], None]:
    """Return a function that runs one training step of a new network."""
    network = network_of(name)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    x_t, t, eps = torch.randn(16, 3, 32, 32), torch.randint(1000, (16,)), torch.randn(16, 3, 32, 32)

    def step() -> None:
        with naive() if name.endswith("naive") else contextlib.nullcontext():
            optimiser.zero_grad()
            (network(x_t, t) - eps).square().mean().backward()
            optimiser.step()

    return step


def sampling_step(name: str) -> Callable[[], None]:
    """Return a function that predicts the noise of 64 images."""
    network, x_t = network_of(name).eval(), torch.randn(64, 3, 32, 32)

    @torch.no_grad()
    def step() -> None:
        network(x_t, torch.full((64,), 500))

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
    steps |= {f"{name} sampling": sampling_step(name) for name in COMPARED}
    for step in steps.values():
        step()
        step()
    memory = {name: peak_bytes(steps[name], torch.device("cpu")) for name in COMPARED}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name, step in steps.items():
            times[name].append(seconds(step))
    median = {name: statistics.median(values) for name, values in times.items()}

    def relative(name: str, other: str) -> float:
        """Return the median of the time of one network relative to another, round by round."""
        return statistics.median(a / b for a, b in zip(times[name], times[other], strict=True))

    kinds = (*PADDINGS, "naive")
    to_zeros = {name: relative(name, name.split()[0]) for name in NETWORKS if name.endswith(kinds)}
    to_d = {f"R@{taps}": relative(f"R@{taps}", f"D@{taps}") for taps in (6, 12)}
    for name, value in median.items():
        plain = f"   {to_zeros[name]:5.2f} × {name.split()[0]}" if name in to_zeros else ""
        print(f"{name:14} {value:7.3f} s   {relative(name, 'A'):5.2f} × A{plain}")
    more = {
        "relative_to_D": to_d,
        "D@12_relative_to_diffusers": {
            name: relative("D@12", name) for name in NETWORKS if name.startswith("diffusers")
        },
        "sampling_relative_to_A": {
            name: relative(f"{name} sampling", "A sampling") for name in COMPARED
        },
        "memory_relative_to_A": {name: memory[name] / memory["A"] for name in COMPARED},
    }
    for what, figures in more.items():
        print(what, {name: round(value, 3) for name, value in figures.items()})
    help_seconds = statistics.median(seconds(start_up) for _ in range(options.rounds))
    print(f"jinc --help takes {help_seconds:.2f} s")

    result = {
        "what": "training step, batch 16, 3×32×32, width 32: medians in seconds",
        "seconds": median,
        "relative_to_A": {name: relative(name, "A") for name in NETWORKS},
        "relative_to_zeros": to_zeros,
        **more,
        "memory_bytes": memory,
        "help_seconds": help_seconds,
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
