"""Models of images: a trained network with the facts that sampling needs."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from jinc.diffusion import Prediction, Schedule, x0_of
from jinc.models.trained import Trained
from jinc.nn import Conditioning, Network, joined_labels
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """A denoiser from a network that predicts ε, x0, v or flow.

    Args:
        network: `(x_t, t, condition) -> prediction`.
        schedule: the one it was trained with.
        labels: class of each image, `[B]`; None for no class.
        prediction: what the network predicts.
    """

    network: Network
    schedule: Schedule
    labels: Tensor | None = None
    prediction: Prediction = "eps"

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        output = self.network(x_t, t, Conditioning(self.labels))
        return x0_of(self.schedule, self.prediction, x_t, t, output)

    def rows(self, places: Tensor) -> Denoiser:
        """Return a denoiser of some images of the batch only."""
        return self if self.labels is None else replace(self, labels=self.labels[places])

    @property
    def shares(self) -> Hashable:
        """Leaves of one network and schedule are evaluated together."""
        return id(self.network), id(self.schedule), self.prediction

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        labels = joined_labels([(part.labels, count) for part, count in parts])
        return replace(self, labels=labels)


@dataclass(frozen=True, eq=False)
class Model(Trained):
    """A model of images; its arguments are those of `Trained`."""

    FILE: ClassVar[str] = "diffusion.json"

    def denoiser(self, labels: Tensor | None = None) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for images of given classes, `[B]`, or of none."""
        return NetworkDenoiser(self.network, self.schedule, labels, self.prediction)

    def prompted(self, prompts: Sequence[str]) -> Denoiser:
        """Return a denoiser of images with a class each, by name or number, or "" for none."""
        return self.denoiser(self.labels(prompts))
