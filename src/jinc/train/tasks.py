"""Training objectives: a loss on a batch, and the model that it trains."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, image_grid, to_float
from jinc.diffusion import (
    Prediction,
    Schedule,
    SeededNoise,
    complexity_normalised,
    complexity_published,
    complexity_term,
    eps_of,
    error,
    error_ratio,
    forward,
    min_snr_weight,
    mismatch,
    target,
)
from jinc.diffusion.process import Parametrisation
from jinc.models import CHUNK, Model, SamplingPlan, SingleStep, generate_images, grid_columns
from jinc.models.calls import in_precision
from jinc.nn import Conditioning, Network
from jinc.signal.frame import Frame
from jinc.train.batches import Batch
from jinc.train.config import TrainConfig
from jinc.types import Images, Steps

Predict: TypeAlias = Callable[..., Tensor]
"""The network in training: wrapped for several processes, in the precision of the run."""

GRID = 40
"""Images in a grid of samples; one chunk if they are larger than 32×32."""

STEPS = 50
"""DDIM steps of these samples, or T if that is less."""

DENOISED = 10
"""Images in a grid of the single-step denoiser."""


class Package(Protocol):
    """A network with all that is needed to use it, saved as a folder."""

    @property
    def network(self) -> Network:
        """The network."""

    def save(self, folder: str | Path) -> None:
        """Write the folder, or replace it atomically."""


P = TypeVar("P", bound=Package)


class Task(ABC, Generic[P]):
    """A network and its training objective.

    Args:
        package: the untrained model.
        config: the objective.
        original: the model that is fine-tuned, and may teach; its weights are frozen.
    """

    def __init__(self, package: P, config: TrainConfig, original: Model | None = None) -> None:
        self.package, self._config, self.original = package, config, original
        if original is not None:
            original.network.eval().requires_grad_(False)

    def packaged(self, network: Network) -> P:
        """Return the model with another network, such as an average of the weights."""
        made: P = replace(self.package, network=network)  # type: ignore[type-var]  # a dataclass
        return made

    @abstractmethod
    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the loss of every image of a batch, `[B]`, differentiable."""

    @abstractmethod
    def draw(self, package: P) -> Iterator[NDArray[np.uint8] | None]:
        """Draw a grid of samples for each sampler, and yield None after every step."""


class DiffusionTask(Task[Model]):
    """Train a diffusion model."""

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the weighted loss of every image, with auxiliary terms."""
        teacher = self._teacher()
        if self.package.frames:
            beside = Frame().coordinates(batch.x0)
            teacher = teacher and predicting_beside(teacher, beside)
            if batch.move is not None:
                beside = torch.cat(
                    [beside, batch.move.frame(*batch.x0.shape[-2:]).coordinates(batch.x0)]
                )
            predict = predicting_beside(predict, beside)
        return diffusion_losses(
            self.package.network,
            self.package.schedule,
            self.package.parametrisation,
            self._config,
            predict,
            batch,
            teacher,
        )

    def _teacher(self) -> Predict | None:
        """Return the predictions of the teacher; None without one, and in validation."""
        if self.original is None or not self._config.teacher or not torch.is_grad_enabled():
            return None
        return torch.no_grad()(in_precision(self.original.network, self._config.precision))

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


class DenoisingTask(Task[SingleStep]):
    """Train a network to denoise z = x + σ ε, images x being in [0, 1].

    The first images of the data appear in grids.

    Source: CS180 (Berkeley), project 5, part B.
    """

    def __init__(self, package: SingleStep, config: TrainConfig, images: ImageSet) -> None:
        super().__init__(package, config)
        self._shown = images.batch(range(min(DENOISED, len(images))))

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the loss of every image."""
        x = (batch.x0 + 1) / 2
        noisy = x + self.package.noise_std * batch.eps
        no_step = torch.zeros_like(batch.t)  # as when it is used
        return error(predict(noisy, no_step), x, self._config.loss)

    def draw(self, package: SingleStep) -> Iterator[NDArray[np.uint8] | None]:
        """Draw rows of clean, noisy and denoised images."""
        device = next(package.network.parameters()).device
        x = (to_float(self._shown).to(device) + 1) / 2
        noise = SeededNoise(self._config.seed, range(len(x)))
        noisy = x + package.noise_std * noise(x)
        rows = torch.cat([x, noisy, package(noisy)])
        yield image_grid(2 * rows - 1, columns=len(x), scale=None)


def predicting_beside(predict: Predict, beside: Tensor) -> Predict:
    """Predict with other images beside the noisy ones, `[B, beside, H, W]`."""

    def predicted(x_t: Images, t: Steps, condition: Conditioning) -> Tensor:
        return predict(x_t, t, condition._replace(beside=beside))

    return predicted


def diffusion_losses(
    network: Network,
    schedule: Schedule,
    kind: Prediction | Parametrisation,
    config: TrainConfig,
    predict: Predict,
    batch: Batch,
    teacher: Predict | None = None,
) -> Tensor:
    """Return the weighted loss of every image, with auxiliary terms, `[B]`.

    Args:
        network: says which conditions it takes.
        schedule: of the noise.
        kind: what the network predicts.
        config: the objective.
        predict: the network in training.
        batch: its inputs.
        teacher: whose predictions the network learns too.
    """
    t = batch.t
    x_t = forward(schedule, batch.x0, t, batch.eps)
    condition = _condition(network, batch)
    output, moved = _outputs(predict, condition, batch, x_t)
    wanted = target(schedule, kind, batch.x0, t, batch.eps)
    space = config.loss_space or kind
    scale = error_ratio(schedule, kind, space, t).to(output) if config.loss_space else 1.0
    losses = error(scale * output, scale * wanted, config.loss)
    if config.min_snr_gamma:
        losses = losses * min_snr_weight(schedule, space, t, config.min_snr_gamma).to(losses)
    if config.complexity != "off":
        published = config.complexity == "published"
        weights = complexity_published(x_t) if published else complexity_normalised(batch.x0)
        eps = eps_of(schedule, kind, x_t, t, output)
        losses = losses + config.complexity_weight * complexity_term(weights, eps, batch.eps)
    if batch.move is not None:
        inside = batch.move.mask(*x_t.shape[-2:])
        losses = losses + config.equivariance * mismatch(moved, batch.move(output), inside)
    if teacher is not None:
        losses = losses + config.teacher * error(output, teacher(x_t, t, condition), "mse")
    return losses


def _condition(network: Network, batch: Batch) -> Conditioning:
    labels = batch.labels if network.classes else None
    labelled = network.augmentations and batch.augment.shape[1]  # not in validation
    return Conditioning(labels, batch.augment if labelled else None)


def _outputs(
    predict: Predict, condition: Conditioning, batch: Batch, x_t: Images
) -> tuple[Images, Images]:
    """Predict from the images and, for the equivariance loss, the moved images, in one call."""
    if batch.move is None:
        output = predict(x_t, batch.t, condition)
        return output, output
    both = torch.cat([x_t, batch.move(x_t)])
    twice = Conditioning(*(None if each is None else torch.cat([each, each]) for each in condition))
    first, second = predict(both, torch.cat([batch.t, batch.t]), twice).chunk(2)
    return first, second
