"""The cost of a study, estimated before it runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from jinc.errors import naming
from jinc.models import choose_device
from jinc.study.check import data_settings
from jinc.study.measured import network_calls
from jinc.study.plan import Cell, Study
from jinc.train import TrainConfig, count_network, load_data

USED = 0.5
"""Typical share of a device's peak rate that training reaches, as in `bench/train.py`."""


@dataclass(frozen=True)
class UnitCost:
    """The cost of a network of a study.

    Args:
        cell: the first cell of the network.
        parameters: of the network.
        training_pflop: of all steps, 10¹⁵ operations.
        sampling_pflop: of the images of all its cells, and of measuring equivariance.
    """

    cell: Cell
    parameters: int
    training_pflop: float
    sampling_pflop: float

    @property
    def pflop(self) -> float:
        """Of training and sampling."""
        return self.training_pflop + self.sampling_pflop


def study_cost(study: Study) -> list[UnitCost]:
    """Count the operations of every network; a training step takes three forward passes."""
    count = _Counted()
    found = []
    for unit in study.units():
        with naming(f"{unit[0].data} {unit[0].variant}"):
            found.append(count.cost(unit))
    return found


def measured_tflops(device: str = "auto") -> float:
    """Measure the rate of large matrix products, 10¹² operations a second, times `USED`."""
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
class _Data:
    """The facts of a data set that costs depend on."""

    images: int
    channels: int
    image_size: tuple[int, int]
    classes: int


class _Counted:
    """Counts each data set and network once, whatever its seed."""

    def __init__(self) -> None:
        self.data = lru_cache(None)(_data)
        self.network = lru_cache(None)(count_network)

    def cost(self, unit: Sequence[Cell]) -> UnitCost:
        config = unit[0].config
        data = self.data(data_settings(config))
        classes = data.classes if config.conditional else 0
        like = replace(config, seed=0, data="digits")
        parameters, gflop = self.network(like, data.channels, data.image_size, classes)
        trained = config.total_steps(data.images) * config.batch_size
        calls = sum(cell.sampling.number * _calls(cell, config.timesteps) for cell in unit)
        if unit[0].equivariance is not None:
            calls += network_calls(unit[0].equivariance, config.timesteps)
        return UnitCost(unit[0], parameters, 3 * trained * gflop / 1e6, calls * gflop / 1e6)


def _data(config: TrainConfig) -> _Data:
    images = load_data(config)
    return _Data(len(images), images.channels, images.image_size, len(images.class_names))


def _calls(cell: Cell, T: int) -> int:
    """Estimate how often the network is called for an image."""
    plan = cell.sampling
    per_step = 1 if plan.guidance in (0, 1) else 2
    return plan.calls(T) * per_step
