"""Text-to-image models of pixels and upscalers: DeepFloyd IF's stages, and others like them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.diffusion import Prediction, Schedule, View, forward, x0_of
from jinc.errors import JincError
from jinc.models.others.prompts import Embedder
from jinc.types import Denoiser, Images, Noise, Steps

FACTOR = 4
"""Upscaling factor of IF's second stage; its settings do not say."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TextModel:
    """A `UNet2DConditionModel` with the facts that sampling needs.

    Args:
        network: `(x_t, t, embeddings [B, L, D]) -> prediction`; a learned variance is dropped.
        embed: embeds prompts.
        width: D of the network.
        schedule: the one it was trained with.
        prediction: what the network predicts.
        image_size: height and width in pixels.
        channels: of the images.
        limit: limits predictions to the range of images.
    """

    network: nn.Module
    embed: Embedder
    width: int
    schedule: Schedule
    prediction: Prediction
    image_size: tuple[int, int]
    channels: int
    limit: Callable[[Denoiser], Denoiser]

    class_names: ClassVar[tuple[str, ...]] = ()
    guidable: ClassVar[bool] = True
    scale_aware: ClassVar[bool] = True

    @property
    def timesteps(self) -> int:
        """T."""
        return len(self.schedule)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def to(self, device: torch.device | str) -> Self:
        """Move the network and the text encoder, and return the model."""
        self.network.to(device)
        self.embed.to(device)
        return self

    def limited(self, denoiser: Denoiser) -> Denoiser:
        """Limit predictions, as the model's scheduler does."""
        return self.limit(denoiser)

    def embeddings(self, prompts: Sequence[str]) -> Tensor:
        """Embed one prompt for each image, `[B, L, D]`, in the network's type and on its device.

        Raises:
            JincError: no prompts, an unknown one, or embeddings of another width.
        """
        if isinstance(prompts, str) or not prompts:
            raise JincError(f"prompts: one for each image is expected in a list, got {prompts!r}")
        embedded = [self.embed(prompt) for prompt in prompts]
        if (width := embedded[0].shape[-1]) != self.width:
            raise JincError(f"prompts: {width} numbers a token, the network takes {self.width}")
        like = next(self.network.parameters())
        return torch.stack([one.to(like.device, like.dtype) for one in embedded])

    def predict(
        self,
        x_t: Images,
        t: Steps,
        embeddings: Tensor,
        input_: Images,
        levels: Tensor | None = None,
    ) -> Images:
        """Predict the clean images, `[B, C, H, W]`.

        Args:
            x_t: noisy images, `[B, C, H, W]`.
            t: their level, `[B]`, 0 … T−1.
            embeddings: of the prompts, `[B, L, D]`.
            input_: of the network: x_t, or x_t concatenated with other images.
            levels: noise level of the other images, `[B]`; None without them.
        """
        if x_t.shape[:2] != (len(embeddings), self.channels):
            expected = f"[{len(embeddings)}, {self.channels}, H, W]"
            raise JincError(f"images: {expected} is expected, got {list(x_t.shape)}")
        output = self.network(
            input_.to(embeddings.dtype), t, embeddings, class_labels=levels, return_dict=False
        )[0]
        mean = output[:, : self.channels].to(x_t.dtype)
        return x0_of(self.schedule, self.prediction, x_t, t, mean)


@dataclass(frozen=True, eq=False, kw_only=True)
class PromptedModel(TextModel):
    """A pixel model with a text encoder, such as DeepFloyd IF's first stage: a `PixelModel`.

    Source: DeepFloyd IF, after Imagen (arXiv 2205.11487).
    """

    def prompted(self, prompts: Sequence[str]) -> "PromptedDenoiser":
        """Return a denoiser of as many images as there are prompts.

        Raises:
            JincError: an unknown prompt, if there is no text encoder.
        """
        return PromptedDenoiser(self, self.embeddings(prompts))


@dataclass(frozen=True, eq=False)
class PromptedDenoiser:
    """A denoiser of images with a prompt each; those of one model are evaluated together."""

    model: PromptedModel
    embeddings: Tensor

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`."""
        return self.model.predict(x_t, t, self.embeddings, x_t)

    def rows(self, places: Tensor) -> Denoiser:
        """Return a denoiser of some images of the batch only."""
        return replace(self, embeddings=self.embeddings[places])

    @property
    def shares(self) -> Hashable:
        """The model."""
        return id(self.model)

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        return replace(self, embeddings=torch.cat([part.embeddings for part, _ in parts]))


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
