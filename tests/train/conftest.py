"""Runs of a few small steps, and all that must agree between two of them."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from jinc.data import ImageSet, read_digits
from jinc.train import Run, TrainConfig, Trainer

TINY = {"config": "A", "width": 4, "levels": 1, "batch_size": 4, "timesteps": 20, "steps": 20}
QUIET = {"sample_every": 0, "checkpoint_every": 1000, "log_every": 5, "learning_rate": 3e-3}
OTHERS = {
    "resunet": {"network": "resunet", "multipliers": (1, 2), "blocks": 1, "attention": (4,)},
    "cs180": {"network": "cs180", "width": 2},
}
"""Settings of the smallest networks of other kinds."""


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    return read_digits()


@pytest.fixture
def new_trainer(tmp_path: Path, digits: ImageSet) -> Callable[..., Trainer]:
    def new(name: str = "run", images: ImageSet = digits, **settings: object) -> Trainer:
        other = OTHERS.get(str(settings.get("network")), {})
        config = TrainConfig(**{**TINY, **QUIET, "device": "cpu", **other, **settings})
        return Trainer(Run.create(tmp_path / name, config), images)

    return new


@pytest.fixture
def everything() -> Callable[[Trainer], dict[str, object]]:
    """All that must agree between two runs, down to the bit."""

    def found(trainer: Trainer) -> dict[str, object]:
        groups = trainer.stepper.groups()
        tensors = {f"{g}.{n}": t for g, group in groups.items() for n, t in group.items()}
        state = {n: t.detach().contiguous().numpy().tobytes() for n, t in tensors.items()}
        log = [
            {name: value for name, value in entry.items() if name != "images_per_second"}
            for entry in trainer.run.read_log()
        ]
        return state | {"log": log}

    return found


@pytest.fixture
def go() -> Callable[[Trainer, int], None]:
    """Train so many steps, and leave it there."""

    def train(trainer: Trainer, steps: int) -> None:
        for _ in islice(trainer.steps(), steps):
            pass

    return train


@pytest.fixture
def finish(everything) -> Callable[[Trainer], dict[str, object]]:
    """Train to the end, and return everything."""

    def train(trainer: Trainer) -> dict[str, object]:
        for _ in trainer.steps():
            pass
        return everything(trainer)

    return train
