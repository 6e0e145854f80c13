"""The objective of a diffusion model: noise, image, velocity or flow from a noisy image."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import image_grid
from jinc.diffusion import (
    Schedule,
    complexity_normalised,
    complexity_published,
    complexity_term,
    eps_of,
    error,
    forward,
    min_snr_weight,
    mismatch,
    target,
)
from jinc.models import CHUNK, Model, SamplingPlan, generate_images, grid_columns
from jinc.nn import Conditioning, Network
from jinc.train.batches import Batch
from jinc.train.config import TrainConfig
from jinc.train.task import Predict
from jinc.types import Images

GRID = 40
"""Images in a grid of samples; one chunk if they are larger than 32×32."""

STEPS = 50
"""DDIM steps of these samples, or T if that is less."""


class DiffusionTask:
    """Train a diffusion model.

    Args:
        package: the untrained model.
        config: the objective.
    """

    def __init__(self, package: Model, config: TrainConfig) -> None:
        self.package, self._config = package, config

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the weighted loss of every image, with auxiliary terms."""
        return diffusion_losses(
            self.package.network, self.package.schedule, self._config, predict, batch
        )

    def packaged(self, network: Network) -> Model:
        """Return the model with other weights."""
        return replace(self.package, network=network)

    def draw(self, package: Model) -> Iterator[NDArray[np.uint8] | None]:
        """Draw samples by one sampler after another, pausing after every step."""
        settings, prompts = self._config, package.class_names
        usual = SamplingPlan(
            number=GRID if max(package.image_size) <= 32 else CHUNK,
            prompts=prompts,
            guidance=settings.sample_guidance,
            seed=settings.seed,
        )
        plans = [replace(usual, sampler=name) for name in settings.sample_with]
        for plan in plans or [replace(usual, eta=1.0, steps=min(STEPS, package.timesteps))]:
            last: dict[int, Tensor] = {}
            for numbers, step in generate_images(package, plan):
                if step.t == -1:
                    last[numbers.start] = step.x_t
                yield None
            images = torch.cat(list(last.values()))
            yield image_grid(images, columns=grid_columns(prompts), scale=None)


def diffusion_losses(
    network: Network, schedule: Schedule, config: TrainConfig, predict: Predict, batch: Batch
) -> Tensor:
    """Return the weighted loss of every image, with auxiliary terms.

    Args:
        network: says which conditions it takes.
        schedule: of the noise.
        config: the objective.
        predict: the network in training.
        batch: its inputs.

    Returns:
        `[B]`.
    """
    kind, t = config.prediction, batch.t
    x_t = forward(schedule, batch.x0, t, batch.eps)
    output, moved = _outputs(network, predict, batch, x_t)
    losses = error(output, target(schedule, kind, batch.x0, t, batch.eps), config.loss)
    if config.min_snr_gamma:
        losses = losses * min_snr_weight(schedule, kind, t, config.min_snr_gamma).to(losses)
    if config.complexity != "off":
        published = config.complexity == "published"
        weights = complexity_published(x_t) if published else complexity_normalised(batch.x0)
        eps = eps_of(schedule, kind, x_t, t, output)
        losses = losses + config.complexity_weight * complexity_term(weights, eps, batch.eps)
    if batch.move is not None:
        inside = batch.move.mask(*x_t.shape[-2:])
        losses = losses + config.equivariance * mismatch(moved, batch.move(output), inside)
    return losses


def _outputs(
    network: Network, predict: Predict, batch: Batch, x_t: Images
) -> tuple[Images, Images]:
    """Predict from the images and, for the equivariance loss, the moved images, in one call."""
    labels = batch.labels if network.classes else None
    told = network.augmentations and batch.augment.shape[1]  # in validation nothing is augmented
    augment = batch.augment if told else None
    if batch.move is None:
        output = predict(x_t, batch.t, Conditioning(labels, augment))
        return output, output
    both = torch.cat([x_t, batch.move(x_t)])
    twice = (None if each is None else torch.cat([each, each]) for each in (labels, augment))
    condition = Conditioning(*twice)
    first, second = predict(both, torch.cat([batch.t, batch.t]), condition).chunk(2)
    return first, second
