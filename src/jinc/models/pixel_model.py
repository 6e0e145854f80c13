"""The protocols of models that can be sampled."""

from collections.abc import Sequence
from typing import Protocol, Self

import torch

from jinc.diffusion import Schedule
from jinc.types import Denoiser


class Sampled(Protocol):
    """The properties of any model that can be sampled."""

    @property
    def schedule(self) -> Schedule:
        """The schedule it was trained with."""

    @property
    def timesteps(self) -> int:
        """T, the number of levels of the schedule."""

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def channels(self) -> int:
        """Channels of the images."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of its classes; none for text-to-image models."""

    @property
    def guidable(self) -> bool:
        """Whether it also predicts without a prompt, as guidance needs."""

    @property
    def scale_aware(self) -> bool:
        """Whether predictions scale with the input; if not, they are calibrated."""

    @property
    def device(self) -> torch.device:
        """Where its network is."""

    def to(self, device: torch.device) -> Self:
        """Move its network, and return the model."""

    def limited(self, denoiser: Denoiser) -> Denoiser:
        """Limit predictions to the range of images, in the model's own way."""


class PixelModel(Sampled, Protocol):
    """A model of images with prompts: a run of ours, a model of diffusers, DeepFloyd IF."""

    def prompted(self, prompts: Sequence[str]) -> Denoiser:
        """Return a denoiser of as many images as there are prompts.

        Args:
            prompts: one for each image of a batch: a class by name or number, a text, or "".

        Raises:
            JincError: an unknown prompt.
        """
