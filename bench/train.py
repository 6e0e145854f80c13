"""Measure training: images per second, model FLOPs utilisation, memory, and parts of a step.

    python bench/train.py [--configs A D@6 D@12 resunet] [--batches 16 128] [--rounds N]
                          [--device auto] [--precision fp32 bf16] [--no-compile] [--out FILE]

The U-Net of width 32 and the residual U-Net of the preset cifar10-ddim (of half the width on a CPU)
are trained on 3×32×32 noise with the trainer's own stepper and batches, with and without
torch.compile. Every round runs one step of each, so that a busy machine slows all of them; the
script reports medians. Utilisation (MFU) is the rate of the model's FLOPs, three times those of a
forward pass, relative to the best matrix product on the device in the same precision, in the same
rounds.

Parts of a step: data is the time a step waits for its batch; update is the norm of the gradient,
the optimiser and the average of the weights.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from machine import machine
from memory import peak_bytes
from torch import Tensor

from jinc.data import ImageSet
from jinc.files import write_json
from jinc.models import choose_device, keep_freed_memory
from jinc.train import Run, TrainConfig, Trainer, find_preset, forward_gflop

PARTS = ("data", "forward", "backward", "update")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
IN_A_ROW = 10
"""Steps launched on an accelerator without synchronising, to measure its throughput."""


class Clock:
    """Returns the seconds since the last call, after synchronising the device."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._last = device, 0.0
        self()

    def __call__(self) -> float:
        """Synchronise, and return the seconds."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before


class Contestant:
    """A training run, timed step by step.

    Args:
        config: its settings.
        folder: of its run.
    """

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        """Create the run, warm it up, and measure its memory."""
        self.config = config
        self.trainer = Trainer(Run.create(folder, config), noise_images())
        self.device, self._numbers = self.trainer.device, count()
        clock = Clock(self.device)
        self.step()
        self.first_step = clock()  # with compilation
        self.memory = peak_bytes(self.step, self.device) + self.lasting_bytes()
        self.gflop = 3 * config.batch_size * self._forward_gflop()
        self.parts: dict[str, list[float]] = {part: [] for part in PARTS}
        self.seconds: list[float] = []

    def step(self) -> None:
        """Run a step."""
        number = next(self._numbers)
        self.trainer.stepper.step(number, self.trainer.batches.batch(number))

    def lasting_bytes(self) -> int:
        """Return the size of weights, averages, optimiser state and gradients."""
        stepper = self.trainer.stepper
        tensors = [t for group in stepper.groups().values() for t in group.values()]
        return sum(t.nbytes for t in [*tensors, *stepper.gradient_list()])

    def round(self) -> None:
        """Time the parts of a step; on an accelerator also steps without synchronising."""
        took = self._timed_step()
        for part, seconds in took.items():
            self.parts[part].append(seconds)
        if self.device.type == "cpu":
            self.seconds.append(sum(took.values()))
            return
        clock = Clock(self.device)
        for _ in range(IN_A_ROW):
            self.step()
        self.seconds.append(clock() / IN_A_ROW)

    def result(self, best_tflops: float) -> dict[str, Any]:
        """Return the figures, given the best matrix-product rate of the device."""
        seconds = statistics.median(self.seconds)
        parts = {name: statistics.median(values) for name, values in self.parts.items()}
        return {
            "network": self.config.network,
            "config": self.config.config,
            "width": self.config.width,
            "batch": self.config.batch_size,
            "precision": self.config.precision,
            "compiled": self.config.compile,
            "images_per_second": self.config.batch_size / seconds,
            "seconds_per_step": seconds,
            "first_step_seconds": self.first_step,
            "mfu": self.gflop / seconds / 1e3 / best_tflops,
            "memory_gib": self.memory / 2**30,
            "share_of_step": {name: part / sum(parts.values()) for name, part in parts.items()},
        }

    def _timed_step(self) -> dict[str, float]:
        """Run a step and return the times of its parts, divided at the backward pass."""
        number, took, backward = next(self._numbers), {}, Tensor.backward
        clock = Clock(self.device)
        batch = self.trainer.batches.batch(number)
        took["data"] = clock()

        def timed(loss: Tensor) -> None:
            took["forward"] = clock()
            backward(loss)
            took["backward"] = clock()

        with mock.patch.object(Tensor, "backward", timed):
            self.trainer.stepper.step(number, batch)
        took["update"] = clock()
        return took

    def _forward_gflop(self) -> float:
        return forward_gflop(self.trainer.stepper.network, self.trainer.image_size)


def noise_images() -> ImageSet:
    """Return noise images of the size of real ones."""
    bytes_ = np.random.default_rng(0).integers(0, 256, (2048, 32, 32, 3), np.uint8)
    return ImageSet(bytes_, None, (), "noise")


def matmul_tflops(precision: str, device: torch.device) -> float:
    """Measure the best current rate of products of square matrices in a precision.

    On an accelerator fp32 may round its factors to TF32, as torch allows for convolutions.
    """
    rates = []
    torch.backends.cuda.matmul.allow_tf32 = True
    for size in (512, 1024) if device.type == "cpu" else (4096, 8192):
        a, b = torch.randn(2, size, size, device=device).to(DTYPES[precision])
        a @ b
        clock = Clock(device)
        for _ in range(4):
            a @ b
        rates.append(4 * 2 * size**3 / clock() / 1e12)
    torch.backends.cuda.matmul.allow_tf32 = False
    return max(rates)


def settings(name: str, batch: int, precision: str, compiled: bool, device: str) -> TrainConfig:
    """Return the settings of one run."""
    chosen: dict[str, Any] = {"config": name}
    preset = find_preset("cifar10")
    if name == "resunet":
        preset, chosen = find_preset("cifar10-ddim"), {}
        if torch.device(device).type == "cpu":
            chosen["width"] = preset.width // 2
    own = {"batch_size": batch, "precision": precision, "compile": compiled, "device": device}
    return replace(preset, data="noise", **chosen, **own)


def measure(
    options: argparse.Namespace, device: torch.device, batch: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """Run all settings of a batch size side by side, and yield their figures."""
    on_cpu = device.type == "cpu"
    torch.compiler.reset()  # or code for another batch size would make shapes dynamic
    contestants = []
    for name, precision, compiled in product(
        options.configs, options.precision, (False, True) if options.compile else (False,)
    ):
        config = settings(name, batch, precision, compiled, str(device))
        contestants.append(Contestant(config, folder / f"{batch}-{len(contestants)}"))
    rates: dict[str, list[float]] = {precision: [] for precision in options.precision}
    for _ in range(options.rounds or (max(3, 112 // batch) if on_cpu else 20)):
        for precision, found in rates.items():
            found.append(matmul_tflops(precision, device))
        for contestant in contestants:
            contestant.round()
    for contestant in contestants:
        best = statistics.median(rates[contestant.config.precision])
        yield contestant.result(best) | {"matmul_tflops": best, "rounds": len(contestant.seconds)}
        contestant.trainer.batches.close()


def show(row: dict[str, Any]) -> None:
    """Print a row of the table."""
    share = " ".join(f"{row['share_of_step'][part]:9.1%}" for part in PARTS)
    print(
        f"{row['network']:8}{row['config']:8}{row['batch']:5} {row['precision']:5}"
        f"{'compiled' if row['compiled'] else '':9}{row['images_per_second']:9.1f}"
        f"{row['mfu']:7.1%}{row['memory_gib']:9.2f}  {share}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", nargs="+", default=["A", "D@6", "D@12", "resunet"])
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 128])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", nargs="+", choices=DTYPES)
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    torch._dynamo.config.recompile_limit = 64  # one program per run
    device = choose_device(options.device)
    on_gpu = device.type == "cuda"
    options.precision = options.precision or (["fp32", "bf16"] if on_gpu else ["fp32"])
    out = options.out or Path("results/gpu" if on_gpu else "results", "bench-train.json")
    head = f"{'network':8}{'config':8}{'batch':>5} {'':14}{'images/s':>9}{'MFU':>7}{'GiB':>9}  "
    print(machine(device))
    print(head + " ".join(f"{part:>9}" for part in PARTS), flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for batch in options.batches:
            for row in measure(options, device, batch, Path(folder)):
                show(row)
                rows.append(row)
    result = {"what": "training on 3×32×32: medians", "machine": machine(device), "rows": rows}
    write_json(out, result)


if __name__ == "__main__":
    main()
