"""Train the networks that `equivariance.py` measures: small, all with the same budget and seed.

    python studies/equivariance_runs.py MNIST_FOLDER MNIST_M_FOLDER [NAME …] [--steps 1500]

MNIST and MNIST-M at 16×16, width 16, batch 32. Every data set is used unmodified and made
invariant: shifted cyclically by any distance, or rotated by any angle in a round window. Runs are
in --runs. Complete runs are skipped, interrupted ones resumed, and those of another process left to
it, so that several processes can share the work.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learns import train

from jinc.train import Run, TrainConfig

BUDGET = {
    "image_size": 16,
    "width": 16,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "ema_decay": (0.99,),
}
AUGMENT = {"as it is": (), "shifted": ("hshift", "vshift"), "turned": ("spin",)}
WEIGHT = 0.3
"""Weight of the equivariance loss, if used."""


@dataclass(frozen=True)
class Cell:
    """One network of the study.

    Args:
        data: data set.
        kind: unmodified ("as it is"), or how the data are made invariant.
        padding: of the network.
        config: of the network.
        loss: whether to train with the equivariance loss: for rotations on rotated data, else for
            shifts.
    """

    data: Literal["mnist", "mnist-m"]
    kind: Literal["as it is", "shifted", "turned"]
    padding: Literal["zeros", "circular"]
    config: str
    loss: bool = False

    @property
    def name(self) -> str:
        """Name of its run folder."""
        loss = " with loss" if self.loss else ""
        return f"{self.data} {self.kind} {self.padding} {self.config}{loss}"

    def settings(self, folder: Path, steps: int) -> TrainConfig:
        """Return its training settings."""
        return TrainConfig(
            data=str(folder),
            config=self.config,
            padding=self.padding,
            augment=AUGMENT[self.kind],
            equivariance=WEIGHT if self.loss else 0.0,
            moves="rotation" if self.kind == "turned" else "shift",
            steps=steps,
            sample_every=0,
            **BUDGET,
        )


def cells() -> list[Cell]:
    """Return all networks, the most informative first."""
    sorts = [
        ("mnist", "shifted", "circular", False),
        ("mnist", "turned", "zeros", False),
        ("mnist", "as it is", "zeros", False),
        ("mnist", "shifted", "circular", True),
        ("mnist", "turned", "zeros", True),
        ("mnist-m", "shifted", "circular", False),
        ("mnist-m", "turned", "zeros", False),
        ("mnist-m", "as it is", "zeros", False),
        ("mnist", "shifted", "zeros", False),
        ("mnist", "turned", "circular", False),
        ("mnist", "as it is", "circular", False),
    ]
    return [
        Cell(data, kind, padding, config, loss)
        for data, kind, padding, loss in sorts
        for config in ("A", "D@6", "D-2N")
    ]


def done(path: Path, steps: int) -> bool:
    """Return whether a run is complete."""
    return path.is_dir() and any(e["step"] == steps for e in Run.open(path).read_log())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path)
    parser.add_argument("mnist_m", type=Path)
    parser.add_argument("names", nargs="*", help="of cells; default: all")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--runs", type=Path, default=Path("runs/equivariance"))
    options = parser.parse_args()
    folders = {"mnist": options.mnist, "mnist-m": options.mnist_m}
    options.runs.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        path = options.runs / cell.name
        if (options.names and cell.name not in options.names) or done(path, options.steps):
            continue
        busy = options.runs / f"{cell.name}.busy"
        try:
            busy.touch(exist_ok=False)
        except FileExistsError:
            print(f"{cell.name}: in use by another process, or one that was killed; see {busy}")
            continue
        try:
            train(cell.settings(folders[cell.data], options.steps), path)
        finally:
            busy.unlink()


if __name__ == "__main__":
    main()
