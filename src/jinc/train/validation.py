"""The loss on held-out images, with the same noise at every call."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet
from jinc.nn import Conditioning, Network
from jinc.train.batches import Batches
from jinc.train.config import TrainConfig
from jinc.train.task import Task

MOST = 1024
"""Held-out images of a validation at most; always the same ones."""

_HOLDOUT = 4  # outside `streams`, since it defines what existing runs hold out


@torch.no_grad()
def validation_loss(
    task: Task[Any],
    network: Network,
    images: ImageSet,
    held_out: NDArray[np.int64],
    config: TrainConfig,
) -> float:
    """Return the mean loss of a network on held-out images, without augmentation.

    Each is used once; of more than `MOST`, the same `MOST`, drawn by the seed.

    Args:
        task: the objective.
        network: put into evaluation mode meanwhile.
        images: the data.
        held_out: positions of the images, one at least.
        config: of the run.
    """
    size = min(config.batch_size, len(held_out))
    batches = Batches(
        images,
        batch_size=size,
        timesteps=config.timesteps,
        seed=config.seed + 2**63,  # other noise than in training
        among=held_out,
        moves=config.moves if config.equivariance else None,
        device=next(network.parameters()).device,
    )

    def predict(*inputs: Tensor | Conditioning) -> Tensor:
        output: Tensor = network(*inputs)
        return output

    was_training = network.training
    network.eval()
    count = min(len(held_out), MOST)
    steps = range(math.ceil(count / size))
    losses = torch.cat([task.losses(predict, batches.batch(step)) for step in steps])
    network.train(was_training)
    # The last batch is filled up with images of the next round, for losses that need whole ones.
    return float(losses[:count].mean())


def hold_out(images: int, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the positions of a data set into those to train on and `count` to validate on."""
    mixed = np.random.default_rng((seed, _HOLDOUT)).permutation(images)
    return np.sort(mixed[count:]), np.sort(mixed[:count])
