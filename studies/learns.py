"""Does the alias-free network learn as well as the baseline? Real MNIST at 16×16, width 16.

    python studies/learns.py MNIST_FOLDER [CONFIG …] [--steps 1600] [--out results/learns.json]

Every configuration uses the same batches and the same seed; the figure is the ε loss averaged over
the last 200 steps. Runs are in --runs, and interrupted ones are resumed.
"""

import argparse
import json
import platform
from pathlib import Path

import torch

from jinc.train import Run, TrainConfig, Trainer, load_data

CONFIGS = ("A", "D@6", "D@12", "D+plain@6", "D+plain@12", "D-2N")


def train(config: TrainConfig, path: Path) -> Run:
    """Train a run to its end, or resume it."""
    started = path.exists()
    run = Run.open(path) if started else Run.create(path, config)
    for progress in Trainer(run, load_data(config), resume=started).steps():
        if progress.step % 200 == 0:
            print(f"{path.name}: step {progress.step}, {progress.images_per_second:.0f} images/s")
    return run


def mean_loss(run: Run, first: int, last: int) -> float:
    """Average the loss over steps first + 1 to last."""
    losses = [entry["loss"] for entry in run.read_log() if first < entry["step"] <= last]
    return sum(losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("configs", nargs="*", default=CONFIGS)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--runs", type=Path, default=Path("runs/learns"))
    parser.add_argument("--out", type=Path, default=Path("results/learns.json"))
    options = parser.parse_args()

    settings = {"image_size": 16, "width": 16, "batch_size": 64, "learning_rate": 3e-4}
    losses = {}
    for name in options.configs:
        config = TrainConfig(
            data=str(options.data), config=name, steps=options.steps, sample_every=0, **settings
        )
        run = train(config, options.runs / name)
        losses[name] = mean_loss(run, options.steps - 200, options.steps)
        print(f"{name}: loss {losses[name]:.4f}, {losses[name] / losses['A']:.3f} of A")
    result = {
        "what": f"MNIST 16×16, ε loss averaged over steps {options.steps - 200} to {options.steps}",
        "settings": settings | {"steps": options.steps, "seed": 0, "optimiser": "AdamW"},
        "loss": losses,
        "relative_to_A": {name: loss / losses["A"] for name, loss in losses.items()},
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
