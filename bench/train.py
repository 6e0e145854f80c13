"""What training costs: images a second, share of the device's best, memory, and where time goes.

    python bench/train.py [--configs A D@6 D@12 resunet] [--batches 16 128] [--rounds N]
                          [--device auto] [--precision fp32 bf16] [--no-compile] [--out FILE]

The U-Net of width 32 and the residual one of the preset cifar10-ddim (on a CPU of half the width)
are trained on 3×32×32 noise by the trainer's own stepper and batches, as they are and through
torch.compile. Every round gives each contestant a step, so that a busy machine slows all of them;
medians are reported. The model's FLOPs, three times those of a forward pass, are set against the
rate of the best matrix product that the device shows in the same precision, in the same rounds.

Parts of a step: data is what the step waits for its batch; update is the norm of the gradient, the
optimiser and the average of the weights.
"""

import argparse
import json
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
from jinc.models import choose_device, keep_freed_memory
from jinc.train import Run, TrainConfig, Trainer, find_preset, forward_gflop

PARTS = ("data", "forward", "backward", "update")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
IN_A_ROW = 10
"""Steps that an accelerator is given at once, to see its rate without waiting for it."""


class Clock:
    """Tell the seconds since it was last asked, when the device is done with all it was given."""

    def __init__(self, device: torch.device) -> None:
        """Start."""
        self._device, self._last = device, 0.0
        self()

    def __call__(self) -> float:
        """Wait for the device, and tell."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before


class Contestant:
    """A run in training, step by step.

    Args:
        config: its settings.
        folder: where its run may lie.
    """

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        """Build the run, warm it up, and see what memory it takes."""
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
        """Do a step."""
        number = next(self._numbers)
        self.trainer.stepper.step(number, self.trainer.batches.batch(number))

    def lasting_bytes(self) -> int:
        """Count weights, averages, the optimiser's state and gradients."""
        stepper = self.trainer.stepper
        tensors = [t for group in stepper.groups().values() for t in group.values()]
        return sum(t.nbytes for t in [*tensors, *stepper.gradient_list()])

    def round(self) -> None:
        """Time a step by its parts; an accelerator also without waiting between them."""
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
        """Return the figures, given the best rate of the device."""
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
        """Do a step and tell what its parts take; the way back parts it in the middle."""
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
    """Make images that cost what real ones do."""
    bytes_ = np.random.default_rng(0).integers(0, 256, (2048, 32, 32, 3), np.uint8)
    return ImageSet(bytes_, None, (), "noise")


def matmul_tflops(precision: str, device: torch.device) -> float:
    """Measure the best rate of a product of square matrices in a precision, right now.

    On an accelerator fp32 may round its factors to TF32, as torch lets convolutions do.
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
    """Return the settings of a contestant."""
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
    """Let all contestants of a batch size run side by side, and yield their figures."""
    on_cpu = device.type == "cpu"
    torch.compiler.reset()  # what another batch size has compiled would make this one general
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
    """Print a line of the table."""
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
    torch._dynamo.config.recompile_limit = 64  # a program for every contestant
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
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
