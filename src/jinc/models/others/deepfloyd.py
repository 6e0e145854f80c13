"""Text-to-image models of pixels: DeepFloyd IF's first stage, and others like it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from jinc.diffusion import Prediction, Schedule, x0_of
from jinc.errors import JincError
from jinc.models.others.prompt_encoder import Embedder
from jinc.types import Denoiser, Images, Steps


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
