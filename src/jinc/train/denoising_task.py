"""The objective of the single-step denoiser: the clean image from one noise level."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, image_grid, to_float
from jinc.diffusion import SeededNoise, error
from jinc.models import SingleStep
from jinc.nn import Network
from jinc.train.batches import Batch
from jinc.train.config import TrainConfig
from jinc.train.task import Predict

SHOWN = 10
"""Images in a grid."""


class DenoisingTask:
    """Train a network to denoise z = x + σ ε, images x being in [0, 1].

    Args:
        package: the untrained denoiser.
        config: the loss, and the seed of the noise in grids.
        images: the first of them appear in grids.

    Source: CS180 (Berkeley), project 5, part B.
    """

    def __init__(self, package: SingleStep, config: TrainConfig, images: ImageSet) -> None:
        self.package, self._config = package, config
        self._shown = images.batch(range(min(SHOWN, len(images))))

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the loss of every image."""
        x = (batch.x0 + 1) / 2
        noisy = x + self.package.noise_std * batch.eps
        no_step = torch.zeros_like(batch.t)  # as when it is used
        return error(predict(noisy, no_step), x, self._config.loss)

    def packaged(self, network: Network) -> SingleStep:
        """Return the denoiser with other weights."""
        return replace(self.package, network=network)

    def draw(self, package: SingleStep) -> Iterator[NDArray[np.uint8] | None]:
        """Draw rows of clean, noisy and denoised images."""
        device = next(package.network.parameters()).device
        x = (to_float(self._shown).to(device) + 1) / 2
        noise = SeededNoise(self._config.seed, range(len(x)))
        noisy = x + package.noise_std * noise(x)
        rows = torch.cat([x, noisy, package(noisy)])
        yield image_grid(2 * rows - 1, columns=len(x), scale=None)
