"""How much slower is the trainer than a bare loop, and does a long run leak resources?

    python studies/overhead.py [--pairs 60] [--steps 10000] [--out results/overhead.json]

The trainer and twenty lines of plain torch do the same work: noise, prediction, loss, gradients,
fused AdamW, and an average of the weights; U-Net of width 32, batches of 16 of 3×32×32. They
alternate step by step, so that a busy machine slows both. Here the trainer logs after every step,
where a run does after twenty, and each step is charged a 500th of a checkpoint. CPU time is
reported too, because it excludes other programs.

Then tiny runs take ten thousand steps, with a checkpoint every 500 and samples every 900. After
every thousand steps the script records memory, open files and threads of the process.
"""

import argparse
import copy
import json
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
import torch.nn.functional as F

from jinc.data import ImageSet, read_digits
from jinc.models import keep_freed_memory
from jinc.nn import UNet
from jinc.train import Run, TrainConfig, Trainer, find_preset

CHECKPOINT_EVERY = 500
TINY = TrainConfig(
    device="cpu",
    config="D@6",
    width=4,
    levels=1,
    batch_size=4,
    timesteps=20,
    checkpoint_every=CHECKPOINT_EVERY,
    sample_every=900,
)


def bare_loop(images: ImageSet, batch: int) -> Iterator[None]:
    """Train with a minimal loop, and yield after every step."""
    data = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    alpha_bar = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)
    signal, noise = alpha_bar.sqrt().float(), (1 - alpha_bar).sqrt().float()
    network = UNet("D@6")
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    while True:
        x0 = data[torch.randint(len(data), (batch,))].float() / 127.5 - 1
        t, eps = torch.randint(1000, (batch,)), torch.randn_like(x0)
        at = t[:, None, None, None]
        loss = F.mse_loss(network(signal[at] * x0 + noise[at] * eps, t), eps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            weights, averages = list(network.parameters()), list(average.parameters())
            torch._foreach_lerp_(averages, weights, 0.001)
        loss.item()
        yield


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return the wall-clock and the CPU time of one call."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def compare(pairs: int, folder: Path) -> dict[str, Any]:
    """Alternate trainer and bare loop; return the median times and their ratio."""
    bytes_ = np.random.default_rng(0).integers(0, 256, (2048, 32, 32, 3), np.uint8)
    images = ImageSet(bytes_, None, (), "noise")
    config = replace(
        find_preset("cifar10"),
        data="noise",
        device="cpu",
        log_every=1,
        sample_every=0,
        checkpoint_every=10**6,
    )
    trainer = Trainer(Run.create(folder / "compared", config), images)
    loops = {"trainer": trainer.steps(), "bare": bare_loop(images, config.batch_size)}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    for number in range(2 + pairs):
        # Each goes first half of the time, because the second finds warm caches.
        for name in sorted(loops, reverse=number % 2 == 0):
            took[name].append(seconds(lambda loop=loops[name]: next(loop)))
    saving = statistics.median(seconds(trainer.save)[0] for _ in range(5))
    loops["trainer"].close()
    found: dict[str, Any] = {"pairs": pairs, "batch": config.batch_size, "save_seconds": saving}
    for place, clock in enumerate(("clock", "processor")):
        median = {n: statistics.median(s[place] for s in each[2:]) for n, each in took.items()}
        ratios = [
            ours[place] / bare[place]
            for ours, bare in zip(took["trainer"][2:], took["bare"][2:], strict=True)
        ]
        found[clock] = {"seconds": median, "ratio": statistics.median(ratios)}
    a_step = saving / CHECKPOINT_EVERY / found["clock"]["seconds"]["bare"]
    return found | {"ratio_with_checkpoints": found["clock"]["ratio"] + a_step}


def watch(steps: int, workers: int, folder: Path) -> dict[str, list[float]]:
    """Train a tiny run, and record the resources of the process every thousand steps."""
    config = replace(TINY, steps=steps, workers=workers)
    trainer = Trainer(Run.create(folder / f"{workers}-workers", config), read_digits())
    process, held = psutil.Process(), {"step": [], "rss_mib": [], "files": [], "threads": []}
    for progress in trainer.steps():
        if progress.step % 1000 == 0 and not progress.drawing:
            held["step"].append(progress.step)
            held["rss_mib"].append(process.memory_info().rss / 2**20)
            held["files"].append(len(list(Path("/proc/self/fd").iterdir())))
            held["threads"].append(threading.active_count())
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path("results/overhead.json"))
    options = parser.parse_args()

    keep_freed_memory()
    held = {}
    with tempfile.TemporaryDirectory() as folder:
        for workers in (0, 2):
            held[f"workers {workers}"] = counts = watch(options.steps, workers, Path(folder))
            for name, values in counts.items():
                print(f"{workers} workers: {name:8}", *(f"{value:6.0f}" for value in values))
        compared = compare(options.pairs, Path(folder))
    for clock in ("clock", "processor"):
        print(f"{clock} time: the trainer takes {compared[clock]['ratio']:.3f} of a bare loop")
    print(f"with checkpoints {compared['ratio_with_checkpoints']:.3f}")
    result = {
        "what": "the trainer against a bare loop, batch 16, 3×32×32, width 32; and long tiny runs",
        "compared": compared,
        "held": held,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}",
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
