"""Do two processes train like one? Gradients and losses, replicated (DDP) and sharded (FSDP).

    python studies/processes.py [--steps 50] [--out results/processes.json]

Bundled digits on the CPU. The same script runs once in one process and once under torchrun, with
the same global batch. It reports the relative distance of the first gradients, the relative
difference of the losses at the last step, and the relative distances of the weights and averages
then.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from jinc.data import read_digits
from jinc.train import Processes, Run, TrainConfig, Trainer
from jinc.train.sharding import whole

SETTINGS = {"batch_size": 16, "learning_rate": 1e-3, "ema_decay": (0.99,), "device": "cpu"}
RESUNET = {"network": "resunet", "width": 8, "multipliers": (1, 2), "attention": (4,)}
CASES = {
    "published U-Net": {"config": "D-2N", "width": 8},
    "published U-Net, accumulation 2": {"config": "D-2N", "width": 8, "accumulation": 2},
    "published U-Net, FSDP": {"config": "D-2N", "width": 8, "fsdp": True},
    "resunet": {"config": "D@6", **RESUNET},
    "resunet, FSDP, accumulation 2": {"config": "D@6", **RESUNET, "fsdp": True, "accumulation": 2},
    "cs180, whose BatchNorm sees a share": {"network": "cs180", "config": "A", "width": 8},
}


def learn(folder: Path, steps: int) -> None:
    """Train every case with the processes of this group."""
    with Processes.join("cpu") as processes:
        for name, settings in CASES.items():
            with processes.main_first():
                if processes.is_main:
                    kept = {"log_every": 1, "checkpoint_every": steps, "sample_every": 0}
                    config = TrainConfig(steps=steps, **SETTINGS, **settings, **kept)
                    Run.create(folder / name, config)
            trainer = Trainer(Run.open(folder / name), read_digits(), processes=processes)
            gradient = first_gradient(trainer)
            for _ in trainer.steps():
                pass
            if processes.is_main:
                save_file(gradient, folder / name / "gradient.safetensors")
                print(f"{name}: done, processes: {processes.count}", flush=True)


def first_gradient(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return the gradient of the first batch, by name of weight."""
    trainer.stepper.gradients(0, trainer.batches.batch(0))
    named = trainer.stepper.network.named_parameters()
    gradients = whole({name: p.grad for name, p in named if p.grad is not None})
    return {name: gradient.contiguous() for name, gradient in gradients.items()}


def compare(one: Path, two: Path, steps: int) -> dict[str, float]:
    """Compare a case of one process with that of two."""
    losses = [Run.open(folder).read_log()[-1]["loss"] for folder in (one, two)]
    last = Path("checkpoints") / f"step-{steps:08d}"
    files = {"weights": last / "network.safetensors", "averages": last / "ema.safetensors"}
    return {
        "first_gradient": distance(one, two, Path("gradient.safetensors")),
        "last_loss": abs(losses[1] / losses[0] - 1),
        **{what: distance(one, two, file) for what, file in files.items()},
    }


def distance(one: Path, two: Path, file: Path) -> float:
    """Return the relative distance of all tensors of two files together."""
    a, b = load_file(one / file), load_file(two / file)
    gap = sum((a[name].double() - b[name].double()).square().sum() for name in a)
    return float((gap / sum(t.double().square().sum() for t in a.values())).sqrt())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("results/processes.json"))
    parser.add_argument("--learn", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.learn:
        learn(options.learn, options.steps)
        return

    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one", Path(folder) / "two"
        for place, launcher in ((one, []), (two, torchrun)):
            words = [__file__, "--learn", str(place), "--steps", str(options.steps)]
            subprocess.run([sys.executable, *launcher, *words], check=True)
        distances = {name: compare(one / name, two / name, options.steps) for name in CASES}
    for name, found in distances.items():
        print(f"{name}: " + ", ".join(f"{what} {value:.1e}" for what, value in found.items()))
    result = {
        "what": f"two processes against one: relative distances, {options.steps} steps on digits",
        "settings": SETTINGS,
        "relative": distances,
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}, gloo",
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
