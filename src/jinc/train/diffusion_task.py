"""The task of a diffusion model: to tell noise, image or velocity from a noisy image."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

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
    ddim,
    eps_of,
    error,
    forward,
    min_snr_weight,
    mismatch,
    sample,
    target,
)
from jinc.models import CHUNK, Model, Shaping, generate_images, grid_columns
from jinc.nn import Conditioning, Network
from jinc.train.batches import Batch
from jinc.train.config import TrainConfig
from jinc.train.sampling import sampling_by_name
from jinc.train.task import Predict
from jinc.types import Images

GRID = 40
"""Images in a picture of samples; one chunk where they are larger than 32×32."""

STEPS = 50
"""Steps of DDIM that they are sampled in, or all where there are fewer."""


class DiffusionTask:
    """Train a model to say what a noisy image is made of.

    Args:
        package: the untrained model.
        config: the objective.
    """

    def __init__(self, package: Model, config: TrainConfig) -> None:
        self.package, self._config = package, config

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the error of every image, weighted, with what else is asked for."""
        return diffusion_losses(
            self.package.network, self.package.schedule, self._config, predict, batch
        )

    def packaged(self, network: Network) -> Model:
        """Return the model with other weights."""
        return replace(self.package, network=network)

    def draw(self, package: Model) -> Iterator[NDArray[np.uint8] | None]:
        """Draw samples by one sampler after another, pausing after every step."""
        prompts, guidance = package.class_names, self._config.sample_guidance
        names = self._config.sample_with
        usual = {
            "shaping": Shaping(prompts=prompts, guidance=guidance),
            "walk": partial(sample, method=ddim(eta=1.0)),
            "steps": min(STEPS, package.timesteps),
        }
        asked = [sampling_by_name(name, package, prompts, guidance) for name in names]
        count = GRID if max(package.image_size) <= 32 else CHUNK
        for options in asked or [usual]:
            last: dict[int, Tensor] = {}
            walk = generate_images(package, count, seed=self._config.seed, **options)
            for numbers, step in walk:
                if step.t == -1:
                    last[numbers.start] = step.x_t
                yield None
            images = torch.cat(list(last.values()))
            yield image_grid(images, columns=grid_columns(prompts), scale=None)


def diffusion_losses(
    network: Network, schedule: Schedule, config: TrainConfig, predict: Predict, batch: Batch
) -> Tensor:
    """Return the error of every image, weighted, with what else is asked for.

    Args:
        network: what it can be told.
        schedule: of the noise.
        config: the objective.
        predict: the network as it is trained.
        batch: what it sees.

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
    """Predict from the images and, where asked, from the images moved, in one call."""
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
