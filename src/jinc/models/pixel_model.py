"""What sampling needs of a model, whoever made it."""

from collections.abc import Sequence
from typing import Protocol, Self

import torch

from jinc.diffusion import Schedule
from jinc.types import Denoiser


class Sampled(Protocol):
    """What is to be known of any model that is sampled from."""

    @property
    def schedule(self) -> Schedule:
        """The noise that it was trained with."""

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
        """What it can be asked for, where that can be listed; nothing for texts."""

    @property
    def guidable(self) -> bool:
        """Whether it also predicts without a prompt, to compare with."""

    @property
    def scale_aware(self) -> bool:
        """Whether a louder image gives a louder prediction; if not, it is calibrated."""

    @property
    def device(self) -> torch.device:
        """Where its network is."""

    def to(self, device: torch.device) -> Self:
        """Move its network, and return the model."""

    def limited(self, denoiser: Denoiser) -> Denoiser:
        """Keep predictions in the range of images, in the way that the model is used to."""


class PixelModel(Sampled, Protocol):
    """A model of pixels that can be prompted: a run of ours, one of diffusers, DeepFloyd IF."""

    def prompted(self, prompts: Sequence[str]) -> Denoiser:
        """Return a denoiser of as many images as there are prompts.

        Args:
            prompts: one for each image of a batch: a class by name or number, a text, or "".

        Raises:
            JincError: a prompt that the model does not understand.
        """
