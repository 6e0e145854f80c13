"""Runs of a few small steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jinc.data import ImageSet, read_digits
from jinc.train import Run, TrainConfig, Trainer

TINY = {"config": "A", "width": 4, "levels": 1, "batch_size": 4, "timesteps": 20, "steps": 20}
QUIET = {"sample_every": 0, "checkpoint_every": 1000, "log_every": 5, "learning_rate": 3e-3}


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    return read_digits()


@pytest.fixture
def new_trainer(tmp_path: Path, digits: ImageSet) -> Callable[..., Trainer]:
    def new(name: str = "run", images: ImageSet = digits, **settings: object) -> Trainer:
        config = TrainConfig(**{**TINY, **QUIET, "device": "cpu", **settings})
        return Trainer(Run.create(tmp_path / name, config), images)

    return new
