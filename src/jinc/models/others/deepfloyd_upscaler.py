"""DeepFloyd IF's second stage: upscaling with a prompt."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.diffusion import Schedule, View, forward
from jinc.errors import JincError
from jinc.models.others.deepfloyd import TextModel
from jinc.types import Denoiser, Images, Noise, Steps

FACTOR = 4
"""Upscaling factor of IF's second stage; its settings do not say."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PromptedUpscaler(TextModel):
    """A pixel model conditioned on a small image and a prompt: DeepFloyd IF's second stage.

    It was trained on small images with noise of any level, which is an input, so that it tolerates
    the faults of generated ones. The more noise, the more it generates itself: 250 of 1,000 is
    usual for generated images, less for photographs.

    Args:
        noising: the schedule of the small images' noise.

    Source: DeepFloyd IF, after Imagen (arXiv 2205.11487), section 2.4.
    """

    noising: Schedule

    @property
    def low_size(self) -> tuple[int, int]:
        """Height and width of the small images in training; it supports others."""
        height, width = self.image_size
        return height // FACTOR, width // FACTOR

    def upscaling(
        self, low: Images, prompts: Sequence[str], level: int, noise: Noise
    ) -> "PromptedUpscaling":
        """Return the denoiser of large images of small ones.

        The noise on small images is drawn here, once. All branches of an effect must use the same:
        derive them from one denoiser, by its `with_prompts` and `through`.

        Args:
            low: clean small images, `[B, C, h, w]`; the large ones are `[B, C, 4h, 4w]`.
            prompts: one for each image.
            level: of the noise, 0 … T−1 of `noising`.
            noise: white noise on demand, such as `SeededNoise`; called once, for `[B, C, H, W]`.

        Raises:
            JincError: images, prompts or a level that do not fit.
        """
        if low.ndim != 4 or low.shape[:2] != (len(prompts), self.channels):
            expected = f"[{len(prompts)}, {self.channels}, h, w]"
            raise JincError(f"low: {expected} is expected, got {list(low.shape)}")
        if not 0 <= level < len(self.noising):
            raise JincError(f"level: 0 to {len(self.noising) - 1} is expected, got {level}")
        size = [FACTOR * side for side in low.shape[2:]]
        large = F.interpolate(low.to(self.device), size, mode="bilinear", align_corners=True)
        seen = forward(self.noising, large, level, noise(large))
        levels = torch.full((len(low),), level, device=self.device)
        return PromptedUpscaling(self, self.embeddings(prompts), seen, levels)


@dataclass(frozen=True, eq=False)
class PromptedUpscaling:
    """A denoiser of images with a prompt and a small image each.

    With `up = upscaler.upscaling(low, ["a cat"], 250, noise)`, guidance is
    `cfg(up, up.with_prompts([""]), 4.0)`; and an anagram is
    `anagram([(identity(), up), (hflip(), up.with_prompts(["a dog"]).through(hflip()))])`.

    Args:
        model: the upscaler.
        embeddings: of the prompts, `[B, L, D]`.
        beside: the small images, enlarged and noised, `[B, C, H, W]`.
        levels: of their noise, `[B]`.
    """

    model: PromptedUpscaler
    embeddings: Tensor
    beside: Images
    levels: Tensor

    def with_prompts(self, prompts: Sequence[str]) -> Self:
        """Return the denoiser of the same small images with other prompts, as many as before."""
        if len(prompts) != len(self.embeddings):
            raise JincError(f"prompts: {len(self.embeddings)} are expected, got {len(prompts)}")
        return replace(self, embeddings=self.model.embeddings(prompts))

    def through(self, view: View) -> Self:
        """Return the denoiser of large images seen through a view."""
        return replace(self, beside=view(self.beside))

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`."""
        if x_t.shape != self.beside.shape:
            shape = list(self.beside.shape)
            raise JincError(f"images: {shape} is expected, got {list(x_t.shape)}")
        both = torch.cat([x_t, self.beside.to(x_t)], 1)
        return self.model.predict(x_t, t, self.embeddings, both, self.levels)

    def rows(self, places: Tensor) -> Denoiser:
        """Return a denoiser of some images of the batch only."""
        return replace(
            self,
            embeddings=self.embeddings[places],
            beside=self.beside[places],
            levels=self.levels[places],
        )

    @property
    def shares(self) -> Hashable:
        """The model."""
        return id(self.model)

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        leaves = [part for part, _ in parts]
        return replace(
            self,
            embeddings=torch.cat([leaf.embeddings for leaf in leaves]),
            beside=torch.cat([leaf.beside for leaf in leaves]),
            levels=torch.cat([leaf.levels for leaf in leaves]),
        )
