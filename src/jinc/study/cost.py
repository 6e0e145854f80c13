"""What a study costs, before it is run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from jinc.models import choose_device
from jinc.study.check import data_settings, named
from jinc.study.plan import Cell, Study
from jinc.train import TrainConfig, count_network, load_data

USED = 0.5
"""The share of a device's best rate that training reaches, about; `bench/train.py` measures it."""


@dataclass(frozen=True)
class UnitCost:
    """What a network of a study takes.

    Args:
        cell: the first of those that share it.
        parameters: of the network.
        training_pflop: of all its steps.
        sampling_pflop: of all images.
    """

    cell: Cell
    parameters: int
    training_pflop: float
    sampling_pflop: float

    @property
    def pflop(self) -> float:
        """Both."""
        return self.training_pflop + self.sampling_pflop


def study_cost(study: Study) -> list[UnitCost]:
    """Count what every network of a study takes; three forward passes make a step of training.

    Raises:
        JincError: data that cannot be read.
    """
    count = _Counted()
    found = []
    for unit in study.units():
        with named(unit[0]):
            found.append(count.cost(unit))
    return found


def measured_tflops(device: str = "auto") -> float:
    """Measure the rate of a product of large matrices, 10¹² operations a second, times `USED`."""
    where = choose_device(device)
    size = 1024 if where.type == "cpu" else 8192
    a = torch.randn(size, size, device=where)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        float((a @ a)[0, 0])
        best = max(best, 2 * size**3 / (time.perf_counter() - start) / 1e12)
    return USED * best


@dataclass(frozen=True)
class _Kind:
    """What a cost depends on of a data set."""

    images: int
    channels: int
    image_size: tuple[int, int]
    classes: int


class _Counted:
    """Remembers data sets, and networks that are alike but for their seeds."""

    def __init__(self) -> None:
        self.kind = lru_cache(None)(_kind)
        self.network = lru_cache(None)(count_network)

    def cost(self, unit: Sequence[Cell]) -> UnitCost:
        config = unit[0].config
        kind = self.kind(data_settings(config))
        classes = kind.classes if config.conditional else 0
        like = replace(config, seed=0, data="digits")
        parameters, gflop = self.network(like, kind.channels, kind.image_size, classes)
        trained = config.total_steps(kind.images) * config.batch_size
        asked = sum(cell.sampling.number * _questions(cell, config.timesteps) for cell in unit)
        return UnitCost(unit[0], parameters, 3 * trained * gflop / 1e6, asked * gflop / 1e6)


def _kind(config: TrainConfig) -> _Kind:
    images = load_data(config)
    return _Kind(len(images), images.channels, images.image_size, len(images.class_names))


def _questions(cell: Cell, T: int) -> int:
    """Estimate how often the network is called for an image."""
    plan = cell.sampling
    by_guidance = 1 if plan.guidance in (0, 1) else 2
    return plan.calls(T) * by_guidance
