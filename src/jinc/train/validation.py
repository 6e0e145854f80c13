"""The error on images that were held out, always with the same noise, to be compared."""

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
"""Images of a validation, where so many are held out; always the same ones."""

_HOLDOUT = 4  # not of `streams`: nothing but this tells later what a run has held out


@torch.no_grad()
def validation_loss(
    task: Task[Any],
    network: Network,
    images: ImageSet,
    held_out: NDArray[np.int64],
    config: TrainConfig,
) -> float:
    """Return the mean error of a network on images that it was not trained on, not augmented.

    Every one of them is looked at once; of more than `MOST` it is so many, drawn by the seed, the
    same at every call.

    Args:
        task: says what the error is.
        network: as it is used, in evaluation mode while this lasts.
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
    # The last batch, whole for the sake of losses that weigh a batch, has begun anew.
    return float(losses[:count].mean())


def hold_out(images: int, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions of a data set to train on, and `count` of them to validate on."""
    mixed = np.random.default_rng((seed, _HOLDOUT)).permutation(images)
    return np.sort(mixed[count:]), np.sort(mixed[:count])
