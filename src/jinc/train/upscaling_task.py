"""The objective of a super-resolution model: the residual of a low-resolution image."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, image_grid, to_float
from jinc.models import SamplingPlan, Upscaler, upscale_images
from jinc.models.upscaler import LowResConditioning, augmentation_input
from jinc.signal import bicubic, block_mean, repeat_pixels
from jinc.train.batches import Batch, hold_out
from jinc.train.config import TrainConfig
from jinc.train.tasks import Predict, Task, diffusion_losses, predicting_beside

SHOWN = 8
"""Images in a grid."""

STEPS = 20
"""DDIM steps of the upscaled images in a grid."""

LOOKED_AT = 256
"""Images that the spread of residuals is measured on."""


class UpscalingTask(Task[Upscaler]):
    """Train a diffusion model of residuals, conditioned on low-resolution images.

    Low-resolution images are block means, half of them with noise; the residual is the image minus
    its enlarged low-resolution image. The first held-out images appear in grids, or the first of
    all without holdout.
    """

    def __init__(self, package: Upscaler, config: TrainConfig, images: ImageSet) -> None:
        super().__init__(package, config)
        train, held_out = hold_out(len(images), config.holdout, config.seed)
        places = (held_out if len(held_out) else train)[:SHOWN]
        self._shown = images.batch(places)
        self._prompts: tuple[str, ...] = ()
        if package.class_names and images.labels is not None:
            self._prompts = tuple(package.class_names[images.labels[i]] for i in places)

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the weighted loss of every image."""
        package = self.package
        level = torch.zeros_like(batch.t) if batch.level is None else batch.level
        low = block_mean(batch.x0, package.factor)
        low_res = LowResConditioning.of(
            low, package.factor, package.residual_schedule, level, batch.low_noise
        )
        augment = batch.augment
        if package.most_noise:
            labelled = self._config.augment_labels and augment.shape[1]  # not so in validation
            others = augment.new_zeros(len(augment), package.network.augmentations - 1)
            augment = augmentation_input(low_res, augment if labelled else others)
        beside = low_res.beside
        if batch.move is not None:
            beside = torch.cat([beside, batch.move(beside)])
        rest = replace(batch, x0=(batch.x0 - low_res.base) / package.spread, augment=augment)
        losses = diffusion_losses(
            package.network,
            package.residual_schedule,
            package.prediction,
            self._config,
            predicting_beside(predict, beside),
            rest,
        )
        # Noisy inputs leave larger residuals, which would dominate those of clean inputs.
        power = package.spread**2
        return losses * power / (power + low_res.amplitude.flatten().square())

    def draw(self, package: Upscaler) -> Iterator[NDArray[np.uint8] | None]:
        """Draw small images, what a sampler makes of them, and the real ones, in rows."""
        real = to_float(self._shown).to(package.device)
        low = block_mean(real, package.factor)
        settings = self._config
        usual = SamplingPlan(
            prompts=self._prompts, guidance=settings.sample_guidance, seed=settings.seed
        )
        plans = [replace(usual, sampler=name) for name in settings.sample_with]
        for plan in plans or [replace(usual, steps=min(STEPS, package.timesteps))]:
            made = low
            for step in upscale_images(package, low, plan):
                made = step.x_t
                yield None
            rows = torch.cat([repeat_pixels(low, package.factor), made, real])
            yield image_grid(rows, columns=len(real), scale=None)


def spread(images: ImageSet, factor: int) -> float:
    """Measure the root mean square of the residuals of `LOOKED_AT` low-resolution images.

    It is rounded to three digits, to be the same on every machine.
    """
    places = np.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).astype(np.int64)
    x0 = to_float(images.batch(places))
    rest = x0 - bicubic(block_mean(x0, factor), factor)
    return max(1e-3, float(f"{float(rest.square().mean().sqrt()):.2e}"))
