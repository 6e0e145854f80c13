"""The memory that a step of training takes, computed without taking it."""

import os
from typing import Any

import psutil
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.models import choose_device
from jinc.nn import Network
from jinc.train.config import TrainConfig
from jinc.train.precision import DTYPES

_COPIES = 4
"""Of the weights: themselves, their gradients and the two moments of Adam."""


def step_bytes(network: Network, config: TrainConfig, image_size: tuple[int, int]) -> int:
    """Estimate what a process holds in a step: weights with their copies, and activations.

    Args:
        network: on the meta device, where nothing is computed.
        config: of the run.
        image_size: height and width, pixels.

    Returns:
        Bytes, without the data set and what the libraries themselves take.
    """
    weights = sum(p.nbytes for p in network.parameters())
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rows = max(1, config.batch_size // (config.accumulation * processes))
    activations = _saved_bytes(network, config, image_size) * rows * (1 + bool(config.equivariance))
    return weights * (_COPIES + len(config.ema_decay)) + activations


def refuse_beyond_memory(
    network: Network, config: TrainConfig, image_size: tuple[int, int]
) -> None:
    """Refuse a run whose steps cannot fit into the memory of its device; see `step_bytes`.

    Raises:
        JincError: they cannot.
    """
    needed, there = step_bytes(network, config, image_size), _total_bytes(config.device)
    if needed > there:
        raise JincError(
            f"batch_size: a step takes about {needed / 2**30:,.0f} GiB, the device has "
            f"{there / 2**30:,.0f} GiB; lower --batch-size, --width or --image-size, or raise "
            "--accumulation"
        )


def _saved_bytes(network: Network, config: TrainConfig, image_size: tuple[int, int]) -> int:
    """Count what a forward pass of one image keeps for the backward pass."""
    own = {p.untyped_storage()._cdata for p in network.parameters()}
    saved: dict[int, Any] = {}  # holds the storages, so that none takes the address of another

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage
        return tensor

    precision = DTYPES[config.precision]
    with torch.device("meta"):
        x_t = torch.zeros(2, network.channels, *image_size)  # batch norms take no single image
        t = torch.zeros(2, dtype=torch.long)
        labels = t if network.classes else None
        augment = torch.zeros(2, network.augmentations) if network.augmentations else None
        beside = torch.zeros(2, network.beside, *image_size) if network.beside else None
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            network(x_t, t, labels, augment, beside)
    both = sum(int(s.nbytes()) for s in saved.values())
    return both * precision.itemsize // 4 // 2


def _total_bytes(device: str) -> int:
    chosen = choose_device(device)
    if chosen.type == "cuda":
        return int(torch.cuda.get_device_properties(chosen).total_memory)
    return int(psutil.virtual_memory().total)
