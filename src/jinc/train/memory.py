"""Whether a training run fits into memory, predicted before any is allocated."""

from functools import partial
from typing import Any

import psutil
import torch
import torch.distributed as dist
from torch.overrides import TorchFunctionMode

from jinc.errors import JincError
from jinc.models.convert.effects import kept_bytes
from jinc.nn import Conditioning, Network
from jinc.signal import fused
from jinc.train.config import TrainConfig

_COPIES = 4
"""Of each weight: itself, its gradient, and the two moments of Adam; averages come on top."""
_MOST_MAPS = 2000
"""Upper bound on the full-resolution maps of the first level's width that a network keeps."""


def answer_of_nothing(network: Network, image_size: tuple[int, int], batch: int) -> None:
    """Run a network on the device meta, where nothing is computed and no memory is taken."""
    with torch.device("meta"):
        x_t = torch.zeros(batch, network.channels, *image_size)
        t = torch.zeros(batch, dtype=torch.long)
        beside = torch.zeros(batch, network.beside, *image_size) if network.beside else None
        labels = torch.zeros(batch, dtype=torch.long) if network.classes else None
    network(x_t, t, Conditioning(labels, beside=beside))


def training_bytes(
    network: Network,
    image_size: tuple[int, int],
    config: TrainConfig,
    processes: int = 1,
    device: str = "cpu",
) -> int:
    """Predict the memory of training: weights, optimiser state and saved activations.

    Args:
        network: on the device meta.
        image_size: height and width.
        config: of the run.
        processes: that share a batch.
        device: the type of device to train on.

    Returns:
        bytes per process, without images, samples and libraries.
    """
    weights = sum(weight.nbytes for weight in network.parameters())
    with fused.meta_stands_for(device):
        one, two = (_saved_bytes(network, image_size, batch) for batch in (1, 2))
    together = -(-config.batch_size // (config.accumulation * processes))
    return weights * (_COPIES + len(config.ema_decay)) + together * (two - one)


def check_memory(
    network: Network, image_size: tuple[int, int], config: TrainConfig, device: torch.device
) -> None:
    """Refuse a training run that exceeds the free memory of a device."""
    cuda = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if cuda else psutil.virtual_memory().available
    pixels = config.batch_size * image_size[0] * image_size[1]
    weights = sum(weight.nbytes for weight in network.parameters())
    if 10 * weights + _MOST_MAPS * pixels * config.width * 4 < free:
        return  # small networks, whose prediction would take longer than it is worth
    processes = dist.get_world_size() if dist.is_initialized() else 1
    needed = training_bytes(network, image_size, config, processes, device.type)
    if needed > free:
        raise JincError(
            f"training would take {needed / 2**30:,.1f} GiB of memory, {free / 2**30:,.1f} GiB are "
            "free; take a smaller width, batch_size or image_size, or more accumulation"
        )


class _Fused(TorchFunctionMode):
    """Attention without saved scores, as fused kernels have it; on meta PyTorch saves them."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        q, k, v = args
        return q * k.mean(-2, keepdim=True) * v.mean(-2, keepdim=True)


def _saved_bytes(network: Network, image_size: tuple[int, int], batch: int) -> int:
    """Count the activations that a forward pass saves for the backward pass, bytes."""
    with _Fused():
        return kept_bytes(partial(answer_of_nothing, network, image_size, batch))
